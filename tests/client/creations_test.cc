// Creations and time-outs whose answer is lost, and handles that others replace.
#include <set>

#include "tests/client/fake_timers_fixture.h"

namespace timerd::testing {
namespace {

class CreationsTest : public FakeTimersTest {
 protected:
  // Loses the answer to the next call of `method`; the call that asks again must be the same.
  FakeCallPtr LoseAnswer(const std::string& method) {
    FakeCallPtr lost = server_.Next(method);
    lost->Finish(kUnavailable);
    FakeCallPtr again = server_.Next(method);
    EXPECT_EQ(again->message().SerializeAsString(), lost->message().SerializeAsString());
    return again;
  }
  static v1::Acknowledgement Existing(const std::string& id, uint64_t generation) {
    v1::Acknowledgement acknowledgement = Acknowledged(id, /*existed=*/true);
    acknowledgement.set_generation(generation);
    return acknowledgement;
  }
  static v1::Event Redelivered(v1::Event::Type type, uint64_t generation) {
    v1::Event event = MakeEvent(type, 1, 1);
    event.set_generation(generation);
    event.set_redelivery(true);
    return event;
  }

  std::atomic<int> runs_ = 0;
  std::function<void()> count_ = [this] { ++runs_; };
};

TEST_F(CreationsTest, CarryAKeyOfTheirOwnWhereTheIdMayHaveBeenUsedBefore) {
  std::set<std::string> keys;
  for (int i = 0; i < 2; ++i) {
    client_.CallLater(absl::Seconds(1), count_, {.id = "call"});
    keys.insert(server_.Next("Schedule")->request<v1::ScheduleRequest>().idempotency_key());
    client_.DeferLater(absl::Seconds(1), [] { return "value"; }, {.id = "deferred"});
    keys.insert(server_.Next("Schedule")->request<v1::ScheduleRequest>().idempotency_key());
    client_.StartLoop(absl::Seconds(1), [](const LoopTick&) { return absl::OkStatus(); },
                      {.id = "loop"});
    keys.insert(server_.Next("StartLoop")->request<v1::StartLoopRequest>().idempotency_key());
    client_.WithTimeout(absl::Seconds(1), {.id = "task"});
    keys.insert(server_.Next("WithTimeout")->request<v1::WithTimeoutRequest>().idempotency_key());
  }
  EXPECT_EQ(keys.size(), 8u);
  for (const std::string& key : keys) {
    EXPECT_EQ(key.size(), 16u);
  }
  // An id that the client makes is nobody else's, and needs none.
  client_.CallLater(absl::Seconds(1), count_);
  EXPECT_EQ(server_.Next("Schedule")->request<v1::ScheduleRequest>().idempotency_key(), "");
}

TEST_F(CreationsTest, PassOnReplaceAndHowLongARunWaitsForItsClient) {
  client_.DeferLater(absl::Seconds(1), [] { return "value"; },
                     {.id = "call", .replace = true, .client_lost_after = absl::Seconds(20)});
  const auto schedule = server_.Next("Schedule")->request<v1::ScheduleRequest>();
  EXPECT_TRUE(schedule.replace());
  EXPECT_EQ(schedule.client_lost_after().seconds(), 20);
  TimeoutOptions options;
  options.id = "task";
  options.replace = true;
  options.client_lost_after = absl::Seconds(30);
  client_.WithTimeout(absl::Seconds(1), options);
  const auto task = server_.Next("WithTimeout")->request<v1::WithTimeoutRequest>();
  EXPECT_TRUE(task.replace());
  EXPECT_EQ(task.client_lost_after().seconds(), 30);
  client_.CallLater(absl::Seconds(1), count_, {.id = "plain"});
  const auto plain = server_.Next("Schedule")->request<v1::ScheduleRequest>();
  EXPECT_FALSE(plain.replace());
  EXPECT_FALSE(plain.has_client_lost_after());
}

TEST_F(CreationsTest, AttachToWhatTheLostTryMadeEvenWhenItHasEnded) {
  DelayedCall call = client_.CallLater(absl::ZeroDuration(), count_, {.id = "mine"});
  LoseAnswer("Schedule")->Send(Existing("mine", 1));
  FakeCallPtr watch = server_.Next("Watch");
  EXPECT_EQ(watch->request<v1::WatchRequest>().after_sequence(), 0u);
  watch->Send(Existing("mine", 1));
  watch->Send(Redelivered(v1::Event::TYPE_FIRED, 1));
  watch->Finish(grpc::Status::OK);
  EXPECT_EQ(call.done().Get().end, End::kFired);
  EXPECT_EQ(runs_, 1);
}

TEST_F(CreationsTest, DoNotReplaceTwiceWhenTheAnswerIsLost) {
  DelayedCall call =
      client_.CallLater(absl::ZeroDuration(), count_, {.id = "mine", .replace = true});
  FakeCallPtr again = LoseAnswer("Schedule");
  EXPECT_TRUE(again->request<v1::ScheduleRequest>().replace());
  EXPECT_NE(again->request<v1::ScheduleRequest>().idempotency_key(), "");
  again->Send(Existing("mine", 2));  // what the lost try made, by the key
  FakeCallPtr watch = server_.Next("Watch");
  watch->Send(Existing("mine", 2));
  watch->Send(Redelivered(v1::Event::TYPE_FIRED, 2));
  watch->Finish(grpc::Status::OK);
  EXPECT_EQ(call.done().Get().end, End::kFired);
  EXPECT_EQ(runs_, 1);

  // Without an id too, as the same request again would replace what has fired.
  client_.CallLater(absl::ZeroDuration(), count_, {.replace = true});
  EXPECT_NE(LoseAnswer("Schedule")->request<v1::ScheduleRequest>().idempotency_key(), "");
}

TEST_F(CreationsTest, SendLoopsAndTasksAgainUnderTheirKey) {
  client_.StartLoop(absl::Seconds(1), [](const LoopTick&) { return absl::OkStatus(); },
                    {.id = "loop", .replace = true});
  EXPECT_NE(LoseAnswer("StartLoop")->request<v1::StartLoopRequest>().idempotency_key(), "");
  client_.WithTimeout(absl::Seconds(1), {.id = "task"});
  EXPECT_NE(LoseAnswer("WithTimeout")->request<v1::WithTimeoutRequest>().idempotency_key(), "");
}

TEST_F(CreationsTest, ArmATimeoutOnceWhenTheAnswerIsLost) {
  DelayedCall call = client_.CallLater(absl::Seconds(60), count_);
  Accept("Schedule", call);
  Future<absl::Status> armed = call.AddTimeout(absl::Seconds(3));
  FakeCallPtr again = LoseAnswer("WithTimeout");
  const std::string key = again->request<v1::WithTimeoutRequest>().idempotency_key();
  EXPECT_EQ(key.size(), 16u);
  again->Send(Acknowledged(call.id(), /*existed=*/true));
  EXPECT_TRUE(armed.Get().ok());
  // Another one is another.
  call.AddTimeout(absl::Seconds(3));
  EXPECT_NE(server_.Next("WithTimeout")->request<v1::WithTimeoutRequest>().idempotency_key(), key);
}

TEST_F(CreationsTest, EndAsReplacedWhenTheServerSaysSo) {
  DeferredCall call = client_.DeferLater(absl::Seconds(60), [] { return "value"; }, {.id = "mine"});
  v1::Event end = MakeEvent(v1::Event::TYPE_CANCELLED, 1);
  end.set_reason("REPLACED");
  Accept("Schedule", call)->Send(end);
  EXPECT_EQ(call.done().Get().reason, "REPLACED");
  EXPECT_EQ(call.done().Get().end, End::kCancelled);
  EXPECT_EQ(ReasonOf(call.result().Get().status()), "REPLACED");
}

TEST_F(CreationsTest, EndAsReplacedWhenAnotherHandleHasTheirIdAfterALostConnection) {
  std::atomic<int> runs = 0;
  LoopingCall loop = client_.StartLoop(absl::Seconds(1),
                                       [&runs](const LoopTick&) {
                                         ++runs;
                                         return absl::OkStatus();
                                       },
                                       {.id = "mine"});
  v1::Acknowledgement mine = Acknowledged("mine");
  mine.set_generation(4);
  FakeCallPtr stream = server_.Next("StartLoop");
  stream->Send(mine);
  ASSERT_TRUE(loop.acknowledged().Get().ok());
  stream->Finish(kUnavailable);
  FakeCallPtr watch = server_.Next("Watch");
  watch->Send(Existing("mine", 5));
  v1::Event theirs = MakeEvent(v1::Event::TYPE_TICK, 1, 1);
  theirs.set_generation(5);
  watch->Send(theirs);
  const Ending ending = loop.done().Get();
  EXPECT_EQ(ending.end, End::kCancelled);
  EXPECT_EQ(ending.reason, "REPLACED");
  EXPECT_EQ(ending.time, absl::InfinitePast());
  EXPECT_TRUE(watch->WaitUntilCancelled());
  EXPECT_EQ(runs, 0);
  EXPECT_TRUE(server_.Quiet("Cancel"));
  EXPECT_TRUE(server_.Quiet("Report"));
}

TEST_F(CreationsTest, DoNotTakeUpARunOfWhatHasReplacedThem) {
  DeferredCall call = client_.DeferLater(absl::Seconds(1),
                                         [this]() -> absl::StatusOr<std::string> {
                                           ++runs_;
                                           return "value";
                                         },
                                         {.id = "mine"});
  server_.Next("Schedule")->Send(Existing("mine", 1));
  FakeCallPtr watch = server_.Next("Watch");
  watch->Send(Existing("mine", 1));
  watch->Send(Redelivered(v1::Event::TYPE_FIRED, 1));
  v1::GetResponse theirs;
  theirs.mutable_handle()->set_state(v1::STATE_RUNNING);
  theirs.mutable_handle()->set_run(1);
  theirs.mutable_handle()->set_generation(2);
  server_.Next("Get")->Reply(theirs);
  EXPECT_FALSE(call.Wait(absl::Milliseconds(50)).has_value());  // time for a run that must not be
  v1::Event end = MakeEvent(v1::Event::TYPE_CANCELLED, 2);
  end.set_reason("REPLACED");
  watch->Send(end);
  EXPECT_EQ(call.done().Get().end, End::kCancelled);
  EXPECT_EQ(runs_, 0);
  EXPECT_TRUE(server_.Quiet("Report"));
}

}  // namespace
}  // namespace timerd::testing
