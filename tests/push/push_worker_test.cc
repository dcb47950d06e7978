// A push target as its queue sees it, with calls that end when they are told to and a clock that
// goes on when it is told to.
#include "server/push/push_worker.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_time.h"

namespace timerd::push {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::timerd::testing::At;
using ::timerd::testing::Seconds;

class ManualAlarms final : public Alarms {
 public:
  Instant Now() const override { return now_; }
  void At(Instant when, absl::AnyInvocable<void()> call) override {
    calls_.emplace(when, std::move(call));
  }
  void AdvanceTo(Instant when) {
    while (!calls_.empty() && calls_.begin()->first <= when) {
      auto first = calls_.extract(calls_.begin());
      now_ = std::max(now_, first.key());
      first.mapped()();
    }
    now_ = when;
  }
  size_t size() const { return calls_.size(); }

 private:
  Instant now_ = ::timerd::testing::At(0);
  std::multimap<Instant, absl::AnyInvocable<void()>> calls_;
};

class FakeCall final : public Call {
 public:
  FakeCall(v1::DeliverRequest request, Sender::Done done)
      : request_(std::move(request)), done_(std::move(done)) {}
  void Abort() override { aborted_ = true; }
  // The answer has come, or what comes instead after an Abort().
  void End(timer::Verdict verdict) { std::exchange(done_, nullptr)(std::move(verdict)); }

  const v1::DeliverRequest& request() const { return request_; }
  bool aborted() const { return aborted_; }
  bool ended() const { return done_ == nullptr; }

 private:
  const v1::DeliverRequest request_;
  Sender::Done done_;
  bool aborted_ = false;
};

class FakeSender final : public Sender {
 public:
  std::shared_ptr<Call> Send(const v1::DeliverRequest& request, Done done) override {
    auto call = std::make_shared<FakeCall>(request, std::move(done));
    calls.push_back(call);
    if (on_send) {
      std::exchange(on_send, nullptr)();
    }
    return call;
  }
  // Ids of those begun so far, and those that go on.
  std::vector<std::string> Begun() const {
    std::vector<std::string> ids;
    for (const auto& call : calls) {
      ids.push_back(call->request().occurrence().id());
    }
    return ids;
  }
  size_t GoingOn() const {
    return std::count_if(calls.begin(), calls.end(),
                         [](const auto& call) { return !call->ended(); });
  }

  std::deque<std::shared_ptr<FakeCall>> calls;
  std::function<void()> on_send;  // inside the next Send()
};

std::string ToText(const timer::Verdict& verdict) {
  if (const auto* success = std::get_if<timer::Success>(&verdict)) {
    return "success " + success->payload;
  }
  if (const auto* failure = std::get_if<timer::Failure>(&verdict)) {
    return "failure " + failure->payload;
  }
  if (const auto* extend = std::get_if<timer::Extend>(&verdict)) {
    return absl::StrCat("extend ", std::chrono::duration<double>(extend->span).count());
  }
  return "release";
}

class PushWorkerTest : public ::testing::Test {
 protected:
  ~PushWorkerTest() override {
    if (worker_ != nullptr) {
      worker_->Stop();
    }
    for (const auto& call : sender_->calls) {
      if (!call->ended()) {
        call->End(timer::Failure{"broken off"});
      }
    }
  }
  void Start(uint32_t max_concurrent, double max_per_second = 0) {
    worker_ = std::make_shared<PushWorker>(
        PushWorkerOptions{.queue = "billing/mail",
                          .max_concurrent = max_concurrent,
                          .max_per_second = max_per_second,
                          .timeout = Seconds(10)},
        sender_, alarms_,
        [this](const std::string& key, uint64_t lease, const timer::Verdict& verdict) {
          settled_.push_back(absl::StrCat(key, " ", lease, " ", ToText(verdict)));
          if (on_settle_) {
            on_settle_();
          }
        },
        [this] { ++freed_; });
  }
  // Delivers "billing/<id>" under lease 1.
  void Deliver(const std::string& id, uint64_t lease = 1) {
    worker_->Deliver({.key = "billing/" + id, .run = 1, .attempt = 1, .lease = lease});
  }
  FakeCall& call(size_t i) { return *sender_->calls.at(i); }
  std::vector<std::string> TakeSettled() { return std::exchange(settled_, {}); }

