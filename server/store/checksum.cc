#include "server/store/checksum.h"

#include <rocksdb/file_checksum.h>

#include <memory>
#include <string>

#include "server/base/check.h"

namespace timerd::store {

uint32_t Crc32c(absl::string_view bytes) {
  // RocksDB keeps its crc32c functions to itself; its checksum of whole files is the public way in.
  static const auto* const factory = new std::shared_ptr<rocksdb::FileChecksumGenFactory>(
      rocksdb::GetFileChecksumGenCrc32cFactory());
  const std::unique_ptr<rocksdb::FileChecksumGenerator> generator =
      (*factory)->CreateFileChecksumGenerator(rocksdb::FileChecksumGenContext());
  generator->Update(bytes.data(), bytes.size());
  generator->Finalize();
  const std::string big_endian = generator->GetChecksum();
  TIMERD_CHECK(big_endian.size() == sizeof(uint32_t));
  uint32_t crc = 0;
  for (char c : big_endian) {
    crc = (crc << 8) | static_cast<unsigned char>(c);
  }
  return crc;
}

}  // namespace timerd::store
