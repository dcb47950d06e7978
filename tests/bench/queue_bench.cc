// Queues: what a consumer that stops reading costs the server and the other queues, and how fast a
// backlog is delivered, settled and made durable. Prints figures, asserts nothing.
//
//   queue_bench [backlog] [seconds]      1,000,000 and 5 if not said
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/api_client.h"
#include "tests/support/server_process.h"
#include "tests/support/work_call.h"

namespace timerd::bench {
namespace {

using ::timerd::testing::ApiClient;
using ::timerd::testing::Nanos;
using ::timerd::testing::ServerProcess;
using ::timerd::testing::WorkCall;
using Clock = std::chrono::steady_clock;

constexpr int kBatch = 1000;
constexpr size_t kPayload = 64;

double RssMib(const ServerProcess& server) {
  std::ifstream status(absl::StrCat("/proc/", server.pid(), "/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) {
      return std::atof(line.c_str() + 6) / 1024;
    }
  }
  return 0;
}

void ScheduleBatch(ApiClient& client, const std::string& queue, int first, int count,
                   int64_t delay_ns, int64_t spread_ns) {
  v1::BatchRequest batch;
  for (int i = first; i < first + count; ++i) {
    v1::ScheduleRequest& request = *batch.add_items()->mutable_schedule();
    request.set_id(absl::StrCat(queue, "-", i));
    request.set_queue(queue);
    request.set_payload(std::string(kPayload, 'x'));
    const int64_t delay = delay_ns + spread_ns * (i - first) / count;
    request.mutable_delay()->set_seconds(delay / 1'000'000'000);
    request.mutable_delay()->set_nanos(static_cast<int>(delay % 1'000'000'000));
    request.mutable_lease()->set_seconds(3600);
  }
  client.Batch(batch);
}

// Takes what comes, and settles it at once.
class Taker {
 public:
  Taker(ApiClient& client, const std::string& queue, uint32_t credit)
      : call_(client.queues_stub().Work(&context_)) {
    v1::WorkRequest request;
    request.mutable_register_()->set_queue(queue);
    request.mutable_register_()->set_credit(credit);
    call_->Write(request);
    thread_ = std::thread([this] { Run(); });
  }
  ~Taker() {
    context_.TryCancel();
    thread_.join();
  }
  uint64_t settled() const { return settled_.load(); }
  std::vector<double> TakeLatenessMs() {
    const absl::MutexLock lock(&mutex_);
    return std::exchange(lateness_ms_, {});
  }

 private:
  void Run() {
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

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WorkRequest, v1::WorkResponse>> call_;
  absl::Mutex mutex_;
  std::vector<double> lateness_ms_;
  std::atomic<uint64_t> settled_{0};
  std::thread thread_;
};

// A thousand timers a second for the queue "quick", for `seconds`.
void Quick(ApiClient& client, Taker& taker, int& made, int seconds, const char* when) {
  taker.TakeLatenessMs();
  for (int i = 0; i < seconds * 10; ++i) {
    ScheduleBatch(client, "quick", made, kBatch / 10, 200'000'000, 100'000'000);
    made += kBatch / 10;
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

int Main(int argc, char** argv) {
  const int backlog = argc > 1 ? std::atoi(argv[1]) : 1'000'000;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 5;
  ServerProcess server({.flags = {"--durability=sync"}});
  ApiClient client(server.address(), std::chrono::minutes(2));
  int made = 0;
  auto quick = std::make_unique<Taker>(client, "quick", 1000);
  Quick(client, *quick, made, seconds, "alone:");

  const auto begin = Clock::now();
  for (int i = 0; i < backlog; i += kBatch) {
    ScheduleBatch(client, "slow", i, kBatch, 0, 0);
  }
  std::printf("%d timers for the slow queue in %.1f s; RSS %.0f MiB\n", backlog,
              std::chrono::duration<double>(Clock::now() - begin).count(), RssMib(server));
  while (client.GetQueue("queue: 'slow'")->queue().depth() < static_cast<uint64_t>(backlog)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  Quick(client, *quick, made, seconds, "beside a backlog:");
  const double before = RssMib(server);
  {
    // Neither reads anything: a worker with all the credit there is, and a feed from the oldest on.
    WorkCall stalled(client.queues_stub(), "slow", 10'000);
    stalled.Stall();
    auto feed = client.Watch("everything: true from_oldest: true");
    Quick(client, *quick, made, seconds, "beside two stalled readers:");
    std::printf("RSS %.0f MiB before the stalled readers, %.0f MiB with them\n", before,
                RssMib(server));
    feed.Detach();
  }
  std::vector<std::unique_ptr<Taker>> takers;
  const auto drain = Clock::now();
  for (int i = 0; i < 2; ++i) {
    takers.push_back(std::make_unique<Taker>(client, "slow", 5'000));
  }
  const auto settled = [&takers] { return takers[0]->settled() + takers[1]->settled(); };
  // What the stalled worker had comes back after a lapse: the rate is that of the others.
  while (settled() < static_cast<uint64_t>(backlog) * 9 / 10) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const double taken = std::chrono::duration<double>(Clock::now() - drain).count();
  std::printf("drained %.0f occurrences/s: delivered, settled and durable\n",
              static_cast<double>(settled()) / taken);
  return 0;
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) { return timerd::bench::Main(argc, argv); }
