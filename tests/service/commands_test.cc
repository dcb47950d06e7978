// From requests to commands: which handle is meant, and what the shard is asked to do.
#include "server/service/commands.h"

#include "server/base/handle_key.h"
#include "tests/service/validation_fixture.h"

namespace timerd::service {
namespace {

class CommandsTest : public ValidationTest {
 protected:
  template <typename Request>
  absl::StatusOr<std::string> Key(const std::string& text, const std::string& name_space = "") {
    return ToKey(validator_, name_space, Parse<Request>(text));
  }
  // The command for `text`, on the handle "space/a".
  template <typename Command, typename Request, typename Result>
  Command Make(const std::string& text) {
    absl::StatusOr<reactor::Command> command =
        ToCommand(validator_, Parse<Request>(text), "space/a",
                  [this](const absl::StatusOr<Result>&) { ++replies_; });
    EXPECT_TRUE(command.ok()) << command.status();
    Command made = std::get<Command>(*std::move(command));
    EXPECT_EQ(made.key, "space/a");
    return made;
  }
  template <typename Request>
  reactor::Steer MakeSteer(const std::string& text) {
    return Make<reactor::Steer, Request, reactor::Steered>(text);
  }

  int replies_ = 0;
};

TEST_F(CommandsTest, NameAHandleByNamespaceAndId) {
  EXPECT_EQ(*Key<v1::CancelRequest>("id: 'a'"), "default/a");
  EXPECT_EQ(*Key<v1::CancelRequest>("id: 'a/b'", "space"), "space/a/b");
  EXPECT_EQ(*Key<v1::ScheduleRequest>("id: 'a'", "space"), "space/a");
  EXPECT_EQ(*Key<v1::StartLoopRequest>("id: 'a'", "space"), "space/a");
  EXPECT_EQ(*Key<v1::WithTimeoutRequest>("id: 'a'", "space"), "space/a");
  EXPECT_EQ(*Key<v1::WithTimeoutRequest>("target_id: 'a'", "space"), "space/a");
}

TEST_F(CommandsTest, MakeAnIdWhereANewHandleHasNone) {
  for (const auto& key :
       {Key<v1::ScheduleRequest>("", "space"), Key<v1::StartLoopRequest>("", "space"),
        Key<v1::WithTimeoutRequest>("", "space")}) {
    TIMERD_ASSERT_OK(key);
    EXPECT_EQ(NamespaceOf(*key), "space");
    EXPECT_EQ(IdOf(*key).size(), 26u);
  }
  EXPECT_NE(*Key<v1::ScheduleRequest>(""), *Key<v1::ScheduleRequest>(""));
}

TEST_F(CommandsTest, AreRefusedWithoutAGoodNamespaceAndId) {
  EXPECT_THAT(Key<v1::CancelRequest>(""), BadField("id", "id is empty; name the handle"));
  EXPECT_THAT(Key<v1::CancelRequest>("id: 'abcde'"), BadField("id", "has 5 bytes"));
  EXPECT_THAT(Key<v1::ScheduleRequest>("id: 'abcde'"), BadField("id", "has 5 bytes"));
  EXPECT_THAT(Key<v1::WithTimeoutRequest>("target_id: 'abcde'"),
              BadField("target_id", "target_id \"abcde\" has 5 bytes"));
  EXPECT_THAT(Key<v1::CancelRequest>("id: 'a'", "Space"), BadField("namespace", "is not a name"));
  EXPECT_THAT(Key<v1::ScheduleRequest>("", "Space"), BadField("namespace", "is not a name"));
  EXPECT_THAT(Key<v1::WithTimeoutRequest>("target_id: 'a'", "Space"),
              BadField("namespace", "is not a name"));
}

TEST_F(CommandsTest, CreateWhatIsAskedFor) {
  const auto timer = Make<reactor::Create, v1::ScheduleRequest, reactor::Opened>(
      "delay { seconds: 1 } replace: true idempotency_key: 'k' payload: 'p'");
  EXPECT_EQ(timer.spec.kind, timer::Kind::kTimer);
  EXPECT_EQ(timer.spec.span, std::chrono::seconds(1));
  EXPECT_EQ(timer.spec.idempotency_key, "k");
  EXPECT_EQ(timer.spec.payload, "p");
  EXPECT_TRUE(timer.replace);
  const auto loop = Make<reactor::Create, v1::StartLoopRequest, reactor::Opened>("interval {}");
  EXPECT_EQ(loop.spec.kind, timer::Kind::kLoop);
  EXPECT_FALSE(loop.replace);
  const auto task = Make<reactor::Create, v1::WithTimeoutRequest, reactor::Opened>("timeout {}");
  EXPECT_EQ(task.spec.kind, timer::Kind::kTask);
}

TEST_F(CommandsTest, BoundATarget) {
  const auto bound = Make<reactor::Bound, v1::WithTimeoutRequest, reactor::Opened>(
      "target_id: 'a' timeout { seconds: 2 } idempotency_key: 'k' "
      "fallback { result: RESULT_SUCCESS payload: 'p' }");
  EXPECT_EQ(bound.timeout, std::chrono::seconds(2));
  EXPECT_EQ(bound.idempotency_key, "k");
  EXPECT_EQ(bound.fallback, (timer::Outcome{true, "p"}));
}

TEST_F(CommandsTest, DoOneThingToAHandle) {
  EXPECT_EQ((Make<reactor::Watch, v1::WatchRequest, reactor::Opened>("after_sequence: 7").after),
            7u);
  Make<reactor::Cancel, v1::CancelRequest, reactor::Cancelled>("");
  Make<reactor::StopLoop, v1::StopLoopRequest, reactor::Stopped>("");
  Make<reactor::Get, v1::GetRequest, reactor::Got>("");
  const auto report = Make<reactor::Report, v1::ReportRequest, reactor::Reported>(
      "run: 3 outcome { result: RESULT_FAILURE payload: 'p' }");
  EXPECT_EQ(report.run, 3u);
  EXPECT_EQ(report.outcome, (timer::Outcome{false, "p"}));
  const auto moved =
      Make<reactor::Reschedule, v1::RescheduleRequest, reactor::Moved>("delay_by { seconds: -1 }");
  EXPECT_EQ(std::get<timer::DelayBy>(moved.move).delay, std::chrono::seconds(-1));
}

TEST_F(CommandsTest, SteerLoops) {
  const auto is = [](const reactor::Steer& steer, auto action) {
    return std::holds_alternative<decltype(action)>(steer.action);
  };
  EXPECT_TRUE(is(MakeSteer<v1::PauseLoopRequest>(""), reactor::PauseLoop{}));
  EXPECT_TRUE(is(MakeSteer<v1::ResumeLoopRequest>(""), reactor::ResumeLoop{}));
  EXPECT_TRUE(is(MakeSteer<v1::ResetLoopRequest>(""), reactor::ResetLoop{}));
  EXPECT_TRUE(is(MakeSteer<v1::TriggerLoopRequest>(""), reactor::TriggerLoop{}));
  const auto changed = MakeSteer<v1::ChangeIntervalRequest>("interval { seconds: 5 }");
  EXPECT_EQ(std::get<reactor::ChangeInterval>(changed.action).interval, std::chrono::seconds(5));
}

TEST_F(CommandsTest, AreNotMadeOfBadArgumentsAndReplyNothingThen) {
  const auto reply = [this](const auto&) { ++replies_; };
  EXPECT_THAT(ToCommand(validator_, v1::ScheduleRequest(), "space/a", reply).status(),
              BadField("delay", "timer: neither delay nor at is set"));
  EXPECT_THAT(ToCommand(validator_, Parse<v1::ReportRequest>("id: 'a'"), "space/a", reply).status(),
              BadField("run", "Report on \"a\": run is not set"));
  EXPECT_THAT(
      ToCommand(validator_, Parse<v1::ChangeIntervalRequest>("id: 'a'"), "space/a", reply).status(),
      BadField("interval", "ChangeInterval of \"a\": interval is not set"));
  EXPECT_EQ(replies_, 0);
}

}  // namespace
}  // namespace timerd::service
