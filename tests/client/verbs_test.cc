// Cancel, stop and move: also against a firing that is on its way here.
#include "tests/client/fake_timers_fixture.h"

namespace timerd::testing {
namespace {

class VerbsTest : public FakeTimersTest {
 protected:
  v1::RescheduleResponse MovedTo(int64_t seconds) {
    v1::RescheduleResponse response;
    response.mutable_now()->set_seconds(1000);
    response.mutable_deadline()->set_seconds(seconds);
    return response;
  }
  grpc::Status AlreadyFired() {
    return Refused(grpc::StatusCode::FAILED_PRECONDITION, "ALREADY_CALLED", "end", "FIRED");
  }

  // One callback thread, so that a Plug keeps functions from beginning.
  Client narrow_{OptionsFor(server_, /*callback_threads=*/1)};
  std::atomic<int> runs_ = 0;
  std::function<void()> count_ = [this] { ++runs_; };
  std::function<absl::StatusOr<std::string>()> value_ = [this] {
    ++runs_;
    return "value";
  };
};

TEST_F(VerbsTest, CancelsAPendingCall) {
  DelayedCall call = client_.CallLater(absl::Seconds(1), count_);
  Accept("Schedule", call);
  EXPECT_TRUE(call.active());
  Future<absl::Status> cancelled = call.Cancel();
  EXPECT_FALSE(call.active());
  server_.Next("Cancel")->Reply(v1::CancelResponse());
  EXPECT_TRUE(cancelled.Get().ok());
  EXPECT_EQ(call.done().Get().end, End::kCancelled);
  EXPECT_TRUE(WasCancelled(call.result().Get().status()));
  EXPECT_EQ(ReasonOf(call.Cancel().Get()), "ALREADY_CANCELLED");
  EXPECT_EQ(ReasonOf(call.Reset(absl::Seconds(1)).Get().status()), "ALREADY_CANCELLED");
}

TEST_F(VerbsTest, CancelsOnlyAfterTheAcknowledgementSoThatNothingEscapes) {
  DelayedCall call = client_.CallLater(absl::Seconds(1), count_);
  FakeCallPtr stream = server_.Next("Schedule");
  Future<absl::Status> cancelled = call.Cancel();
  EXPECT_TRUE(server_.Quiet("Cancel"));
  stream->Send(Acknowledged(call.id()));
  stream->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  server_.Next("Cancel")->Finish(AlreadyFired());
  EXPECT_TRUE(cancelled.Get().ok());
  EXPECT_EQ(call.done().Get().end, End::kCancelled);
  EXPECT_EQ(runs_, 0);
}

TEST_F(VerbsTest, CancelWinsOverAFiringWhoseFunctionHasNotBegun) {
  Plug plug(narrow_, server_);
  ASSERT_TRUE(plug.plugged());
  DelayedCall plain = narrow_.CallLater(absl::Seconds(1), count_);
  FakeCallPtr stream = Accept("Schedule", plain);
  stream->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  stream->Finish(grpc::Status::OK);
  DeferredCall reported = narrow_.DeferLater(absl::Seconds(1), value_);
  Accept("Schedule", reported)->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));

  Future<absl::Status> plain_cancelled = plain.Cancel();
  server_.Next("Cancel")->Finish(AlreadyFired());
  Future<absl::Status> reported_cancelled = reported.Cancel();
  server_.Next("Cancel")->Reply(v1::CancelResponse());
  EXPECT_TRUE(plain_cancelled.Get().ok());
  EXPECT_TRUE(reported_cancelled.Get().ok());
  EXPECT_EQ(plain.done().Get().end, End::kCancelled);
  EXPECT_EQ(reported.done().Get().end, End::kCancelled);
  plug.Release();
  EXPECT_EQ(runs_, 0);
  EXPECT_TRUE(server_.Quiet("Report"));
}

TEST_F(VerbsTest, RefusesToCancelACallWhoseFunctionHasRun) {
  DelayedCall call = client_.CallLater(absl::Seconds(1), count_);
  Accept("Schedule", call)->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  call.done().Get();
  const absl::Status refused = call.Cancel().Get();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(refused), "ALREADY_CALLED");
  EXPECT_EQ(DetailOf(refused, "end"), "FIRED");
}

TEST_F(VerbsTest, TakesAlreadyCancelledForSuccessAfterALostReply) {
  DelayedCall call = client_.CallLater(absl::Seconds(1), count_);
  Accept("Schedule", call);
  Future<absl::Status> cancelled = call.Cancel();
  server_.Next("Cancel")->Finish(kUnavailable);
  server_.Next("Cancel")->Finish(
      Refused(grpc::StatusCode::FAILED_PRECONDITION, "ALREADY_CANCELLED"));
  EXPECT_TRUE(cancelled.Get().ok());
}

