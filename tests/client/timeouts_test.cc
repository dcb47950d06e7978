// Tasks and time-outs: who ends them, and what the caller makes of it.
#include "tests/client/fake_timers_fixture.h"

namespace timerd::testing {
namespace {

class TimeoutsTest : public FakeTimersTest {
 protected:
  v1::Event TimedOut() {
    v1::Event event = MakeEvent(v1::Event::TYPE_TIMED_OUT, 1, 1);
    event.mutable_timeout()->set_seconds(3);
    return event;
  }
};

TEST_F(TimeoutsTest, ReportsTheResultOfATaskOnceTheTaskExists) {
  Task task = client_.WithTimeout(absl::Seconds(3));
  FakeCallPtr stream = server_.Next("WithTimeout");
  EXPECT_EQ(stream->request<v1::WithTimeoutRequest>().id(), task.id());
  EXPECT_EQ(stream->request<v1::WithTimeoutRequest>().timeout().seconds(), 3);
  EXPECT_TRUE(task.Complete("value"));
  EXPECT_FALSE(task.Fail(absl::AbortedError("too late")));
  EXPECT_TRUE(server_.Quiet("Report"));
  stream->Send(Acknowledged(task.id()));
  const v1::ReportRequest report = AnswerReport();
  EXPECT_EQ(report.run(), 1u);
  EXPECT_EQ(report.outcome().payload(), "value");
  stream->Send(MakeEvent(v1::Event::TYPE_COMPLETED, 1, 1, "value"));
  EXPECT_EQ(*task.result().Get(), "value");
}

TEST_F(TimeoutsTest, RunsABoundedOperationOnceTheBoundIsDurable) {
  std::atomic<bool> begun = false;
  Task task = client_.WithTimeout(
      absl::Seconds(3), [&begun](const CancellationToken&) -> absl::StatusOr<std::string> {
        begun = true;
        return absl::InternalError("broken");
      });
  FakeCallPtr stream = server_.Next("WithTimeout");
  EXPECT_FALSE(begun);
  stream->Send(Acknowledged(task.id()));
  EXPECT_EQ(AnswerReport().outcome().payload(), "INTERNAL: broken");
  stream->Send(MakeEvent(v1::Event::TYPE_FAILED, 1, 1, "INTERNAL: broken"));
  EXPECT_EQ(task.result().Get().status(), [] {
    absl::Status failed = absl::InternalError("broken");
    failed.SetPayload("timerd/end", absl::Cord("FAILED"));
    return failed;
  }());
}

TEST_F(TimeoutsTest, TellsATimeoutFromTheCallersOwnCancel) {
  Task slow = client_.WithTimeout(absl::Seconds(3));
  Accept("WithTimeout", slow)->Send(TimedOut());
  const absl::Status timed_out = slow.result().Get().status();
  EXPECT_TRUE(WasTimedOut(timed_out));
  EXPECT_FALSE(WasCancelled(timed_out));
  EXPECT_EQ(timed_out.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(timed_out.message(), "timed out after 3s");
  EXPECT_EQ(slow.done().Get().timeout, absl::Seconds(3));

  Task unwanted = client_.WithTimeout(absl::Seconds(3));
  Accept("WithTimeout", unwanted);
  unwanted.Cancel();
  server_.Next("Cancel")->Reply(v1::CancelResponse());
  const absl::Status cancelled = unwanted.result().Get().status();
  EXPECT_TRUE(WasCancelled(cancelled));
  EXPECT_FALSE(WasTimedOut(cancelled));
  EXPECT_EQ(cancelled.code(), absl::StatusCode::kCancelled);
}

TEST_F(TimeoutsTest, TranslatesATimeoutAndNothingElse) {
  std::atomic<int> translations = 0;
  TimeoutOptions options;
  options.on_timeout = [&translations](const Ending& ending) -> absl::StatusOr<std::string> {
    ++translations;
    return "default after " + absl::FormatDuration(ending.timeout);
  };
  Task slow = client_.WithTimeout(absl::Seconds(3), options);
  Accept("WithTimeout", slow)->Send(TimedOut());
  EXPECT_EQ(*slow.result().Get(), "default after 3s");
  EXPECT_EQ(slow.done().Get().end, End::kTimedOut);
  EXPECT_EQ(translations, 1);

  Task unwanted = client_.WithTimeout(absl::Seconds(3), options);
  Accept("WithTimeout", unwanted);
  unwanted.Cancel();
  server_.Next("Cancel")->Reply(v1::CancelResponse());
  EXPECT_TRUE(WasCancelled(unwanted.result().Get().status()));

  Task fallen_back = client_.WithTimeout(absl::Seconds(3), options);
  v1::Event fallback = MakeEvent(v1::Event::TYPE_COMPLETED, 1, 1, "fallback");
  fallback.set_by_timeout(true);
  Accept("WithTimeout", fallen_back)->Send(fallback);
  EXPECT_EQ(*fallen_back.result().Get(), "fallback");
  EXPECT_TRUE(fallen_back.done().Get().by_timeout);
  EXPECT_EQ(translations, 1);
}

TEST_F(TimeoutsTest, SendsTheFallbackToTheServer) {
  Task value = client_.WithTimeout(absl::Seconds(3), {.fallback = "default"});
  EXPECT_EQ(server_.Next("WithTimeout")->request<v1::WithTimeoutRequest>().fallback().payload(),
            "default");
  Task failure =
      client_.WithTimeout(absl::Seconds(3), {.fallback = absl::AbortedError("too slow")});
  const v1::Outcome fallback =
      server_.Next("WithTimeout")->request<v1::WithTimeoutRequest>().fallback();
  EXPECT_EQ(fallback.result(), v1::Outcome::RESULT_FAILURE);
  EXPECT_EQ(fallback.payload(), "ABORTED: too slow");
}

TEST_F(TimeoutsTest, TellsARunningOperationThatItTimedOut) {
  Promise<bool> begun([](std::function<void()> callback) { callback(); });
  Promise<bool> told([](std::function<void()> callback) { callback(); });
  Task task = client_.WithTimeout(
      absl::Seconds(3), [&](const CancellationToken& token) -> absl::StatusOr<std::string> {
        begun.Set(true);
        told.Set(token.WaitFor(kPatience));
        return absl::CancelledError("given up");
      });
  FakeCallPtr stream = Accept("WithTimeout", task);
  ASSERT_TRUE(begun.future().Wait(kPatience).has_value());
  EXPECT_FALSE(task.token().cancelled());
  stream->Send(TimedOut());
  EXPECT_TRUE(told.future().Get());
  EXPECT_TRUE(WasTimedOut(task.result().Get().status()));
  EXPECT_TRUE(server_.Quiet("Report"));
}

TEST_F(TimeoutsTest, TellsAnOperationOfACancelWithoutWaitingForTheServer) {
  Task task = client_.WithTimeout(absl::Seconds(3));
  task.Cancel();
  EXPECT_TRUE(task.token().cancelled());
  EXPECT_FALSE(task.Complete("late"));
}

TEST_F(TimeoutsTest, ReportsNothingOfAnOperationThatEndsBecauseItIsBeingCancelled) {
  Promise<bool> begun([](std::function<void()> callback) { callback(); });
  Promise<bool> given_up([](std::function<void()> callback) { callback(); });
  Task task = client_.WithTimeout(
      absl::Seconds(3), [&](const CancellationToken& token) -> absl::StatusOr<std::string> {
        begun.Set(true);
        given_up.Set(token.WaitFor(kPatience));
        return absl::AbortedError("given up");
      });
  FakeCallPtr stream = Accept("WithTimeout", task);
  ASSERT_TRUE(begun.future().Wait(kPatience).has_value());
  Future<absl::Status> cancelled = task.Cancel();
  FakeCallPtr cancel = server_.Next("Cancel");
  ASSERT_EQ(given_up.future().Wait(kPatience), true);
  // Time for a report that must not come.
  EXPECT_TRUE(cancelled.Wait(absl::Milliseconds(50)) == std::nullopt);
  EXPECT_TRUE(server_.Quiet("Report"));
  cancel->Reply(v1::CancelResponse());
  EXPECT_TRUE(cancelled.Get().ok());
  EXPECT_TRUE(WasCancelled(task.result().Get().status()));
}

TEST_F(TimeoutsTest, MovesTheTimeoutOfATaskByAHeartbeat) {
  Task task = client_.WithTimeout(absl::Seconds(3));
  Accept("WithTimeout", task);
  Future<absl::StatusOr<absl::Time>> moved = task.Heartbeat(absl::Seconds(30));
  FakeCallPtr move = server_.Next("Reschedule");
  EXPECT_EQ(move->request<v1::RescheduleRequest>().id(), task.id());
  EXPECT_GE(move->request<v1::RescheduleRequest>().from_now().seconds(), 20);
  v1::RescheduleResponse response;
  response.mutable_deadline()->set_seconds(1030);
  move->Reply(response);
  EXPECT_EQ(*moved.Get(), absl::FromUnixSeconds(1030));
}

TEST_F(TimeoutsTest, BoundsAHandleThatExists) {
  DelayedCall call = client_.CallLater(absl::Seconds(60), [] {});
  FakeCallPtr stream = Accept("Schedule", call);
  TimeoutOptions options;
  options.on_timeout = [](const Ending&) { return "bounded"; };
  Future<absl::Status> armed = call.AddTimeout(absl::Seconds(3), options);
  server_.Next("WithTimeout")->Finish(kUnavailable);
  FakeCallPtr bound = server_.Next("WithTimeout");
  const auto& request = bound->request<v1::WithTimeoutRequest>();
  EXPECT_EQ(request.target_id(), call.id());
  EXPECT_EQ(request.timeout().seconds(), 3);
  EXPECT_TRUE(request.detached());
  EXPECT_TRUE(request.id().empty());
  bound->Send(Acknowledged(call.id(), /*existed=*/true));
  bound->Finish(grpc::Status::OK);
  EXPECT_TRUE(armed.Get().ok());
  stream->Send(TimedOut());
  EXPECT_EQ(*call.result().Get(), "bounded");
}

}  // namespace
}  // namespace timerd::testing
