// 200,000 occurrences for three workers, while workers and server are killed at random: each is
// carried out, and nothing is delivered twice under one attempt number.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/integration/server_test.h"
#include "tests/support/temp_dir.h"

namespace timerd::testing {
namespace {

constexpr int kOccurrences = 200'000;
constexpr int kBatch = 1'000;
constexpr int kWorkers = 3;
constexpr int kKills = 24;

class WorkerProcess {
 public:
  void Start(const std::string& address, const std::string& file) {
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() == parent) {
        execl(STORM_WORKER, STORM_WORKER, address.c_str(), "storm", file.c_str(), nullptr);
      }
      _exit(127);
    }
  }
  void Kill() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_ = -1;
};

// Follows the whole namespace from its first event to the end of the last handle, going on from its
// cursor whenever the server is killed.
class Watcher {
 public:
  explicit Watcher(const std::string& address)
      : stub_(
            v1::Timers::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))),
        thread_([this] { Run(); }) {}
  ~Watcher() {
    stopping_.store(true);
    thread_.join();
  }
  int ended() const { return ended_.load(); }
  // Once all have ended: what was seen of each, and what should not have been.
  const std::map<std::string, std::vector<v1::Event>>& events() const { return events_; }
  int gaps() const { return gaps_.load(); }

 private:
  void Run() {
    std::string cursor;
    while (!stopping_.load() && ended_.load() < kOccurrences) {
      grpc::ClientContext context;
      context.set_wait_for_ready(true);
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
      v1::WatchRequest request;
      request.set_everything(true);
      request.set_from_oldest(true);
      request.set_cursor(cursor);
      const auto reader = stub_->Watch(&context, request);
      v1::WatchResponse response;
      while (ended_.load() < kOccurrences && !stopping_.load() && reader->Read(&response)) {
        cursor = response.cursor();
        gaps_ += response.has_gap() ? 1 : 0;
        if (response.has_event()) {
          events_[response.event().id()].push_back(response.event());
          ended_ += response.event().type() == v1::Event::TYPE_FIRED ? 0 : 1;
        }
      }
      context.TryCancel();
      while (reader->Read(&response)) {
      }
      reader->Finish();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  const std::unique_ptr<v1::Timers::Stub> stub_;
  std::map<std::string, std::vector<v1::Event>> events_;
  std::atomic<int> ended_{0};
  std::atomic<int> gaps_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

class StormTest : public ServerTest {
 protected:
  // The kill may come in the middle: then once more, which changes nothing (same id and contents).
  void ScheduleBatch(int first) {
    v1::BatchRequest request;
    for (int i = first; i < first + kBatch; ++i) {
      v1::ScheduleRequest& schedule = *request.add_items()->mutable_schedule();
      schedule.set_id(absl::StrCat("t", i));
      schedule.mutable_delay()->set_nanos((i * 7919) % 900'000'000);
      schedule.set_queue("storm");
      schedule.mutable_lease()->set_seconds(4);
      schedule.mutable_retry()->mutable_initial_backoff()->set_nanos(50'000'000);
      schedule.mutable_retry()->set_max_attempts(1000);
    }
    const auto answer = client().Batch(request);
    ASSERT_THAT(answer.status, IsOkCall());
    for (const v1::BatchResult& result : answer->results()) {
      ASSERT_TRUE(result.has_acknowledged()) << result.error().message();
    }
  }
};

TEST_F(StormTest, CarriesOutEachOccurrenceUnderAnAttemptNumberOfItsOwn) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  StartServer({"--shards=2", "--lease-grace=200ms"});
  const TempDir dir;
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (int i = 0; i < 2; ++i) {
    watchers.push_back(std::make_unique<Watcher>(server().address()));
  }
  std::vector<WorkerProcess> workers(kWorkers);
  for (int i = 0; i < kWorkers; ++i) {
    workers[i].Start(server().address(), absl::StrCat(dir.path(), "/", i));
  }
  int scheduled = 0;
  for (int kills = 0; kills < kKills; ++kills) {
    // Between two kills some more are scheduled, and some time passes.
    for (int i = 0; i < kOccurrences / kBatch / kKills + 1 && scheduled < kOccurrences; ++i) {
      ScheduleBatch(scheduled);
      scheduled += kBatch;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 300));
    const size_t victim = random() % (kWorkers + 1);
    if (victim == kWorkers) {
      server().Kill();
      Restart();
    } else {
      workers[victim].Kill();
      workers[victim].Start(server().address(), absl::StrCat(dir.path(), "/", victim));
    }
  }
  ASSERT_EQ(scheduled, kOccurrences);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  v1::Queue queue;
  do {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << queue.DebugString();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    queue = client().GetQueue("queue: 'storm'")->queue();
  } while (queue.depth() + queue.in_flight() + queue.scheduled() > 0);
  EXPECT_EQ(queue.dead_letters(), 0u);
  for (WorkerProcess& worker : workers) {
    worker.Kill();
  }

  std::map<std::string, std::set<int>> attempts;
  size_t deliveries = 0;
  for (int i = 0; i < kWorkers; ++i) {
    std::ifstream file(absl::StrCat(dir.path(), "/", i));
    std::string id;
    int attempt = 0;
    while (file >> id >> attempt) {
      ++deliveries;
      EXPECT_TRUE(attempts[id].insert(attempt).second)
          << id << " was delivered twice as attempt " << attempt;
    }
  }
  EXPECT_EQ(attempts.size(), static_cast<size_t>(kOccurrences));
  RecordProperty("deliveries", static_cast<int>(deliveries));

  int completed = 0;
  std::string token;
  do {
    v1::ListRequest request;
    request.set_page_size(1000);
    request.set_page_token(token);
    const auto page = client().List(request);
    ASSERT_THAT(page.status, IsOkCall());
    for (const v1::Handle& handle : page->handles()) {
      EXPECT_EQ(handle.end(), v1::END_COMPLETED) << handle.id();
      EXPECT_EQ(handle.sequence(), 2u) << handle.id() << ": FIRED and COMPLETED, once each";
      EXPECT_EQ(handle.end_payload(), "done") << handle.id();
      // The one that counted is the last that was made.
      EXPECT_LE(attempts[handle.id()].size(), handle.delivery().attempts()) << handle.id();
      ++completed;
    }
    token = page->next_page_token();
  } while (!token.empty());
  EXPECT_EQ(completed, kOccurrences);

  for (const auto& watcher : watchers) {
    while (watcher->ended() < kOccurrences) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << watcher->ended() << " ends seen";
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_EQ(watcher->gaps(), 0);
    ASSERT_EQ(watcher->events().size(), static_cast<size_t>(kOccurrences));
    for (const auto& [id, events] : watcher->events()) {
      ASSERT_EQ(events.size(), 2u) << id;
      EXPECT_EQ(events[0].type(), v1::Event::TYPE_FIRED) << id;
      EXPECT_EQ(events[0].sequence(), 1u) << id;
      EXPECT_EQ(events[1].type(), v1::Event::TYPE_COMPLETED) << id;
      EXPECT_EQ(events[1].sequence(), 2u) << id;
      EXPECT_EQ(events[1].payload(), "done") << id;
    }
  }
}

}  // namespace
}  // namespace timerd::testing