TEST_F(VerbsTest, TellsWhenSomebodyElseHasCancelled) {
  DelayedCall call = client_.CallLater(absl::Seconds(1), count_);
  Accept("Schedule", call);
  Future<absl::Status> cancelled = call.Cancel();
  server_.Next("Cancel")->Finish(
      Refused(grpc::StatusCode::FAILED_PRECONDITION, "ALREADY_CANCELLED"));
  EXPECT_EQ(ReasonOf(cancelled.Get()), "ALREADY_CANCELLED");
  EXPECT_EQ(call.done().Get().end, End::kCancelled);
}

TEST_F(VerbsTest, MovesAPendingCall) {
  DelayedCall call = client_.CallLater(absl::Seconds(5), count_);
  Accept("Schedule", call);
  Future<absl::StatusOr<absl::Time>> reset = call.Reset(absl::Seconds(60));
  FakeCallPtr move = server_.Next("Reschedule");
  EXPECT_EQ(move->request<v1::RescheduleRequest>().from_now().seconds(), 60);
  EXPECT_EQ(move->request<v1::RescheduleRequest>().from_now().nanos(), 0);
  move->Finish(kUnavailable);
  move = server_.Next("Reschedule");  // the time that it took is deducted
  EXPECT_LT(move->request<v1::RescheduleRequest>().from_now().seconds(), 60);
  EXPECT_GE(move->request<v1::RescheduleRequest>().from_now().seconds(), 50);
  move->Reply(MovedTo(1060));
  EXPECT_EQ(*reset.Get(), absl::FromUnixSeconds(1060));
  EXPECT_EQ(call.deadline(), absl::FromUnixSeconds(1060));

  Future<absl::StatusOr<absl::Time>> delayed = call.Delay(-absl::Seconds(2));
  move = server_.Next("Reschedule");
  EXPECT_EQ(move->request<v1::RescheduleRequest>().delay_by().seconds(), -2);
  move->Reply(MovedTo(1058));
  EXPECT_EQ(*delayed.Get(), absl::FromUnixSeconds(1058));
}

