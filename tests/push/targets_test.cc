// Targets as they are configured, and as queues use them: over real sockets.
#include "server/push/targets.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/push/scripted_server.h"
#include "tests/support/status_matchers.h"

namespace timerd::push {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::timerd::testing::Peer;
using ::timerd::testing::ScriptedServer;

constexpr auto kPatience = std::chrono::seconds(20);

class TargetsTest : public ::testing::Test {
 protected:
  TargetsTest() { target_.set_url("http://127.0.0.1:8080/hook"); }
  // The field that is refused; empty when none is.
  std::string Refused() const {
    const auto checked = targets_.Check(target_, "settings.target");
    return checked.ok() ? "" : DetailOf(checked.status());
  }
  bool TimeoutIsGood(int64_t seconds, int32_t nanos = 0) {
    target_.mutable_timeout()->set_seconds(seconds);
    target_.mutable_timeout()->set_nanos(nanos);
    const std::string refused = Refused();
    EXPECT_TRUE(refused.empty() || refused == "settings.target.timeout") << refused;
    return refused.empty();
  }

  static TargetsOptions Options() {
    TargetsOptions options;
    options.allow = *AllowList::Parse({"http://127.0.0.1:8080/", "grpc://127.0.0.1:9000"});
    return options;
  }
  Targets targets_{Options()};
  v1::Target target_;
};

TEST_F(TargetsTest, FillsInTheDefaults) {
  const auto settings = targets_.Check(target_, "target");
  TIMERD_ASSERT_OK(settings);
  EXPECT_EQ(settings->url.ToString(), "http://127.0.0.1:8080/hook");
  EXPECT_EQ(settings->max_concurrent, 16);
  EXPECT_EQ(settings->max_per_second, 0);
  EXPECT_EQ(settings->timeout, std::chrono::seconds(30));
}

TEST_F(TargetsTest, RefusesWhatIsNotAllowed) {
  target_.set_url("http://127.0.0.1:8081/hook");
  EXPECT_EQ(Refused(), "settings.target.url");
  target_.clear_url();
  EXPECT_EQ(Refused(), "settings.target.url");
}

TEST_F(TargetsTest, RefusesWhatIsOutOfRange) {
  target_.set_max_concurrent(1000);
  EXPECT_EQ(Refused(), "");
  target_.set_max_concurrent(1001);
  EXPECT_EQ(Refused(), "settings.target.max_concurrent");
  target_.set_max_concurrent(1);
  for (const double good : {0.0, 1e-9, 1e6}) {
    target_.set_max_per_second(good);
    EXPECT_EQ(Refused(), "") << good;
  }
  for (const double bad : {-1e-9, 1e6 + 1, std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN()}) {
    target_.set_max_per_second(bad);
    EXPECT_EQ(Refused(), "settings.target.max_per_second") << bad;
  }
  target_.set_max_per_second(0);
  EXPECT_TRUE(TimeoutIsGood(1));
  EXPECT_TRUE(TimeoutIsGood(3600));
  EXPECT_FALSE(TimeoutIsGood(0, 999'999'999));
  EXPECT_FALSE(TimeoutIsGood(0));
  EXPECT_FALSE(TimeoutIsGood(-1));
  EXPECT_FALSE(TimeoutIsGood(3600, 1));
  EXPECT_FALSE(TimeoutIsGood(std::numeric_limits<int64_t>::max()));
  EXPECT_FALSE(TimeoutIsGood(std::numeric_limits<int64_t>::min()));
  EXPECT_FALSE(TimeoutIsGood(1, std::numeric_limits<int32_t>::min()));
}

// What a queue is told by the worker of its target.
class Settlements {
 public:
  PushWorker::Settle settle() {
    return [this](const std::string& key, uint64_t lease, timer::Verdict verdict) {
      const std::lock_guard<std::mutex> lock(mutex_);
      verdicts_.emplace_back(absl::StrCat(key, " ", lease), std::move(verdict));
      more_.notify_all();
    };
  }
  // The next one, which must be of `lease`.
  timer::Verdict Next(const std::string& lease) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!more_.wait_for(lock, kPatience, [this] { return next_ < verdicts_.size(); })) {
      ADD_FAILURE() << "no verdict came";
      return timer::Extend();
    }
    EXPECT_EQ(verdicts_[next_].first, lease);
    return verdicts_[next_++].second;
  }
  size_t size() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return verdicts_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable more_;
  std::vector<std::pair<std::string, timer::Verdict>> verdicts_;
  size_t next_ = 0;
};

