// What load generators put into batches. Payloads are 64 bytes.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/program.h"
#include "tests/bench/submit_load.h"

namespace timerd::bench {

constexpr size_t kBatch = 1000;

// Batches of detached timers without ids, so that they can be sent again and again. The delays are
// random between the two.
std::vector<grpc::ByteBuffer> TimerBatches(double from_s, double to_s, size_t batches = 16,
                                           size_t items = kBatch);

// Gives those batches in turn, `count` of them in all.
BatchSource Cycle(const std::vector<grpc::ByteBuffer>& batches, size_t count);
// The same until `seconds` from now are over.
BatchSource CycleFor(const std::vector<grpc::ByteBuffer>& batches, double seconds);

// `count` timers for `queue`, due at `due_ns` of Unix time and then evenly over `spread_ns`.
std::vector<grpc::ByteBuffer> QueueBatches(const std::string& queue, size_t count, int64_t due_ns,
                                           int64_t spread_ns);

int64_t UnixNanos();

}  // namespace timerd::bench
