#include "tests/bench/batches.h"

#include <algorithm>
#include <chrono>
#include <random>

#include "tests/bench/wire.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::bench {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr size_t kPayload = 64;

}  // namespace

int64_t UnixNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::vector<grpc::ByteBuffer> TimerBatches(double from_s, double to_s, size_t batches,
                                           size_t items) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> delay_s(from_s, to_s);
  std::vector<grpc::ByteBuffer> made;
  for (size_t i = 0; i < batches; ++i) {
    v1::SubmitRequest batch;
    for (size_t item = 0; item < items; ++item) {
      v1::ScheduleRequest& timer = *batch.add_items()->mutable_schedule();
      const auto delay = static_cast<int64_t>(delay_s(random) * kSecond);
      timer.mutable_delay()->set_seconds(delay / kSecond);
      timer.mutable_delay()->set_nanos(static_cast<int>(delay % kSecond));
      timer.set_payload(std::string(kPayload, 'x'));
      timer.set_detached(true);
    }
    made.push_back(ToBuffer(batch));
  }
  return made;
}

BatchSource Cycle(const std::vector<grpc::ByteBuffer>& batches, size_t count) {
  return [&batches, count, sent = size_t{0}]() mutable -> std::optional<grpc::ByteBuffer> {
    if (sent == count) {
      return std::nullopt;
    }
    return batches[sent++ % batches.size()];
  };
}

BatchSource CycleFor(const std::vector<grpc::ByteBuffer>& batches, double seconds) {
  return [&batches, seconds, start = Clock::now(),
          sent = size_t{0}]() mutable -> std::optional<grpc::ByteBuffer> {
    if (SecondsSince(start) >= seconds) {
      return std::nullopt;
    }
    return batches[sent++ % batches.size()];
  };
}

std::vector<grpc::ByteBuffer> QueueBatches(const std::string& queue, size_t count, int64_t due_ns,
                                           int64_t spread_ns) {
  std::vector<grpc::ByteBuffer> made;
  for (size_t first = 0; first < count; first += kBatch) {
    v1::SubmitRequest batch;
    for (size_t i = first; i < std::min(first + kBatch, count); ++i) {
      v1::ScheduleRequest& timer = *batch.add_items()->mutable_schedule();
      const int64_t due =
          due_ns + spread_ns / static_cast<int64_t>(count) * static_cast<int64_t>(i);
      timer.mutable_at()->set_seconds(due / kSecond);
      timer.mutable_at()->set_nanos(static_cast<int>(due % kSecond));
      timer.set_payload(std::string(kPayload, 'x'));
      timer.set_queue(queue);
    }
    made.push_back(ToBuffer(batch));
  }
  return made;
}

}  // namespace timerd::bench