class TargetCallsTest : public ::testing::Test {
 protected:
  void Start(ScriptedServer::Script script, const std::string& scheme = "http") {
    server_ = std::make_unique<ScriptedServer>(std::move(script));
    const std::string prefix = absl::StrCat(scheme, "://", server_->address());
    TargetsOptions options;
    options.allow = *AllowList::Parse({prefix});
    options.secret = "0123456789abcdef";
    targets_ = std::make_unique<Targets>(std::move(options));
    v1::Target target;
    target.set_url(prefix);
    const auto settings = targets_->Check(target, "target");
    TIMERD_ASSERT_OK(settings);
    worker_ =
        targets_->NewWorker("billing/mail", *settings, settlements_.settle(), [this] { ++freed_; });
  }
  void Deliver(const std::string& id, uint64_t lease) {
    worker_->Deliver({.key = "billing/" + id, .run = 1, .attempt = 1, .lease = lease});
  }

  std::promise<Peer::Request> got_;
  std::promise<bool> closed_;
  std::unique_ptr<ScriptedServer> server_;
  Settlements settlements_;
  std::atomic<int> freed_{0};
  std::unique_ptr<Targets> targets_;
  std::shared_ptr<PushWorker> worker_;
};

TEST_F(TargetCallsTest, GoFromTheQueueToTheReceiverAndBack) {
  Start([this](Peer& peer) {
    got_.set_value(peer.ReadRequest());
    peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
  });
  Deliver("a", 7);
  const timer::Verdict verdict = settlements_.Next("billing/a 7");
  ASSERT_TRUE(std::holds_alternative<timer::Success>(verdict));
  EXPECT_EQ(std::get<timer::Success>(verdict).payload, "done");
  const Peer::Request request = got_.get_future().get();
  EXPECT_THAT(request.body, HasSubstr(R"("queue":"mail","namespace":"billing")"));
  EXPECT_THAT(request.Header("Timerd-Signature"), StartsWith("t="));
  EXPECT_THAT(request.Header("User-Agent"), StartsWith("timerd/"));
  worker_->OnLeaseOver("billing/a", 7, false);
  EXPECT_EQ(freed_, 1);
  worker_->Stop();
}

TEST_F(TargetCallsTest, AreBrokenOffWhenTheLeaseIsTakenAway) {
  Start([this](Peer& peer) {
    got_.set_value(peer.ReadRequest());
    closed_.set_value(peer.WaitForClose());
  });
  Deliver("a", 7);
  ASSERT_EQ(got_.get_future().wait_for(kPatience), std::future_status::ready);
  worker_->OnLeaseOver("billing/a", 7, true);
  EXPECT_TRUE(closed_.get_future().get());
  worker_->Stop();
  targets_.reset();
  EXPECT_EQ(settlements_.size(), 0);
}

TEST_F(TargetCallsTest, AreReleasedWhenTheWorkerStops) {
  for (const char* scheme : {"http", "grpc"}) {
    Start([](Peer& peer) { peer.WaitForClose(); }, scheme);
    Deliver("a", 7);
    worker_->Stop();
    EXPECT_TRUE(std::holds_alternative<timer::Release>(settlements_.Next("billing/a 7")));
    worker_.reset();
    targets_.reset();
  }
  EXPECT_EQ(settlements_.size(), 2);
}

// The channel of a worker that is dropped goes with its last call, on a thread of gRPC's, which is
// one that gRPC may want to wait for when a process has no channel left: it ended the process,
// about once in a hundred times.
TEST_F(TargetCallsTest, MayEndAfterTheirWorkerIsDropped) {
  for (int round = 0; round < 200; ++round) {
    Start([](Peer& peer) { peer.WaitForClose(); }, "grpc");
    Deliver("a", 7);
    worker_->Stop();
    worker_.reset();
    targets_.reset();
  }
  EXPECT_EQ(settlements_.size(), 200);
}

}  // namespace
}  // namespace timerd::push
