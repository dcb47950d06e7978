// When the client of a test namespace has done all that it has to do.
#include <future>

#include "tests/client/fake_timers_fixture.h"
#include "timerd/testing.h"

namespace timerd::testing {
namespace {

class SettleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    TestNamespaceOptions options;
    options.client = OptionsFor(server_);
    options.patience = kPatience;
    auto made = std::async(std::launch::async,
                           [&] { return TestNamespace::Create(server_.target(), options); });
    v1::NowResponse now;
    now.set_is_virtual(true);
    FakeCallPtr call = server_.Next("Now");
    call->Reply(now);
    auto created = made.get();
    ASSERT_TRUE(created.ok()) << created.status();
    time_ = *std::move(created);
    EXPECT_EQ(call->request<v1::NowRequest>().namespace_(), time_->name());
  }

  void Begin() {
    settled_ = std::async(std::launch::async, [this] { return time_->Settle(); });
  }
  // Leaves time for what must not be: an end, or a look at what the server has decided since.
  bool Waits() {
    return settled_.wait_for(std::chrono::milliseconds(50)) == std::future_status::timeout &&
           server_.Quiet("Get");
  }
  void AnswerGet(v1::State state, uint64_t run, uint64_t generation = 0) {
    v1::GetResponse response;
    response.mutable_handle()->set_state(state);
    response.mutable_handle()->set_run(run);
    response.mutable_handle()->set_generation(generation);
    // It goes on where that of an older handle of the same id has stopped.
    response.mutable_handle()->set_sequence(run + 100);
    server_.Next("Get")->Reply(response);
  }

  FakeTimers server_;
  std::unique_ptr<TestNamespace> time_;
  std::future<absl::Status> settled_;
};

TEST_F(SettleTest, WaitsForAcknowledgementsEventsFunctionsReportsAndEnds) {
  Promise<bool> release([](std::function<void()> callback) { callback(); });
  std::atomic<bool> told = false;
  DeferredCall call = time_->client().DeferLater(absl::Seconds(1), [&release] {
    release.future().Wait(kPatience);
    return "value";
  });
  call.OnDone([&told](const Ending&) {
    absl::SleepFor(absl::Milliseconds(20));
    told = true;
  });
  FakeCallPtr stream = server_.Next("Schedule");
  Begin();
  EXPECT_TRUE(Waits());
  stream->Send(Acknowledged(call.id()));
  AnswerGet(v1::STATE_RUNNING, 1);  // decided, and not here yet
  EXPECT_TRUE(Waits());
  stream->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  EXPECT_TRUE(Waits());
  release.Set(true);
  FakeCallPtr report = server_.Next("Report");
  EXPECT_TRUE(Waits());
  report->Reply(v1::ReportResponse());
  AnswerGet(v1::STATE_ENDED, 1);
  EXPECT_TRUE(Waits());
  stream->Send(MakeEvent(v1::Event::TYPE_COMPLETED, 2, 1, "value"));
  EXPECT_TRUE(settled_.get().ok());
  EXPECT_TRUE(call.result().ready());
  EXPECT_TRUE(told);
}

TEST_F(SettleTest, WaitsForVerbsUntilTheyAreAnswered) {
  DelayedCall call = time_->client().CallLater(absl::Seconds(1), [] {});
  server_.Next("Schedule")->Send(Acknowledged(call.id()));
  ASSERT_TRUE(call.acknowledged().Get().ok());
  Future<absl::Status> armed = call.AddTimeout(absl::Seconds(3));
  FakeCallPtr bound = server_.Next("WithTimeout");
  Begin();
  EXPECT_TRUE(Waits());
  bound->Finish(kUnavailable);
  bound = server_.Next("WithTimeout");
  EXPECT_TRUE(Waits());
  bound->Send(Acknowledged(call.id()));
  bound->Finish(grpc::Status::OK);
  AnswerGet(v1::STATE_PENDING, 0);
  EXPECT_TRUE(settled_.get().ok());
  EXPECT_TRUE(armed.ready());
}

