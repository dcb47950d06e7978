// Functions run once, and what they return reaches the server.
#include <stdexcept>

#include "tests/client/fake_timers_fixture.h"

namespace timerd::testing {
namespace {

using RunsTest = FakeTimersTest;

TEST_F(RunsTest, RunsAPlainCallOnceHoweverOftenItIsTold) {
  std::atomic<int> runs = 0;
  DelayedCall call = client_.CallLater(absl::Seconds(1), [&runs] { ++runs; });
  FakeCallPtr stream = Accept("Schedule", call);
  for (int i = 0; i < 3; ++i) {
    stream->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  }
  stream->Finish(grpc::Status::OK);
  const Ending ending = call.done().Get();
  EXPECT_EQ(ending.end, End::kFired);
  EXPECT_EQ(ending.time, absl::FromUnixSeconds(1005));
  EXPECT_EQ(runs, 1);
  EXPECT_FALSE(call.active());
}

TEST_F(RunsTest, ReportsTheValueOfADeferredCall) {
  DeferredCall call = client_.DeferLater(absl::Seconds(1), [] { return "value"; });
  FakeCallPtr stream = server_.Next("Schedule");
  EXPECT_TRUE(stream->request<v1::ScheduleRequest>().reported());
  stream->Send(Acknowledged(call.id()));
  stream->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  const v1::ReportRequest report = AnswerReport();
  EXPECT_EQ(report.id(), call.id());
  EXPECT_EQ(report.run(), 1u);
  EXPECT_EQ(report.outcome().result(), v1::Outcome::RESULT_SUCCESS);
  EXPECT_EQ(report.outcome().payload(), "value");
  stream->Send(MakeEvent(v1::Event::TYPE_COMPLETED, 2, 1, "value"));
  EXPECT_EQ(*call.result().Get(), "value");
}

TEST_F(RunsTest, RunsAReportedCallOnceThoughItIsToldAgainWhileItRuns) {
  Promise<bool> begun([](std::function<void()> callback) { callback(); });
  Promise<bool> release([](std::function<void()> callback) { callback(); });
  std::atomic<int> runs = 0;
  DeferredCall call = client_.DeferLater(absl::Seconds(1), [&] {
    ++runs;
    begun.Set(true);
    release.future().Wait(kPatience);
    return "value";
  });
  FakeCallPtr stream = Accept("Schedule", call);
  stream->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  ASSERT_TRUE(begun.future().Wait(kPatience).has_value());
  stream->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  EXPECT_FALSE(call.Wait(absl::Milliseconds(50)).has_value());  // time for a run that must not be
  release.Set(true);
  AnswerReport();
  stream->Send(MakeEvent(v1::Event::TYPE_COMPLETED, 2, 1, "value"));
  EXPECT_TRUE(call.result().Get().ok());
  EXPECT_EQ(runs, 1);
}

TEST_F(RunsTest, CarriesAFailureToTheCallerWithCodeAndMessage) {
  DeferredCall call = client_.DeferLater(absl::Seconds(1), []() -> absl::StatusOr<std::string> {
    return absl::NotFoundError("no such user");
  });
  FakeCallPtr stream = Accept("Schedule", call);
  stream->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  const v1::ReportRequest report = AnswerReport();
  EXPECT_EQ(report.outcome().result(), v1::Outcome::RESULT_FAILURE);
  EXPECT_EQ(report.outcome().payload(), "NOT_FOUND: no such user");
  stream->Send(MakeEvent(v1::Event::TYPE_FAILED, 2, 1, report.outcome().payload()));
  const absl::Status status = call.result().Get().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "no such user");
  EXPECT_EQ(EndOf(status), End::kFailed);
}

TEST_F(RunsTest, ReportsAnExceptionAsAFailure) {
  DeferredCall call = client_.DeferLater(absl::Seconds(1), []() -> absl::StatusOr<std::string> {
    throw std::runtime_error("out of tea");
  });
  Accept("Schedule", call)->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  EXPECT_EQ(AnswerReport().outcome().payload(), "UNKNOWN: exception: out of tea");
}

TEST_F(RunsTest, SendsAReportAgainUntilItIsAnswered) {
  std::atomic<int> runs = 0;
  DeferredCall call = client_.DeferLater(absl::Seconds(1), [&runs] {
    ++runs;
    return "value";
  });
  FakeCallPtr stream = Accept("Schedule", call);
  stream->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  const std::string first = [this] {
    FakeCallPtr report = server_.Next("Report");
    report->Finish(kUnavailable);
    return report->request<v1::ReportRequest>().SerializeAsString();
  }();
  server_.Next("Report")->Finish(grpc::Status(grpc::StatusCode::INTERNAL, "stream reset"));
  EXPECT_EQ(AnswerReport().SerializeAsString(), first);
  stream->Send(MakeEvent(v1::Event::TYPE_COMPLETED, 2, 1, "value"));
  EXPECT_TRUE(call.result().Get().ok());
  EXPECT_EQ(runs, 1);
}

TEST_F(RunsTest, TakesFailedPreconditionForAnAnswer) {
  DeferredCall call = client_.DeferLater(absl::Seconds(1), [] { return "mine"; });
  FakeCallPtr stream = Accept("Schedule", call);
  stream->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  server_.Next("Report")->Finish(
      Refused(grpc::StatusCode::FAILED_PRECONDITION, "ALREADY_REPORTED"));
  stream->Send(MakeEvent(v1::Event::TYPE_COMPLETED, 2, 1, "theirs"));
  EXPECT_EQ(*call.result().Get(), "theirs");
  EXPECT_TRUE(server_.Quiet("Report"));
}

TEST_F(RunsTest, ReportsARunToldAgainRatherThanRunningItAgain) {
  std::atomic<int> runs = 0;
  DeferredCall call = client_.DeferLater(absl::Seconds(1), [&runs] {
    ++runs;
    return "value";
  });
  FakeCallPtr stream = Accept("Schedule", call);
  stream->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  AnswerReport();  // answered, but the server forgets it when it crashes
  stream->Finish(kUnavailable);
  FakeCallPtr watch = server_.Next("Watch");
  watch->Send(Acknowledged(call.id(), /*existed=*/true));
  v1::Event again = MakeEvent(v1::Event::TYPE_FIRED, 1, 1);
  again.set_redelivery(true);
  watch->Send(again);
  EXPECT_EQ(AnswerReport().outcome().payload(), "value");
  watch->Send(MakeEvent(v1::Event::TYPE_COMPLETED, 2, 1, "value"));
  EXPECT_TRUE(call.result().Get().ok());
  EXPECT_EQ(runs, 1);
}

TEST_F(RunsTest, DoesNotRunWhatAnotherProcessHasReported) {
  std::atomic<int> runs = 0;
  DeferredCall call = client_.DeferLater(absl::Seconds(1),
                                         [&runs] {
                                           ++runs;
                                           return "value";
                                         },
                                         {.id = "mine"});
  server_.Next("Schedule")->Send(Acknowledged("mine", /*existed=*/true));
  FakeCallPtr watch = server_.Next("Watch");
  v1::Event fired = MakeEvent(v1::Event::TYPE_FIRED, 1, 1);
  fired.set_redelivery(true);
  watch->Send(fired);
  v1::GetResponse ended;
  ended.mutable_handle()->set_state(v1::STATE_ENDED);
  ended.mutable_handle()->set_run(1);
  server_.Next("Get")->Reply(ended);
  watch->Send(MakeEvent(v1::Event::TYPE_COMPLETED, 2, 1, "theirs"));
  EXPECT_EQ(*call.result().Get(), "theirs");
  EXPECT_EQ(runs, 0);
}

TEST_F(RunsTest, TakesUpARunThatAnotherProcessLeftBehind) {
  DeferredCall call = client_.DeferLater(absl::Seconds(1), [] { return "value"; }, {.id = "mine"});
  server_.Next("Schedule")->Send(Acknowledged("mine", /*existed=*/true));
  v1::Event fired = MakeEvent(v1::Event::TYPE_FIRED, 1, 1);
  fired.set_redelivery(true);
  server_.Next("Watch")->Send(fired);
  v1::GetResponse running;
  running.mutable_handle()->set_state(v1::STATE_RUNNING);
  running.mutable_handle()->set_run(1);
  server_.Next("Get")->Reply(running);
  EXPECT_EQ(AnswerReport().outcome().payload(), "value");
}

TEST_F(RunsTest, ReportsAFailureWhenTheServerFindsTheValueTooLarge) {
  DeferredCall call = client_.DeferLater(absl::Seconds(1), [] { return std::string(100, 'x'); });
  Accept("Schedule", call)->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  server_.Next("Report")->Finish(Refused(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED",
                                         "limit", "--max-payload-bytes"));
  const v1::ReportRequest report = AnswerReport();
  EXPECT_EQ(report.outcome().result(), v1::Outcome::RESULT_FAILURE);
  EXPECT_THAT(
      report.outcome().payload(),
      ::testing::StartsWith("RESOURCE_EXHAUSTED: the server refused a report of 100 bytes"));
}

TEST_F(RunsTest, GivesALoopItsTickAndEndsItByAFailure) {
  std::vector<LoopTick> ticks;
  LoopingCall loop =
      client_.StartLoop(absl::Seconds(1),
                        [&ticks](const LoopTick& tick) -> LoopResult {
                          ticks.push_back(tick);
                          return tick.run < 2 ? absl::OkStatus() : absl::DataLossError("torn");
                        },
                        {.start_now = false, .payload = "what"});
  FakeCallPtr stream = server_.Next("StartLoop");
  EXPECT_FALSE(stream->request<v1::StartLoopRequest>().start_now());
  EXPECT_EQ(stream->request<v1::StartLoopRequest>().payload(), "what");
  stream->Send(Acknowledged(loop.id()));
  v1::Event tick = MakeEvent(v1::Event::TYPE_TICK, 1, 1, "what");
  tick.set_count(3);
  tick.set_missed(2);
  tick.mutable_deadline()->set_seconds(1004);
  stream->Send(tick);
  EXPECT_EQ(AnswerReport().outcome().result(), v1::Outcome::RESULT_SUCCESS);
  stream->Send(MakeEvent(v1::Event::TYPE_TICK, 2, 2));
  const v1::ReportRequest report = AnswerReport();
  EXPECT_EQ(report.run(), 2u);
  stream->Send(MakeEvent(v1::Event::TYPE_FAILED, 3, 2, report.outcome().payload()));
  EXPECT_EQ(loop.result().Get().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(loop.active());
  ASSERT_EQ(ticks.size(), 2u);
  EXPECT_EQ(ticks[0].count, 3u);
  EXPECT_EQ(ticks[0].missed, 2u);
  EXPECT_EQ(ticks[0].deadline, absl::FromUnixSeconds(1004));
  EXPECT_EQ(ticks[0].time, absl::FromUnixSeconds(1005));
  EXPECT_EQ(ticks[0].payload, "what");
}

TEST_F(RunsTest, StopsALoopBeforeReportingTheRunThatAskedForIt) {
  LoopingCall loop =
      client_.StartLoop(absl::Seconds(1), [](const LoopTick&) { return LoopResult::Stop(); });
  FakeCallPtr stream = Accept("StartLoop", loop);
  stream->Send(MakeEvent(v1::Event::TYPE_TICK, 1, 1));
  FakeCallPtr stop = server_.Next("StopLoop");
  EXPECT_TRUE(server_.Quiet("Report"));
  v1::StopLoopResponse stopping;
  stopping.set_state(v1::STATE_STOPPING);
  stop->Reply(stopping);
  EXPECT_EQ(AnswerReport().outcome().result(), v1::Outcome::RESULT_SUCCESS);
  stream->Send(MakeEvent(v1::Event::TYPE_STOPPED, 2, 1));
  EXPECT_EQ(loop.done().Get().end, End::kStopped);
  EXPECT_TRUE(loop.result().Get().ok());
  EXPECT_EQ(ReasonOf(loop.Stop().Get()), "NOT_RUNNING");
}

}  // namespace
}  // namespace timerd::testing
