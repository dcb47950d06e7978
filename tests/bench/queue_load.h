// What loads queues: timers for them in batches, a worker that settles all it gets, and the
// lateness that it sees.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "tests/support/api_client.h"

namespace timerd::bench {

// `count` timers of 64 bytes for `queue`, numbered from `first`: the first is due in `delay_ns`,
// the others evenly over the next `spread_ns`. Made in batches.
void ScheduleMany(testing::ApiClient& client, const std::string& queue, int first, int count,
                  int64_t delay_ns, int64_t spread_ns);

// Takes what comes, and settles it at once.
class Taker {
 public:
  Taker(testing::ApiClient& client, const std::string& queue, uint32_t credit);
  ~Taker();
  uint64_t settled() const { return settled_.load(); }
  // Of what came since the last call.
  std::vector<double> TakeLatenessMs();

 private:
  void Run();

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WorkRequest, v1::WorkResponse>> call_;
  absl::Mutex mutex_;
  std::vector<double> lateness_ms_ ABSL_GUARDED_BY(mutex_);
  std::atomic<uint64_t> settled_{0};
  std::thread thread_;
};

// A thousand timers a second for the queue "quick", for `seconds`, numbered from `made` on; prints
// how late they came to `taker`.
void Quick(testing::ApiClient& client, Taker& taker, int& made, int seconds, const char* when);

}  // namespace timerd::bench