TEST_F(SettleTest, WaitsForAPlainTimerMadeElsewhereToEnd) {
  Handle watched = time_->client().Watch("elsewhere");
  FakeCallPtr stream = server_.Next("Watch");
  stream->Send(Acknowledged("elsewhere", /*existed=*/true));
  stream->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  Begin();
  AnswerGet(v1::STATE_ENDED, 1);
  EXPECT_TRUE(Waits());  // whether that was its end, only the end of the stream tells
  stream->Finish(grpc::Status::OK);
  EXPECT_TRUE(settled_.get().ok());
  EXPECT_TRUE(watched.done().ready());
}

TEST_F(SettleTest, WaitsForAReplacedHandleToEnd) {
  v1::Acknowledgement first = Acknowledged("call");
  first.set_generation(1);
  DelayedCall call = time_->client().CallLater(absl::Seconds(1), [] {}, {.id = "call"});
  FakeCallPtr stream = server_.Next("Schedule");
  stream->Send(first);
  ASSERT_TRUE(call.acknowledged().Get().ok());
  Begin();
  AnswerGet(v1::STATE_PENDING, 0, /*generation=*/2);  // another client's
  EXPECT_TRUE(Waits());
  v1::Event replaced = MakeEvent(v1::Event::TYPE_CANCELLED, 1);
  replaced.set_reason("REPLACED");
  stream->Send(replaced);
  EXPECT_TRUE(settled_.get().ok());
  EXPECT_EQ(call.done().Get().reason, "REPLACED");
}

TEST_F(SettleTest, DoesNotWaitForAnEventThatBeginsATask) {
  Task task = time_->client().WithTimeout(absl::Seconds(1));
  server_.Next("WithTimeout")->Send(Acknowledged(task.id()));
  Begin();
  v1::GetResponse running;
  running.mutable_handle()->set_kind(v1::KIND_TASK);
  running.mutable_handle()->set_state(v1::STATE_RUNNING);
  running.mutable_handle()->set_run(1);
  server_.Next("Get")->Reply(running);
  EXPECT_TRUE(settled_.get().ok());
}

TEST_F(SettleTest, TellsWhoseEventsHaveNotArrived) {
  TestNamespaceOptions options;
  options.client = OptionsFor(server_);
  options.patience = absl::Milliseconds(100);
  auto made = std::async(std::launch::async,
                         [&] { return TestNamespace::Create(server_.target(), options); });
  v1::NowResponse now;
  now.set_is_virtual(true);
  server_.Next("Now")->Reply(now);
  time_ = *made.get();
  DelayedCall call = time_->client().CallLater(absl::Seconds(1), [] {}, {.id = "call"});
  server_.Next("Schedule")->Send(Acknowledged("call"));
  ASSERT_TRUE(call.acknowledged().Get().ok());
  Begin();
  AnswerGet(v1::STATE_ENDED, 1);
  const absl::Status late = settled_.get();
  EXPECT_EQ(late.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(late.message()), ::testing::HasSubstr("have not arrived, of \"call\""));
}

TEST_F(SettleTest, DoesNotWaitForAHandleThatIsGone) {
  DelayedCall call = time_->client().CallLater(absl::Seconds(1), [] {});
  server_.Next("Schedule")->Send(Acknowledged(call.id()));
  Begin();
  server_.Next("Get")->Finish(Refused(grpc::StatusCode::NOT_FOUND, "UNKNOWN_ID"));
  EXPECT_TRUE(settled_.get().ok());
}

TEST_F(SettleTest, SaysWhatTheServerAnsweredInstead) {
  DelayedCall call = time_->client().CallLater(absl::Seconds(1), [] {});
  server_.Next("Schedule")->Send(Acknowledged(call.id()));
  Begin();
  server_.Next("Get")->Finish(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too much"));
  const absl::Status status = settled_.get();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("too much"));
}

}  // namespace
}  // namespace timerd::testing
