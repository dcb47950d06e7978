// Time-outs that hardly ever come: each timer is scheduled, and 99 of 100 are cancelled before they
// fire. A batch of 1,000 schedules 500 and cancels those that were made a while ago. Also how long
// ago that is.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/batches.h"
#include "tests/bench/program.h"
#include "tests/bench/submit_load.h"
#include "tests/bench/wire.h"
#include "tests/support/server_process.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::bench {
namespace {

constexpr size_t kScheduled = kBatch / 2;
constexpr size_t kFiring = kScheduled / 100;
constexpr size_t kIdBytes = 16;

// A serialized batch whose ids are patched, which is cheaper than to build one.
class ChurnBatch {
 public:
  explicit ChurnBatch(bool cancels) {
    v1::SubmitRequest batch;
    for (size_t i = 0; i < kScheduled; ++i) {
      v1::ScheduleRequest& timer = *batch.add_items()->mutable_schedule();
      timer.set_id(Placeholder(i));
      timer.mutable_delay()->set_seconds(i < kFiring ? 1 : 60);
      timer.set_payload(std::string(64, 'x'));
      timer.set_detached(true);
    }
    const size_t cancelled = cancels ? kScheduled - kFiring : 0;
    for (size_t i = 0; i < cancelled; ++i) {
      batch.add_items()->mutable_cancel()->set_id(Placeholder(kScheduled + i));
    }
    bytes_ = batch.SerializeAsString();
    size_t from = 0;
    for (size_t i = 0; i < kScheduled + cancelled; ++i) {
      from = bytes_.find(Placeholder(i), from);
      places_.push_back(from);
    }
  }

  // Schedules generation `made`, cancels what is to be cancelled of `cancelled`.
  grpc::ByteBuffer Make(size_t made, size_t cancelled) {
    for (size_t i = 0; i < places_.size(); ++i) {
      const bool schedules = i < kScheduled;
      const std::string id =
          Id(schedules ? made : cancelled, schedules ? i : i - kScheduled + kFiring);
      std::memcpy(bytes_.data() + places_[i], id.data(), kIdBytes);
    }
    return ToBuffer(bytes_);
  }

 private:
  static std::string Id(size_t generation, size_t number) {
    char id[kIdBytes + 1];
    std::snprintf(id, sizeof id, "%010zu.%05zu", generation % 10'000'000'000, number % 100'000);
    return id;
  }
  static std::string Placeholder(size_t place) { return Id(9'999'999'999, place); }

  std::string bytes_;
  std::vector<size_t> places_;
};

void Measure(const Options& options, Results& results) {
  testing::ServerProcess timerd({.flags = {"--durability=sync"}});
  const SubmitLoad load{.target = timerd.address(),
                        .streams = options.Number("streams", 2),
                        .in_flight = options.Number("in-flight", 8)};
  const auto seconds = static_cast<double>(options.Number("seconds", options.full() ? 20 : 6));
  const size_t behind = options.Number("pending", 60'000) / kScheduled;

  ChurnBatch schedule_only(false);
  ChurnBatch churn(true);
  size_t made = 0;
  RunSubmit(load, [&]() -> std::optional<grpc::ByteBuffer> {
    if (made == behind) {
      return std::nullopt;
    }
    return schedule_only.Make(made++, 0);
  });
  // What is cancelled was made and answered long ago: many more batches ago than are under way.
  const Clock::time_point start = Clock::now();
  const SubmitResult result = RunSubmit(load, [&]() -> std::optional<grpc::ByteBuffer> {
    if (SecondsSince(start) >= seconds) {
      return std::nullopt;
    }
    const size_t cancelled = made - behind;
    return churn.Make(made++, cancelled);
  });
  const double pairs = static_cast<double>(kScheduled - kFiring) *
                       static_cast<double>(made - behind) / result.seconds;
  results.Add("churn.pairs_per_s", pairs, "/s");
  results.Add("churn.cancelled_after_s", static_cast<double>(behind * kScheduled) / pairs, "s");
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) {
  return timerd::bench::RunProgram(argc, argv, timerd::bench::Measure);
}
