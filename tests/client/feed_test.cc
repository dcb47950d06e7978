// How a handle is made and followed over streams that break.
#include "tests/client/fake_timers_fixture.h"

namespace timerd::testing {
namespace {

using FeedTest = FakeTimersTest;

TEST_F(FeedTest, SendsTheSameCreationAgainWhenTheStreamBreaksBeforeTheAcknowledgement) {
  DelayedCall call = client_.CallLater(absl::Milliseconds(1500), [] {});
  FakeCallPtr first = server_.Next("Schedule");
  first->Finish(kUnavailable);
  FakeCallPtr second = server_.Next("Schedule");

  const auto& request = second->request<v1::ScheduleRequest>();
  EXPECT_EQ(request.id(), call.id());
  EXPECT_EQ(request.delay().seconds(), 1);
  EXPECT_EQ(request.delay().nanos(), 500'000'000);
  EXPECT_EQ(request.SerializeAsString(), first->request<v1::ScheduleRequest>().SerializeAsString());
  EXPECT_FALSE(call.acknowledged().ready());
  second->Send(Acknowledged(call.id()));
  EXPECT_TRUE(call.acknowledged().Get().ok());
  EXPECT_EQ(call.deadline(), absl::FromUnixSeconds(1005));
}

TEST_F(FeedTest, ResumesBehindTheLastEventWhenTheStreamBreaksAfterTheAcknowledgement) {
  std::atomic<int> runs = 0;
  LoopingCall loop = client_.StartLoop(absl::Seconds(1), [&runs](const LoopTick&) {
    ++runs;
    return absl::OkStatus();
  });
  FakeCallPtr stream = Accept("StartLoop", loop);
  stream->Send(MakeEvent(v1::Event::TYPE_TICK, 1, 1));
  AnswerReport();
  stream->Send(MakeEvent(v1::Event::TYPE_TICK, 2, 2));
  AnswerReport();
  stream->Finish(kUnavailable);

  FakeCallPtr watch = server_.Next("Watch");
  EXPECT_EQ(watch->request<v1::WatchRequest>().id(), loop.id());
  EXPECT_EQ(watch->request<v1::WatchRequest>().after_sequence(), 2u);
  watch->Send(Acknowledged(loop.id(), /*existed=*/true));
  watch->Finish(kUnavailable);
  watch = server_.Next("Watch");
  watch->Send(Acknowledged(loop.id(), /*existed=*/true));
  watch->Send(MakeEvent(v1::Event::TYPE_TICK, 3, 3));
  EXPECT_EQ(AnswerReport().run(), 3u);
  watch->Send(MakeEvent(v1::Event::TYPE_CANCELLED, 4));
  ASSERT_TRUE(loop.Wait(kPatience).has_value());
  EXPECT_EQ(loop.Wait(kPatience)->end, End::kCancelled);
  EXPECT_EQ(runs, 3);
}

TEST_F(FeedTest, EndsACreationPastALimitAndTellsWhenToAskAgain) {
  DelayedCall call = client_.CallLater(absl::Seconds(1), [] {});
  server_.Next("Schedule")
      ->Finish(RetryAfter(absl::Milliseconds(300),
                          Refused(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED")));
  EXPECT_EQ(RetryDelayOf(call.acknowledged().Get()), absl::Milliseconds(300));
}

TEST_F(FeedTest, WaitsAsLongAsTheServerSaysBeforeItAttachesAgain) {
  DelayedCall call = client_.CallLater(absl::Seconds(1), [] {});
  Accept("Schedule", call)->Finish(kUnavailable);
  const absl::Time refused = absl::Now();
  server_.Next("Watch")->Finish(RetryAfter(
      absl::Milliseconds(300), Refused(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED")));
  FakeCallPtr again = server_.Next("Watch");
  EXPECT_GE(absl::Now() - refused, absl::Milliseconds(300));
  again->Send(MakeEvent(v1::Event::TYPE_CANCELLED, 1));
  EXPECT_EQ(call.done().Get().end, End::kCancelled);
}

TEST_F(FeedTest, ResumesAStreamThatWasClosedWithOkBeforeTheEnd) {
  DeferredCall call = client_.DeferLater(absl::Seconds(1), [] { return "value"; });
  Accept("Schedule", call)->Finish(grpc::Status::OK);
  FakeCallPtr watch = server_.Next("Watch");
  watch->Send(MakeEvent(v1::Event::TYPE_CANCELLED, 1));
  EXPECT_EQ(call.done().Get().end, End::kCancelled);
}

TEST_F(FeedTest, WatchesFromTheStartWhenTheCreationFindsTheHandleThere) {
  std::atomic<int> runs = 0;
  DelayedCall call = client_.CallLater(absl::ZeroDuration(), [&runs] { ++runs; });
  server_.Next("Schedule")->Finish(kUnavailable);  // it did arrive, and fired meanwhile
  FakeCallPtr again = server_.Next("Schedule");
  again->Send(Acknowledged(call.id(), /*existed=*/true));
  FakeCallPtr watch = server_.Next("Watch");
  EXPECT_EQ(watch->request<v1::WatchRequest>().after_sequence(), 0u);
  v1::Event fired = MakeEvent(v1::Event::TYPE_FIRED, 1, 1);
  fired.set_redelivery(true);
  watch->Send(fired);
  watch->Finish(grpc::Status::OK);
  EXPECT_EQ(call.done().Get().end, End::kFired);
  EXPECT_EQ(runs, 1);
}

TEST_F(FeedTest, EndsAsRefusedWhenTheServerRefusesTheCreation) {
  DelayedCall call = client_.CallLater(-absl::Seconds(1), [] {});
  server_.Next("Schedule")
      ->Finish(Refused(grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD", "field", "delay"));
  const absl::Status refused = call.acknowledged().Get();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.message(), "refused: INVALID_FIELD");
  EXPECT_EQ(ReasonOf(refused), "INVALID_FIELD");
  EXPECT_EQ(DetailOf(refused, "field"), "delay");
  EXPECT_EQ(call.done().Get().end, End::kRefused);
  EXPECT_EQ(call.result().Get().status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(call.active());
}

TEST_F(FeedTest, SurvivesARestartOfTheServer) {
  LoopingCall loop =
      client_.StartLoop(absl::Seconds(1), [](const LoopTick&) { return absl::OkStatus(); });
  Accept("StartLoop", loop)->Send(MakeEvent(v1::Event::TYPE_TICK, 1, 1));
  AnswerReport();
  server_.Shutdown();
  server_.Listen();
  FakeCallPtr watch = server_.Next("Watch");
  EXPECT_EQ(watch->request<v1::WatchRequest>().after_sequence(), 1u);
  watch->Send(MakeEvent(v1::Event::TYPE_STOPPED, 2));
  EXPECT_TRUE(loop.result().Get().ok());
}

TEST_F(FeedTest, FollowsAHandleMadeElsewhereToItsEnd) {
  Handle plain = client_.Watch("plain");
  FakeCallPtr watch = server_.Next("Watch");
  watch->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1, "payload of the timer"));
  watch->Finish(grpc::Status::OK);
  EXPECT_EQ(plain.done().Get().end, End::kFired);

  Handle reported = client_.Watch("reported");
  watch = server_.Next("Watch");
  watch->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  watch->Send(MakeEvent(v1::Event::TYPE_COMPLETED, 2, 1, "value"));
  EXPECT_EQ(*reported.result().Get(), "value");
  EXPECT_TRUE(server_.Quiet("Report"));

  Handle unknown = client_.Watch("unknown");
  server_.Next("Watch")->Finish(Refused(grpc::StatusCode::NOT_FOUND, "UNKNOWN_ID"));
  EXPECT_EQ(unknown.done().Get().end, End::kRefused);
  EXPECT_EQ(ReasonOf(unknown.result().Get().status()), "UNKNOWN_ID");
}

}  // namespace
}  // namespace timerd::testing
