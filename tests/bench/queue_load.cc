#include "tests/bench/queue_load.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"

namespace timerd::bench {
namespace {

using ::timerd::testing::ApiClient;
using ::timerd::testing::Nanos;

constexpr int kBatch = 1000;
constexpr size_t kPayload = 64;

}  // namespace

void ScheduleMany(ApiClient& client, const std::string& queue, int first, int count,
                  int64_t delay_ns, int64_t spread_ns) {
  for (int done = 0; done < count;) {
    v1::BatchRequest batch;
    for (; done < count && batch.items_size() < kBatch; ++done) {
      v1::ScheduleRequest& request = *batch.add_items()->mutable_schedule();
      request.set_id(absl::StrCat(queue, "-", first + done));
      request.set_queue(queue);
      request.set_payload(std::string(kPayload, 'x'));
      const int64_t delay = delay_ns + spread_ns * done / count;
      request.mutable_delay()->set_seconds(delay / 1'000'000'000);
      request.mutable_delay()->set_nanos(static_cast<int>(delay % 1'000'000'000));
      request.mutable_lease()->set_seconds(3600);
    }
    const auto reply = client.Batch(batch);
    TIMERD_CHECK(reply.status.ok());
    for (const v1::BatchResult& result : reply->results()) {
      TIMERD_CHECK(!result.has_error());
    }
  }
}

Taker::Taker(ApiClient& client, const std::string& queue, uint32_t credit)
    : call_(client.queues_stub().Work(&context_)) {
  v1::WorkRequest request;
  request.mutable_register_()->set_queue(queue);
  request.mutable_register_()->set_credit(credit);
  call_->Write(request);
  thread_ = std::thread([this] { Run(); });
}

Taker::~Taker() {
  context_.TryCancel();
  thread_.join();
}

std::vector<double> Taker::TakeLatenessMs() {
  const absl::MutexLock lock(&mutex_);
  return std::exchange(lateness_ms_, {});
}

void Taker::Run() {
  v1::WorkResponse response;
  while (call_->Read(&response)) {
    const int64_t now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                            std::chrono::system_clock::now().time_since_epoch())
                            .count();
    v1::WorkRequest done;
    {
      const absl::MutexLock lock(&mutex_);
      for (const v1::Occurrence& each : response.occurrences()) {
        lateness_ms_.push_back(static_cast<double>(now - Nanos(each.deadline())) / 1e6);
        v1::Settlement* const settlement = done.add_settlements();
        settlement->set_id(each.id());
        settlement->set_lease(each.lease());
        settlement->set_success("");
      }
    }
    for (const v1::Settled& each : response.settled()) {
      settled_ += each.has_error() ? 0 : 1;
    }
    if (done.settlements_size() > 0) {
      call_->Write(done);
    }
  }
  call_->Finish();
}

void Quick(ApiClient& client, Taker& taker, int& made, int seconds, const char* when) {
  taker.TakeLatenessMs();
  for (int i = 0; i < seconds * 10; ++i) {
    ScheduleMany(client, "quick", made, 100, 200'000'000, 100'000'000);
    made += 100;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  std::vector<double> lateness = taker.TakeLatenessMs();
  std::sort(lateness.begin(), lateness.end());
  if (!lateness.empty()) {
    std::printf("quick queue, %-28s p50 %.2f ms, p99 %.2f ms, of %zu\n", when,
                lateness[lateness.size() / 2], lateness[lateness.size() * 99 / 100],
                lateness.size());
  }
}

}  // namespace timerd::bench
