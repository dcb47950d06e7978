// kill -9 at random moments, under load, again and again on one data directory. After each restart
// what the server has must agree with a model that knows only what was acknowledged.
//
// The seed is printed; TIMERD_SEED replays the choices (not the timing) of a run.
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "server/base/handle_key.h"
#include "server/base/hash.h"
#include "tests/integration/server_test.h"

namespace timerd::testing {
namespace {

constexpr int64_t kMillis = 1'000'000;

uint64_t Seed() {
  const char* given = std::getenv("TIMERD_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::cout << "TIMERD_SEED=" << seed << std::endl;
  return seed;
}

int64_t WallNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// The first and the last time at which a deadline of each tick fired. Within a tick the order is
// that in which the deadlines were set.
using FiringTimes = std::map<int64_t, std::pair<int64_t, int64_t>>;

void Note(int64_t deadline, int64_t time, FiringTimes& times) {
  const auto [it, added] = times.insert({(deadline + kMillis - 1) / kMillis, {time, time}});
  it->second = {std::min(it->second.first, time), std::max(it->second.second, time)};
}

void ExpectInOrder(const FiringTimes& times) {
  int64_t last = 0;
  for (const auto& [tick, time] : times) {
    EXPECT_GE(time.first, last) << "tick " << tick << " fired before an earlier one";
    last = time.second;
  }
}

// How sure the client is of something it asked for.
enum class Known { kNo, kAsked, kAcknowledged };

// What the client knows of one handle.
struct Model {
  bool loop = false;
  bool reported = false;
  Known created = Known::kNo;
  std::set<int64_t> deadlines;  // what the deadline may be; one, unless a move was not answered
  Known cancelled = Known::kNo;
  Known report = Known::kNo;  // timers
  bool success = false;       // of that report
  uint64_t reported_run = 0;  // loops: the last report that was acknowledged
  uint64_t asked_run = 0;     // loops: the last report that was sent
  // The end, once seen in an event or in a listing.
  v1::End end = v1::END_UNSPECIFIED;
  uint64_t end_sequence = 0;
  int64_t ended = 0;  // 0 when only the event was seen, which is sent before it is durable
};

struct Parameters {
  std::string durability;
  int shards;
};

class KillTest : public ::testing::TestWithParam<Parameters> {
 protected:
  static constexpr int kKills = 20;
  static constexpr int kThreads = 4;

  // Works until the server is gone.
  void Work(int thread, uint64_t seed, const std::string& address);
  void MakeTimer(ApiClient& client, std::mt19937_64& random, const std::string& id);
  void Disturb(ApiClient& client, std::mt19937_64& random, const std::string& id);
  void DriveLoop(const std::string& address);
  // Compares all that the server has with the models.
  void Verify(ApiClient& client, int64_t started);
  void VerifyOne(const v1::Handle& handle, Model& model, int64_t now, int64_t started);
  std::vector<v1::Handle> ListAll(ApiClient& client);

  // True if the call was answered. Any answer but those of a dying server and `expected` is a
  // failure.
  bool Answered(const grpc::Status& status, const std::set<std::string>& expected = {}) {
    if (status.ok()) {
      return true;
    }
    if (expected.count(ReasonOf(status)) > 0) {
      return true;
    }
    dead_ = true;
    EXPECT_TRUE(status.error_code() == grpc::StatusCode::UNAVAILABLE) << ToString(status);
    return false;
  }

  std::atomic<bool> dead_{false};
  std::mutex mutex_;  // guards the map; each model belongs to one thread while the server runs
  std::map<std::string, Model> models_;
  std::vector<std::vector<std::string>> own_ = std::vector<std::vector<std::string>>(kThreads);
  int round_ = 0;
  uint64_t acknowledged_ = 0;
  uint64_t overdue_ = 0;
  uint64_t loop_runs_ = 0;
};

void KillTest::MakeTimer(ApiClient& client, std::mt19937_64& random, const std::string& id) {
  Model model;
  model.reported = random() % 3 == 0;
  const int64_t delay = random() % 3 == 0   ? 1'800'000 * kMillis
                        : random() % 2 == 0 ? static_cast<int64_t>(random() % (50 * kMillis))
                                            : static_cast<int64_t>(random() % (4000 * kMillis));
  v1::ScheduleRequest request;
  request.set_id(id);
  request.set_reported(model.reported);
  request.mutable_delay()->set_seconds(delay / 1'000'000'000);
  request.mutable_delay()->set_nanos(static_cast<int32_t>(delay % 1'000'000'000));
  const bool follow = delay < 50 * kMillis;
  request.set_detached(!follow);
  model.created = Known::kAsked;
  auto stream = client.Schedule(request);
  const auto first = stream.Next();
  if (first) {
    model.created = Known::kAcknowledged;
    model.deadlines = {Nanos(first->acknowledged().deadline())};
    const auto fired = follow ? stream.Next() : std::nullopt;
    if (fired) {
      const v1::Event& event = fired->event();
      EXPECT_EQ(event.type(), v1::Event::TYPE_FIRED);
      EXPECT_EQ(Nanos(event.deadline()), *model.deadlines.begin());
      EXPECT_GE(Nanos(event.time()), Nanos(event.deadline()));
      if (model.reported) {
        v1::ReportRequest report;
        report.set_id(id);
        report.set_run(1);
        model.success = random() % 2 == 0;
        report.mutable_outcome()->set_result(model.success ? v1::Outcome::RESULT_SUCCESS
                                                           : v1::Outcome::RESULT_FAILURE);
        model.report = Known::kAsked;
        const auto answer = client.Report(report);
        if (Answered(answer.status)) {
          EXPECT_TRUE(answer->accepted());
          model.report = Known::kAcknowledged;
        }
      } else {
        model.end = v1::END_FIRED;
        model.end_sequence = event.sequence();
      }
    }
  }
  Answered(stream.Finish());
  const std::lock_guard<std::mutex> lock(mutex_);
  models_[id] = model;
}

// Cancels or moves a timer made earlier.
void KillTest::Disturb(ApiClient& client, std::mt19937_64& random, const std::string& id) {
  Model* model;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    model = &models_[id];
  }
  if (model->created != Known::kAcknowledged) {
    return;
  }
  if (random() % 2 == 0) {
    v1::CancelRequest request;
    request.set_id(id);
    const Known before = model->cancelled;
    model->cancelled = std::max(before, Known::kAsked);
    const auto answer = client.Cancel(request);
    if (Answered(answer.status, {"ALREADY_CALLED", "ALREADY_CANCELLED"})) {
      if (answer.status.ok() || ReasonOf(answer.status) == "ALREADY_CANCELLED") {
        EXPECT_FALSE(before == Known::kAcknowledged && answer.status.ok()) << id << " twice";
        model->cancelled = Known::kAcknowledged;
      } else {
        EXPECT_NE(before, Known::kAcknowledged) << id << " was cancelled and is called";
        model->cancelled = Known::kNo;
      }
    }
  } else {
    v1::RescheduleRequest request;
    request.set_id(id);
    const int64_t by = static_cast<int64_t>(random() % (500 * kMillis)) - 100 * kMillis;
    request.mutable_delay_by()->set_nanos(static_cast<int32_t>(by));
    const auto answer = client.Reschedule(request);
    if (answer.status.ok()) {
      EXPECT_EQ(model->deadlines.count(Nanos(answer->old_deadline())), 1);
      model->deadlines = {Nanos(answer->deadline())};
    } else if (!Answered(answer.status, {"ALREADY_CALLED", "ALREADY_CANCELLED"})) {
      for (const int64_t deadline : std::set<int64_t>(model->deadlines)) {
        model->deadlines.insert(deadline + by);
      }
    }
  }
}

void KillTest::Work(int thread, uint64_t seed, const std::string& address) {
  std::mt19937_64 random(seed);
  ApiClient client(address);
  std::vector<std::string>& own = own_[thread];
  while (!dead_) {
    if (own.empty() || random() % 3 != 0) {
      own.push_back("t" + std::to_string(thread) + "-" + std::to_string(own.size()));
      MakeTimer(client, random, own.back());
    } else {
      Disturb(client, random, own[random() % own.size()]);
    }
  }
}

// One loop for the whole test: watched anew after each restart, each run reported until answered.
void KillTest::DriveLoop(const std::string& address) {
  ApiClient client(address);
  Model* loop;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    loop = &models_["loop"];
  }
  loop->loop = true;
  if (loop->created != Known::kAcknowledged) {
    loop->created = Known::kAsked;
    auto made = client.StartLoop("id: 'loop' interval { nanos: 5000000 } detached: true");
    if (made.Next()) {
      loop->created = Known::kAcknowledged;
    }
    if (!Answered(made.Finish())) {
      return;
    }
  }
  auto watch = client.Watch("id: 'loop'");
  watch.Next();
  while (const auto next = watch.Next()) {
    const v1::Event& tick = next->event();
    EXPECT_EQ(tick.type(), v1::Event::TYPE_TICK);
    if (tick.run() <= loop->reported_run) {
      continue;  // retained: reported already
    }
    EXPECT_EQ(tick.sequence(), tick.run());
    EXPECT_LE(tick.run(), std::max(loop->reported_run, loop->asked_run) + 1);
    EXPECT_GE(tick.count(), 1);
    v1::ReportRequest report;
    report.set_id("loop");
    report.set_run(tick.run());
    report.mutable_outcome()->set_result(v1::Outcome::RESULT_SUCCESS);
    loop->asked_run = tick.run();
    if (!Answered(client.Report(report).status)) {
      break;
    }
    loop->reported_run = tick.run();
    ++loop_runs_;
  }
  Answered(watch.Finish());
}

std::vector<v1::Handle> KillTest::ListAll(ApiClient& client) {
  std::vector<v1::Handle> handles;
  v1::ListRequest request;
  request.set_page_size(1000);
  do {
    const auto page = client.List(request);
    EXPECT_THAT(page.status, IsOkCall());
    handles.insert(handles.end(), page->handles().begin(), page->handles().end());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return handles;
}

void KillTest::VerifyOne(const v1::Handle& handle, Model& model, int64_t now, int64_t started) {
  SCOPED_TRACE(handle.ShortDebugString());
  if (model.created == Known::kAsked) {  // made, but the answer was lost
    model.created = Known::kAcknowledged;
    if (handle.has_deadline()) {
      model.deadlines = {Nanos(handle.deadline())};
    }
  }
  if (model.loop) {
    EXPECT_EQ(handle.end(), v1::END_UNSPECIFIED);
    EXPECT_GE(handle.run(), model.reported_run);
    EXPECT_LE(handle.run(), std::max(model.reported_run, model.asked_run) + 1);
    return;
  }
  if (model.cancelled == Known::kAcknowledged) {
    EXPECT_EQ(handle.end(), v1::END_CANCELLED);
  }
  if (model.report == Known::kAcknowledged) {
    EXPECT_EQ(handle.end(), model.success ? v1::END_COMPLETED : v1::END_FAILED);
  }
  if (model.end != v1::END_UNSPECIFIED) {
    EXPECT_EQ(handle.end(), model.end);
    EXPECT_EQ(handle.sequence(), model.end_sequence);
  }
  if (handle.state() == v1::STATE_PENDING) {
    EXPECT_EQ(model.deadlines.count(Nanos(handle.deadline())), 1);
    EXPECT_GT(Nanos(handle.deadline()), started - 200 * kMillis) << "overdue at the restart";
    model.deadlines = {Nanos(handle.deadline())};
    if (model.cancelled == Known::kAsked) {
      model.cancelled = Known::kNo;
    }
    return;
  }
  const int64_t earliest = model.deadlines.empty() ? 0 : *model.deadlines.begin();
  if (handle.end() != v1::END_CANCELLED) {  // fired, at some time
    EXPECT_LE(earliest, handle.has_ended() ? Nanos(handle.ended()) : now) << "early";
  }
  switch (handle.end()) {
    case v1::END_UNSPECIFIED:
      EXPECT_EQ(handle.state(), v1::STATE_RUNNING);
      EXPECT_TRUE(model.reported);
      return;
    case v1::END_FIRED:
      EXPECT_FALSE(model.reported);
      break;
    case v1::END_CANCELLED:
      EXPECT_NE(model.cancelled, Known::kNo);
      model.cancelled = Known::kAcknowledged;
      break;
    case v1::END_COMPLETED:
    case v1::END_FAILED:
      EXPECT_NE(model.report, Known::kNo);
      EXPECT_EQ(handle.end() == v1::END_COMPLETED, model.success);
      break;
    default:
      ADD_FAILURE() << "an end that nobody asked for";
  }
  if (model.ended != 0) {
    EXPECT_EQ(Nanos(handle.ended()), model.ended);
  }
  model.end = handle.end();
  model.end_sequence = handle.sequence();
  model.ended = Nanos(handle.ended());
}

void KillTest::Verify(ApiClient& client, int64_t started) {
  std::set<std::string> seen;
  const std::vector<v1::Handle> handles = ListAll(client);
  const int64_t now = Nanos(client.List("page_size: 1")->now());
  // What was due while the server was down has fired in the order of deadlines, in each shard.
  std::map<uint64_t, FiringTimes> fired;  // by shard
  for (const v1::Handle& handle : handles) {
    const auto found = models_.find(handle.id());
    ASSERT_NE(found, models_.end()) << handle.id() << " was never made";
    seen.insert(handle.id());
    Model& model = found->second;
    const bool fresh = model.ended == 0;
    VerifyOne(handle, model, now, started);
    if (fresh && handle.end() == v1::END_FIRED && Nanos(handle.ended()) >= started &&
        model.deadlines.size() == 1 && *model.deadlines.begin() < started) {
      ++overdue_;
      Note(*model.deadlines.begin(), Nanos(handle.ended()),
           fired[StableHash(HandleKey(kDefaultNamespace, handle.id())) % GetParam().shards]);
    }
  }
  for (const auto& [shard, times] : fired) {
    SCOPED_TRACE("shard " + std::to_string(shard));
    ExpectInOrder(times);
  }
  for (auto it = models_.begin(); it != models_.end();) {
    if (it->second.created == Known::kAcknowledged) {
      EXPECT_EQ(seen.count(it->first), 1) << it->first << " was acknowledged and is lost";
    }
    it = seen.count(it->first) == 0 ? models_.erase(it) : std::next(it);
  }
  acknowledged_ = seen.size();
}

TEST_P(KillTest, LosesNothingAcknowledgedAndFiresNothingEarly) {
  std::mt19937_64 random(Seed());
  ServerProcess server({.flags = {"--shards=" + std::to_string(GetParam().shards),
                                  "--durability=" + GetParam().durability}});
  for (round_ = 0; round_ < kKills && !HasFailure(); ++round_) {
    SCOPED_TRACE("round " + std::to_string(round_));
    dead_ = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back(
          [this, i, seed = random(), address = server.address()] { Work(i, seed, address); });
    }
    threads.emplace_back([this, address = server.address()] { DriveLoop(address); });
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + random() % 700));
    server.Kill();
    for (std::thread& thread : threads) {
      thread.join();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 300));
    const int64_t started = WallNanos();
    server.Restart();
    ApiClient client(server.address());
    Verify(client, started);
  }
  EXPECT_EQ(round_, kKills);
  EXPECT_EQ(server.Terminate(), 0);
  std::cout << acknowledged_ << " handles, " << overdue_ << " overdue at a restart, " << loop_runs_
            << " runs of the loop" << std::endl;
  EXPECT_GT(acknowledged_, 100);
  EXPECT_GT(overdue_, 0);
  EXPECT_GT(loop_runs_, 20);
}

INSTANTIATE_TEST_SUITE_P(Durability, KillTest,
                         ::testing::Values(Parameters{"os", 1}, Parameters{"sync", 2}),
                         [](const auto& each) {
                           return each.param.durability + std::to_string(each.param.shards);
                         });

// More overdue timers than one turn fires, so that the order shows in their times.
TEST(OverdueTest, FireAtOnceInTheOrderOfTheirDeadlines) {
  ServerProcess server({.flags = {"--shards=1", "--durability=os"}});
  constexpr int kTimers = 3000;
  std::map<std::string, int64_t> deadlines;
  int64_t last = 0;
  {
    // Made in the order of their ids, due in the opposite one, none before the kill.
    ApiClient client(server.address());
    std::mutex mutex;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = thread; i < kTimers; i += 4) {
          v1::ScheduleRequest request;
          request.set_id("t" + std::to_string(i));
          request.set_detached(true);
          request.mutable_delay()->set_seconds(3600);
          auto stream = client.Schedule(request);
          EXPECT_EQ(stream.Acknowledged().id(), request.id());
          v1::RescheduleRequest move;
          move.set_id(request.id());
          const int64_t due = WallNanos() + 2'000'000'000;
          const int64_t at = due / 1'000'000'000 * 1'000'000'000 + (kTimers - i) * 100'000;
          move.mutable_at()->set_seconds(at / 1'000'000'000);
          move.mutable_at()->set_nanos(static_cast<int32_t>(at % 1'000'000'000));
          const auto moved = client.Reschedule(move);
          EXPECT_THAT(moved.status, IsOkCall());
          const std::lock_guard<std::mutex> lock(mutex);
          deadlines[request.id()] = Nanos(moved->deadline());
          last = std::max(last, Nanos(moved->deadline()));
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
  server.Kill();
  while (WallNanos() < last + 10 * kMillis) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const int64_t started = WallNanos();
  server.Restart();
  ApiClient client(server.address());
  v1::ListRequest pending;
  pending.set_state(v1::STATE_PENDING);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (client.List(pending)->handles_size() > 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "some have not fired";
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  FiringTimes times;
  std::set<int64_t> distinct;
  v1::ListRequest request;
  request.set_page_size(1000);
  int ended = 0;
  do {
    const auto page = client.List(request);
    for (const v1::Handle& handle : page->handles()) {
      EXPECT_EQ(handle.end(), v1::END_FIRED);
      const int64_t time = Nanos(handle.ended());
      if (time >= started - 50 * kMillis) {  // the others fired before the kill
        Note(deadlines[handle.id()], time, times);
        distinct.insert(time);
        ++ended;
      }
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_GT(ended, 1100);
  EXPECT_GT(distinct.size(), 1) << "one turn tells nothing of the order";
  ExpectInOrder(times);
}

}  // namespace
}  // namespace timerd::testing