TEST_F(VerbsTest, AsksForADelayOnlyOnceAsItMayHaveHappened) {
  DelayedCall call = client_.CallLater(absl::Seconds(5), count_);
  Accept("Schedule", call);
  Future<absl::StatusOr<absl::Time>> delayed = call.Delay(absl::Seconds(2));
  server_.Next("Reschedule")->Finish(kUnavailable);
  EXPECT_EQ(delayed.Get().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(call.active());
}

TEST_F(VerbsTest, HoldsAFiringBackUntilItsMoveIsAnswered) {
  DelayedCall call = client_.CallLater(absl::Seconds(5), count_);
  FakeCallPtr stream = Accept("Schedule", call);
  Future<absl::StatusOr<absl::Time>> reset = call.Reset(absl::ZeroDuration());
  FakeCallPtr move = server_.Next("Reschedule");
  stream->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  EXPECT_FALSE(call.Wait(absl::Milliseconds(50)).has_value());
  EXPECT_EQ(runs_, 0);
  move->Reply(MovedTo(1000));
  EXPECT_TRUE(reset.Get().ok());
  EXPECT_EQ(call.done().Get().end, End::kFired);
  EXPECT_EQ(runs_, 1);
}

TEST_F(VerbsTest, MakesAPlainCallAnewWhenAResetComesAfterItsFiring) {
  Plug plug(narrow_, server_);
  ASSERT_TRUE(plug.plugged());
  DelayedCall call = narrow_.CallLater(absl::Seconds(5), count_);
  const std::string old_id = call.id();
  FakeCallPtr stream = Accept("Schedule", call);
  stream->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  Future<absl::StatusOr<absl::Time>> reset = call.Reset(absl::Seconds(30));
  server_.Next("Reschedule")->Finish(AlreadyFired());

  FakeCallPtr anew = server_.Next("Schedule");
  EXPECT_EQ(anew->request<v1::ScheduleRequest>().id(), old_id + "~1");
  EXPECT_EQ(call.id(), old_id + "~1");
  // An earlier life of the program may have left a timer of this id behind.
  EXPECT_TRUE(anew->request<v1::ScheduleRequest>().replace());
  EXPECT_NE(anew->request<v1::ScheduleRequest>().idempotency_key(), "");
  EXPECT_GE(anew->request<v1::ScheduleRequest>().delay().seconds(), 20);
  plug.Release();  // the old firing could begin now, and must not
  EXPECT_FALSE(call.done().ready());
  anew->Send(Acknowledged(call.id()));
  EXPECT_EQ(*reset.Get(), absl::FromUnixSeconds(1005));
  EXPECT_EQ(runs_, 0);
  anew->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  EXPECT_EQ(call.done().Get().end, End::kFired);
  EXPECT_EQ(runs_, 1);
}

TEST_F(VerbsTest, TakesAReportedCallBackBeforeMakingItAnew) {
  Plug plug(narrow_, server_);
  ASSERT_TRUE(plug.plugged());
  DeferredCall call = narrow_.DeferLater(absl::Seconds(5), value_);
  const std::string old_id = call.id();
  FakeCallPtr stream = Accept("Schedule", call);
  stream->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  Future<absl::StatusOr<absl::Time>> delayed = call.Delay(absl::Seconds(30));
  server_.Next("Reschedule")
      ->Finish(Refused(grpc::StatusCode::FAILED_PRECONDITION, "ALREADY_CALLED"));
  FakeCallPtr cancel = server_.Next("Cancel");
  EXPECT_EQ(cancel->request<v1::CancelRequest>().id(), old_id);
  stream->Send(MakeEvent(v1::Event::TYPE_CANCELLED, 2, 1));  // of the old one: no end of this call
  cancel->Reply(v1::CancelResponse());

  FakeCallPtr anew = server_.Next("Schedule");
  EXPECT_TRUE(anew->request<v1::ScheduleRequest>().reported());
  EXPECT_GE(anew->request<v1::ScheduleRequest>().delay().seconds(), 20);
  EXPECT_LE(anew->request<v1::ScheduleRequest>().delay().seconds(), 35);
  anew->Send(Acknowledged(call.id()));
  EXPECT_TRUE(delayed.Get().ok());
  plug.Release();
  anew->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  EXPECT_EQ(AnswerReport().id(), old_id + "~1");
  anew->Send(MakeEvent(v1::Event::TYPE_COMPLETED, 2, 1, "value"));
  EXPECT_EQ(*call.result().Get(), "value");
  EXPECT_EQ(runs_, 1);
}

TEST_F(VerbsTest, LearnsTheEndOfACallThatEndedWhileItWasTakenBack) {
  Plug plug(narrow_, server_);
  ASSERT_TRUE(plug.plugged());
  DeferredCall call = narrow_.DeferLater(absl::Seconds(5), value_);
  FakeCallPtr stream = Accept("Schedule", call);
  stream->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  Future<absl::StatusOr<absl::Time>> reset = call.Reset(absl::Seconds(30));
  server_.Next("Reschedule")
      ->Finish(Refused(grpc::StatusCode::FAILED_PRECONDITION, "ALREADY_CALLED"));
  FakeCallPtr cancel = server_.Next("Cancel");
  cancel->Finish(
      Refused(grpc::StatusCode::FAILED_PRECONDITION, "ALREADY_CALLED", "end", "TIMED_OUT"));
  server_.Next("Watch")->Send(MakeEvent(v1::Event::TYPE_TIMED_OUT, 2, 1));
  EXPECT_EQ(ReasonOf(reset.Get().status()), "ALREADY_CALLED");
  EXPECT_EQ(call.done().Get().end, End::kTimedOut);
  plug.Release();
  EXPECT_EQ(runs_, 0);
}

TEST_F(VerbsTest, StopWinsOverATickWhoseFunctionHasNotBegun) {
  Plug plug(narrow_, server_);
  ASSERT_TRUE(plug.plugged());
  LoopingCall loop = narrow_.StartLoop(absl::Seconds(1), [this](const LoopTick&) {
    ++runs_;
    return absl::OkStatus();
  });
  FakeCallPtr stream = Accept("StartLoop", loop);
  stream->Send(MakeEvent(v1::Event::TYPE_TICK, 1, 1));
  Future<absl::Status> stopped = loop.Stop();
  FakeCallPtr stop = server_.Next("StopLoop");
  plug.Release();
  v1::StopLoopResponse stopping;
  stopping.set_state(v1::STATE_STOPPING);
  stop->Reply(stopping);
  EXPECT_TRUE(stopped.Get().ok());
  EXPECT_EQ(AnswerReport().outcome().result(), v1::Outcome::RESULT_SUCCESS);
  stream->Send(MakeEvent(v1::Event::TYPE_STOPPED, 2, 1));
  EXPECT_EQ(loop.done().Get().end, End::kStopped);
  EXPECT_EQ(runs_, 0);
}

TEST_F(VerbsTest, StopsALoopBetweenTwoRunsWithoutAReport) {
  LoopingCall loop =
      client_.StartLoop(absl::Seconds(1), [](const LoopTick&) { return absl::OkStatus(); });
  FakeCallPtr stream = Accept("StartLoop", loop);
  stream->Send(MakeEvent(v1::Event::TYPE_TICK, 1, 1));
  AnswerReport();
  Future<absl::Status> stopped = loop.Stop();
  EXPECT_EQ(ReasonOf(loop.Stop().Get()), "NOT_RUNNING");
  v1::StopLoopResponse ended;
  ended.set_state(v1::STATE_ENDED);
  server_.Next("StopLoop")->Reply(ended);
  EXPECT_TRUE(stopped.Get().ok());
  stream->Send(MakeEvent(v1::Event::TYPE_STOPPED, 2));
  EXPECT_TRUE(loop.result().Get().ok());
  EXPECT_TRUE(server_.Quiet("Report"));
}

}  // namespace
}  // namespace timerd::testing
