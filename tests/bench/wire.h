// Messages as bytes. A load generator that shares its cores with the server cannot afford to build
// and to parse what it sends and receives, so it sends bytes that were made before, and looks at
// the few fields of an answer that it needs.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace timerd::bench {

grpc::ByteBuffer ToBuffer(absl::string_view bytes);
grpc::ByteBuffer ToBuffer(const google::protobuf::MessageLite& message);

// The bytes of a buffer in one piece; shares them where they are in one piece already.
class Flat {
 public:
  explicit Flat(const grpc::ByteBuffer& buffer);
  absl::string_view bytes() const;

 private:
  grpc::Slice slice_;
};

// Goes over the fields of a serialized message in the order in which they stand there. Throws
// std::runtime_error where the bytes are no message. Does not own them.
class Fields {
 public:
  explicit Fields(absl::string_view message)
      : at_(message.data()), end_(message.data() + message.size()) {}

  // Goes to the first or next field; false at the end.
  bool Next();
  int number() const { return number_; }
  // Of numbers, fixed or not.
  uint64_t value() const { return value_; }
  // Of strings, bytes and messages.
  absl::string_view bytes() const { return bytes_; }

 private:
  uint64_t Varint();
  absl::string_view Take(size_t size);

  const char* at_;
  const char* const end_;
  int number_ = 0;
  uint64_t value_ = 0;
  absl::string_view bytes_;
};

// The time in a serialized google.protobuf.Timestamp, as nanoseconds of Unix time.
int64_t TimestampNanos(absl::string_view message);

// What WireFormat puts in front of a field: to append one to bytes.
void AppendVarint(uint64_t value, std::string& bytes);

}  // namespace timerd::bench