  ManualAlarms alarms_;
  std::shared_ptr<FakeSender> sender_ = std::make_shared<FakeSender>();
  std::vector<std::string> settled_;
  std::function<void()> on_settle_;
  int freed_ = 0;
  std::shared_ptr<PushWorker> worker_;
};

TEST_F(PushWorkerTest, SettlesWithWhatCameOfTheCall) {
  Start(2);
  Deliver("a", 7);
  Deliver("b", 8);
  EXPECT_THAT(TakeSettled(), IsEmpty());
  call(1).End(timer::Failure{"no"});
  call(0).End(timer::Success{"yes"});
  EXPECT_THAT(TakeSettled(), ElementsAre("billing/b 8 failure no", "billing/a 7 success yes"));
  worker_->OnLeaseOver("billing/a", 7, false);
  EXPECT_EQ(freed_, 1);
  EXPECT_FALSE(call(0).aborted());
}

TEST_F(PushWorkerTest, TellsTheReceiverAllOfTheOccurrence) {
  Start(1);
  worker_->Deliver({.key = "billing/a/b",
                    .kind = timer::Kind::kLoop,
                    .generation = 2,
                    .run = 3,
                    .attempt = 4,
                    .lease = 5,
                    .lease_end = At(30),
                    .deadline = At(1.5),
                    .time = At(2),
                    .count = 6,
                    .payload = "pay",
                    .last_attempt = true});
  const v1::DeliverRequest& request = call(0).request();
  EXPECT_EQ(request.queue(), "mail");
  EXPECT_EQ(request.namespace_(), "billing");
  const v1::Occurrence& occurrence = request.occurrence();
  EXPECT_EQ(occurrence.id(), "a/b");
  EXPECT_EQ(occurrence.kind(), v1::KIND_LOOP);
  EXPECT_EQ(occurrence.generation(), 2);
  EXPECT_EQ(occurrence.run(), 3);
  EXPECT_EQ(occurrence.attempt(), 4);
  EXPECT_EQ(occurrence.lease(), 5);
  EXPECT_EQ(occurrence.lease_end().seconds(), 1'700'000'030);
  EXPECT_EQ(occurrence.deadline().seconds(), 1'700'000'001);
  EXPECT_EQ(occurrence.deadline().nanos(), 500'000'000);
  EXPECT_EQ(occurrence.time().seconds(), 1'700'000'002);
  EXPECT_EQ(occurrence.payload(), "pay");
  EXPECT_EQ(occurrence.count(), 6);
  EXPECT_EQ(occurrence.missed(), 5);
  EXPECT_TRUE(occurrence.last_attempt());
}

TEST_F(PushWorkerTest, NeverMakesMoreCallsAtOnceThanItMay) {
  Start(2);
  for (const char* id : {"a", "b", "c", "d"}) {
    Deliver(id);
  }
  EXPECT_THAT(sender_->Begun(), ElementsAre("a", "b"));
  call(1).End(timer::Success());
  EXPECT_THAT(sender_->Begun(), ElementsAre("a", "b", "c"));
  call(0).End(timer::Success());
  EXPECT_THAT(sender_->Begun(), ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(sender_->GoingOn(), 2);
}

TEST_F(PushWorkerTest, CountsACallThatIsBrokenOffUntilItHasEnded) {
  Start(1);
  Deliver("a");
  worker_->OnLeaseOver("billing/a", 1, true);
  Deliver("b");
  EXPECT_THAT(sender_->Begun(), ElementsAre("a"));
  call(0).End(timer::Failure{"broken off"});
  EXPECT_THAT(sender_->Begun(), ElementsAre("a", "b"));
}

TEST_F(PushWorkerTest, BeginsNoMoreInASecondThanItMay) {
  Start(100, 4);
  for (int i = 0; i < 10; ++i) {
    Deliver(absl::StrCat(i));
  }
  EXPECT_EQ(sender_->calls.size(), 1);
  EXPECT_EQ(alarms_.size(), 1);
  alarms_.AdvanceTo(At(0.24));
  EXPECT_EQ(sender_->calls.size(), 1);
  alarms_.AdvanceTo(At(0.25));
  EXPECT_EQ(sender_->calls.size(), 2);
  alarms_.AdvanceTo(At(1.1));
  EXPECT_EQ(sender_->calls.size(), 5);
  alarms_.AdvanceTo(At(10));
  EXPECT_EQ(sender_->calls.size(), 10);
  EXPECT_EQ(alarms_.size(), 0);
}

TEST_F(PushWorkerTest, ExtendsALeaseThatTheRateWouldUseUp) {
  Start(100, 1);
  Deliver("a");
  Deliver("b");  // in 1 s, which a lease of 10 s has to spare
  EXPECT_THAT(TakeSettled(), IsEmpty());
  Deliver("c");
  EXPECT_THAT(TakeSettled(), ElementsAre("billing/c 1 extend 12"));
}

TEST_F(PushWorkerTest, BreaksOffACallWhoseLeaseIsTakenAwayAndIgnoresItsAnswer) {
  Start(1);
  Deliver("a", 1);
  worker_->OnLeaseOver("billing/a", 1, true);
  EXPECT_TRUE(call(0).aborted());
  EXPECT_EQ(freed_, 1);
  Deliver("a", 2);
  call(0).End(timer::Success{"too late"});
  EXPECT_THAT(TakeSettled(), IsEmpty());
  ASSERT_EQ(sender_->calls.size(), 2);
  EXPECT_FALSE(call(1).aborted());
  call(1).End(timer::Success{"in time"});
  EXPECT_THAT(TakeSettled(), ElementsAre("billing/a 2 success in time"));
}

TEST_F(PushWorkerTest, BreaksOffACallWhoseLeaseIsTakenAwayWhileItBegins) {
  Start(1);
  sender_->on_send = [this] { worker_->OnLeaseOver("billing/a", 1, true); };
  Deliver("a");
  EXPECT_TRUE(call(0).aborted());
}

TEST_F(PushWorkerTest, NeverBeginsWhatWasTakenAwayWhileItWaited) {
  Start(1);
  Deliver("a");
  Deliver("b");
  Deliver("c");
  worker_->OnLeaseOver("billing/b", 1, true);
  call(0).End(timer::Success());
  EXPECT_THAT(sender_->Begun(), ElementsAre("a", "c"));
  EXPECT_EQ(freed_, 1);
}

TEST_F(PushWorkerTest, ReleasesEverythingWhenItStops) {
  Start(1, 100);
  Deliver("a");
  Deliver("b");
  worker_->Stop();
  EXPECT_TRUE(call(0).aborted());
  EXPECT_THAT(TakeSettled(),
              ::testing::UnorderedElementsAre("billing/a 1 release", "billing/b 1 release"));
  // What was on its way.
  Deliver("c");
  EXPECT_THAT(TakeSettled(), ElementsAre("billing/c 1 release"));
  call(0).End(timer::Success());
  alarms_.AdvanceTo(At(60));
  worker_->Stop();
  EXPECT_THAT(TakeSettled(), IsEmpty());
  EXPECT_THAT(sender_->Begun(), ElementsAre("a"));
  worker_->OnLeaseOver("billing/a", 1, false);
  EXPECT_EQ(freed_, 1);
}

TEST_F(PushWorkerTest, HoldsNoLockWhileItSettles) {
  Start(1);
  on_settle_ = [this] {
    on_settle_ = nullptr;
    worker_->OnLeaseOver("billing/a", 1, false);
    Deliver("b");
  };
  Deliver("a");
  call(0).End(timer::Success());
  EXPECT_THAT(sender_->Begun(), ElementsAre("a", "b"));
  EXPECT_EQ(freed_, 1);
}

TEST_F(PushWorkerTest, IsGoneWhenItsCallsAreOverAndItIsDropped) {
  Start(1, 1);
  Deliver("a");
  Deliver("b");
  worker_->Stop();
  call(0).End(timer::Success());
  const std::weak_ptr<PushWorker> weak = worker_;
  worker_.reset();
  EXPECT_TRUE(weak.expired());
  alarms_.AdvanceTo(At(60));
}

}  // namespace
}  // namespace timerd::push
