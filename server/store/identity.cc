#include "server/store/identity.h"

#include <cstring>
#include <random>
#include <string>

#include "server/base/status.h"
#include "server/store/keys.h"

namespace timerd::store {

absl::StatusOr<uint64_t> Identity(OrderedKv& kv) {
  uint64_t identity = 0;
  TIMERD_ASSIGN_OR_RETURN(const std::optional<std::string> stored, kv.Get(IdentityKey()));
  if (stored) {
    if (stored->size() != sizeof(identity)) {
      return absl::DataLossError(
          "the identity of the data directory is malformed; restore it from a backup, or move it "
          "away and start empty");
    }
    std::memcpy(&identity, stored->data(), sizeof(identity));
    return identity;
  }
  std::random_device random;
  identity = (uint64_t{random()} << 32) | random();
  std::string bytes(sizeof(identity), '\0');
  std::memcpy(bytes.data(), &identity, sizeof(identity));
  WriteBatch batch;
  batch.Put(IdentityKey(), bytes);
  TIMERD_RETURN_IF_ERROR(kv.Write(batch, Durability::kSync));
  return identity;
}

}  // namespace timerd::store
