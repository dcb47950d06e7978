// Batches over Submit streams, as fast as they are answered or at a pace.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace timerd::bench {

struct SubmitLoad {
  std::string target;
  // Each on a connection of its own.
  size_t streams = 2;
  // Batches under way on each stream.
  size_t in_flight = 8;
};

struct SubmitResult {
  double seconds = 0;
  // Items that were carried out.
  uint64_t done = 0;
  double per_s() const { return static_cast<double>(done) / seconds; }
};

// The next serialized SubmitRequest; nothing when there are no more.
using BatchSource = std::function<std::optional<grpc::ByteBuffer>()>;

// Sends what `next` gives until that is nothing and all is answered. All on the caller's thread.
// Throws when the server refuses an item or a message, or ends a stream.
SubmitResult RunSubmit(const SubmitLoad& load, const BatchSource& next);

}  // namespace timerd::bench
