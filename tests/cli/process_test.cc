// timerctl as a shell runs it: the real binary against a fake server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/cli/timerctl_test.h"

namespace timerd::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kAcknowledged[] =
    "acknowledged { id: 'tea' now { seconds: 1795510800 } "
    "deadline { seconds: 1795510803 nanos: 500000000 } }";
constexpr char kFired[] =
    "event { id: 'tea' kind: KIND_TIMER type: TYPE_FIRED sequence: 1 run: 1 payload: 'hi' "
    "time { seconds: 1795510803 nanos: 500400000 } "
    "deadline { seconds: 1795510803 nanos: 500000000 } }";
constexpr char kTick[] =
    "event { id: 'tea' kind: KIND_LOOP type: TYPE_TICK sequence: 1 run: 1 count: 1 "
    "time { seconds: 1795510801 } deadline { seconds: 1795510801 } }";

std::string End(const std::string& type) {
  return absl::StrCat("event { id: 'tea' sequence: 2 time { seconds: 1795510900 } type: TYPE_",
                      type, " }");
}

TEST_F(TimerctlTest, SchedulesAndFollowsToTheEnd) {
  fake_.AnswerWith({{kAcknowledged, kFired}});
  const Result result = Run({"schedule", "--in=3.5s", "--id=tea", "--payload=hi"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out,
            "timer tea is due 2026-11-24 09:00:03.500 (in 3.5 s)\n"
            "#1    2026-11-24 09:00:03.500  FIRED      run 1  0.4 ms late  \"hi\"\n");
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(fake_.requests(), ElementsAre("Schedule { id: \"tea\" delay { seconds: 3 nanos: "
                                            "500000000 } payload: \"hi\" }"));
}

TEST_F(TimerctlTest, SchedulesWithAPayloadFromStandardInput) {
  fake_.AnswerWith({{kAcknowledged}});
  const Result result =
      Run({"schedule", "--at=2026-11-24T09:00:00Z", "--payload-file=-", "--reported", "--detach"},
          "from a pipe\n");
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(fake_.requests(),
              ElementsAre("Schedule { at { seconds: 1795510800 } reported: true payload: \"from a "
                          "pipe\\n\" detached: true }"));
}

TEST_F(TimerctlTest, SaysWhatAReportedTimerWaitsFor) {
  fake_.AnswerWith({{kAcknowledged, kFired, End("COMPLETED")}});
  const Result result = Run({"schedule", "--in=1s", "--reported"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.err, "  waits for: timerctl report tea --run=1 --success (or --failure)\n");
}

TEST_F(TimerctlTest, DoesNotAskForAReportThatMayHaveBeenMade) {
  fake_.AnswerWith(
      {{kAcknowledged, "event { id: 'tea' type: TYPE_TICK sequence: 1 run: 1 redelivery: true }",
        End("STOPPED")}});
  EXPECT_EQ(Run({"loop", "--every=1s"}).err, "");
}

TEST_F(TimerctlTest, DoesNotAskForAReportOfWhatMayBePlain) {
  fake_.AnswerWith({{kAcknowledged, kTick, End("STOPPED")}});
  EXPECT_EQ(Run({"watch", "tea"}).err, "");
}

TEST_F(TimerctlTest, RepeatsItsServerFlagInWhatItTellsToType) {
  fake_.AnswerWith({{kAcknowledged, kTick, End("STOPPED")}});
  const Result result = Run({"loop", "--every=1s", "--server", fake_.address()});
  EXPECT_THAT(result.err, HasSubstr(absl::StrCat("timerctl --server=", fake_.address(),
                                                 " report tea --run=1")));
}

TEST_F(TimerctlTest, StartsALoop) {
  fake_.AnswerWith({{kAcknowledged, kTick, End("STOPPED")}});
  const Result result = Run({"loop", "--every=250ms", "--now", "--id=tea"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.out, HasSubstr("loop tea ticks first 2026-11-24 09:00:03.500 (in 3.5 s)\n"));
  EXPECT_THAT(result.out, HasSubstr("  STOPPED\n"));
  EXPECT_THAT(fake_.requests(), ElementsAre("StartLoop { id: \"tea\" interval { nanos: 250000000 } "
                                            "start_now: true }"));
}

TEST_F(TimerctlTest, SaysThatALoopWithoutADeadlineWasThereBefore) {
  fake_.AnswerWith({{"acknowledged { id: 'tea' existed: true }", End("STOPPED")}});
  EXPECT_THAT(Run({"loop", "--every=1s", "--now"}).out, StartsWith("loop tea was there before\n"));
  fake_.AnswerWith({{"acknowledged { id: 'tea' }", End("STOPPED")}});
  EXPECT_THAT(Run({"loop", "--every=1s", "--now"}).out, StartsWith("loop tea ticks from now on\n"));
}

TEST_F(TimerctlTest, BoundsATarget) {
  fake_.AnswerWith({{kAcknowledged, End("TIMED_OUT")}});
  const Result result = Run({"timeout", "--in=30s", "--target=tea", "--fallback=late"});
  EXPECT_EQ(result.code, 5);
  EXPECT_THAT(result.out, StartsWith("tea times out 2026-11-24 09:00:03.500 (in 3.5 s)\n"));
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(fake_.requests(),
              ElementsAre("WithTimeout { target_id: \"tea\" timeout { seconds: 30 } fallback { "
                          "result: RESULT_SUCCESS payload: \"late\" } }"));
}

TEST_F(TimerctlTest, SaysWhatANewTaskWaitsFor) {
  fake_.AnswerWith({{kAcknowledged, End("COMPLETED")}});
  const Result result = Run({"timeout", "--in=30s"});
  EXPECT_THAT(result.out, StartsWith("task tea times out"));
  EXPECT_THAT(result.err, HasSubstr("report tea --run=1"));
}

TEST_F(TimerctlTest, ExitsByHowWhatItFollowedHasEnded) {
  const struct {
    const char* type;
    int code;
  } ends[] = {{"FIRED", 0},  {"COMPLETED", 0}, {"STOPPED", 0},
              {"FAILED", 3}, {"CANCELLED", 4}, {"TIMED_OUT", 5}};
  for (const auto& end : ends) {
    fake_.AnswerWith({{kAcknowledged, End(end.type)}});
    EXPECT_EQ(Run({"watch", "tea"}).code, end.code) << end.type;
  }
}

TEST_F(TimerctlTest, WatchesFromASequenceNumberOn) {
  fake_.AnswerWith({{"acknowledged { id: 'tea' existed: true }"}});
  const Result result = Run({"watch", "tea", "--after=7"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "watching tea\n");
  EXPECT_EQ(result.err, "tea has ended, with no event after #7\n");
  EXPECT_THAT(fake_.requests(), ElementsAre("Watch { id: \"tea\" after_sequence: 7 }"));
}

TEST_F(TimerctlTest, DoesNotTakeAClosedStreamForTheEndOfALoop) {
  fake_.AnswerWith({{kAcknowledged, kTick}});
  const Result result = Run({"watch", "tea"});
  EXPECT_EQ(result.code, 12);
  EXPECT_THAT(result.err, HasSubstr("closed the stream before the end event"));
}

TEST_F(TimerctlTest, DetachesOnCtrlCAndSaysWhereToGoOn) {
  fake_.AnswerWith({{kAcknowledged, kTick}, grpc::Status::OK, true});
  Process process(Words({"loop", "--every=1s"}), Environment());
  process.ReadLine();
  EXPECT_THAT(process.ReadLine(), HasSubstr("TICK"));
  process.Signal(SIGINT);
  EXPECT_EQ(process.Wait(), 130);
  EXPECT_THAT(process.err(),
              HasSubstr("detached; it goes on. Follow it again: timerctl watch tea --after=1\n"));
}

TEST_F(TimerctlTest, DetachesOnSigterm) {
  fake_.AnswerWith({{kAcknowledged}, grpc::Status::OK, true});
  Process process(Words({"schedule", "--in=1h"}), Environment());
  process.ReadLine();
  process.Signal(SIGTERM);
  EXPECT_EQ(process.Wait(), 143);
  EXPECT_THAT(process.err(), HasSubstr("timerctl watch tea\n"));
}

TEST_F(TimerctlTest, SaysWhereToGoOnWhenTheServerGoesAway) {
  fake_.AnswerWith({{kAcknowledged, kTick},
                    Refused(grpc::StatusCode::UNAVAILABLE, "SHUTTING_DOWN", "shutting down")});
  const Result result = Run({"watch", "tea"});
  EXPECT_EQ(result.code, 24);
  EXPECT_EQ(result.err,
            "timerctl: UNAVAILABLE (SHUTTING_DOWN): shutting down\n"
            "  The handle is not affected. Follow it again: timerctl watch tea --after=1\n");
}

TEST_F(TimerctlTest, Cancels) {
  fake_.AnswerWith({{"now { seconds: 1795510800 }"}});
  const Result result = Run({"cancel", "tea"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "tea cancelled at 2026-11-24 09:00:00.000\n");
  EXPECT_THAT(fake_.requests(), ElementsAre("Cancel { id: \"tea\" }"));
}

TEST_F(TimerctlTest, Stops) {
  fake_.AnswerWith({{"state: STATE_STOPPING"}});
  EXPECT_EQ(Run({"stop", "tea"}).out, "tea stops as soon as its run is reported\n");
  EXPECT_THAT(fake_.requests(), ElementsAre("StopLoop { id: \"tea\" }"));
}

TEST_F(TimerctlTest, Reports) {
  fake_.AnswerWith({{"accepted: true end: END_FAILED"}});
  EXPECT_EQ(Run({"report", "tea", "--run=1", "--failure=disk full"}).out,
            "tea run 1 reported, which ended it in FAILED\n");
  EXPECT_THAT(fake_.requests(), ElementsAre("Report { id: \"tea\" run: 1 outcome { result: "
                                            "RESULT_FAILURE payload: \"disk full\" } }"));
}

TEST_F(TimerctlTest, Reschedules) {
  fake_.AnswerWith(
      {{"now { seconds: 1795510800 } old_deadline { seconds: 1795510820 } "
        "deadline { seconds: 1795510810 }"}});
  EXPECT_EQ(Run({"reschedule", "tea", "--by", "-10s"}).out,
            "tea is now due 2026-11-24 09:00:10.000 (in 10 s), 10 s earlier than it was\n");
  EXPECT_THAT(fake_.requests(),
              ElementsAre("Reschedule { id: \"tea\" delay_by { seconds: -10 } }"));
}

TEST_F(TimerctlTest, Gets) {
  fake_.AnswerWith(
      {{"now { seconds: 1 } handle { id: 'tea' kind: KIND_TIMER state: STATE_PENDING }"}});
  EXPECT_THAT(Run({"get", "tea"}).out, HasSubstr("state       pending\n"));
  EXPECT_THAT(fake_.requests(), ElementsAre("Get { id: \"tea\" }"));
}

TEST_F(TimerctlTest, ListsPageAfterPageUpToTheLimit) {
  fake_.AnswerWith({{"handles { id: 'a' } handles { id: 'b' } next_page_token: 'p2'"}});
  fake_.ThenWith({{"next_page_token: 'p3'"}});
  fake_.ThenWith({{"handles { id: 'c' } next_page_token: 'p4'"}});
  const Result result = Run({"list", "--limit=3", "--state=pending", "--kind=loop", "--prefix=x"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.out, StartsWith("ID"));
  EXPECT_THAT(result.out, HasSubstr("\nc "));
  EXPECT_EQ(result.err, "there are more; show them with --limit=30\n");
  const std::string filters = "state: STATE_PENDING kind: KIND_LOOP id_prefix: \"x\" }";
  EXPECT_THAT(fake_.requests(), ElementsAre("List { page_size: 3 " + filters,
                                            "List { page_size: 1 page_token: \"p2\" " + filters,
                                            "List { page_size: 1 page_token: \"p3\" " + filters));
}

TEST_F(TimerctlTest, ListsAPageLargerThanWhatGrpcTakesByDefault) {
  fake_.AnswerWith({{absl::StrCat("handles { id: 'large' payload: '",
                                  std::string(size_t{5} << 20, 'x'), "' }")}});
  const Result result = Run({"list"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("large"));
  EXPECT_THAT(result.out, HasSubstr("(5242880 bytes)"));
}

TEST_F(TimerctlTest, SaysThatThereIsNothingToList) {
  fake_.AnswerWith({{""}});
  const Result result = Run({"list"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "nothing to list\n");
}

TEST_F(TimerctlTest, PrintsOneJsonObjectPerLine) {
  fake_.AnswerWith({{kAcknowledged, kFired}});
  const Result result = Run({"schedule", "--in=1s", "--json"});
  EXPECT_EQ(result.out,
            "{\"acknowledged\":{\"id\":\"tea\",\"now\":\"2026-11-24T09:00:00Z\",\"deadline\":"
            "\"2026-11-24T09:00:03.500Z\",\"existed\":false,\"generation\":0}}\n"
            "{\"event\":{\"id\":\"tea\",\"kind\":\"TIMER\",\"type\":\"FIRED\",\"sequence\":1,"
            "\"time\":\"2026-11-24T09:00:03.500400Z\",\"deadline\":\"2026-11-24T09:00:03.500Z\","
            "\"run\":1,\"payload\":\"hi\",\"count\":0,\"missed\":0,\"by_timeout\":false,"
            "\"redelivery\":false,\"generation\":0,\"reason\":\"\",\"triggered\":false,"
            "\"queue\":\"\",\"attempts\":0,\"cursor\":\"\"}}\n");
  EXPECT_EQ(result.err, "");
  fake_.AnswerWith({{"now { seconds: 1 } handles { id: 'a' } handles { id: 'b' }"}});
  const std::string list = Run({"--json", "list"}).out;
  EXPECT_THAT(list, StartsWith("{\"now\":\"1970-01-01T00:00:01Z\",\"handle\":{\"id\":\"a\","));
  EXPECT_THAT(list, HasSubstr("}\n{\"now\":\"1970-01-01T00:00:01Z\",\"handle\":{\"id\":\"b\","));
}

TEST_F(TimerctlTest, ExitsByTheStatusOfTheCallAndShowsItsReason) {
  fake_.AnswerWith({{}, Refused(grpc::StatusCode::NOT_FOUND, "UNKNOWN_ID", "no handle \"tea\"")});
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"get", "tea"},
                                             {"watch", "tea"},
                                             {"cancel", "tea"},
                                             {"list"},
                                             {"--json", "get", "tea"}}) {
    const Result result = Run(arguments);
    EXPECT_EQ(result.code, 15);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err, "timerctl: NOT_FOUND (UNKNOWN_ID): no handle \"tea\"\n");
  }
}

TEST_F(TimerctlTest, GivesUpOnAServerThatDoesNotAnswer) {
  fake_.AnswerWith({{}, grpc::Status::OK, true});
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"get", "tea", "--timeout=100ms"}, {"watch", "tea", "--timeout=100ms"}}) {
    const Result result = Run(arguments);
    EXPECT_EQ(result.code, 14);
    EXPECT_THAT(result.err, HasSubstr("DEADLINE_EXCEEDED"));
    EXPECT_THAT(result.err, HasSubstr("gave no answer within 100 ms"));
  }
}

TEST_F(TimerctlTest, LetsEventsTakeLongerThanTheTimeout) {
  fake_.AnswerWith({{kAcknowledged}, grpc::Status::OK, true});
  Process process(Words({"watch", "tea", "--timeout=2s"}), Environment());
  process.ReadLine();
  // Nothing to wait for but time itself: a child that gave up would do so two seconds after its
  // start, which was before this.
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  process.Signal(SIGINT);
  EXPECT_EQ(process.Wait(), 130) << process.err();
}

TEST_F(TimerctlTest, SaysWhichAddressItTriedWhenNobodyAnswers) {
  const Result result = Run({"get", "tea", "--server=127.0.0.1:1"});
  EXPECT_EQ(result.code, 24);
  EXPECT_THAT(result.err, StartsWith("timerctl: UNAVAILABLE: no server answers at 127.0.0.1:1 ("));
  EXPECT_THAT(result.err, HasSubstr("--server=HOST:PORT"));
}

TEST_F(TimerctlTest, SendsNothingWhenTheCommandLineIsWrong) {
  const Result result = Run({"schedule", "--in=5"});
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, StartsWith("timerctl schedule: --in=5: a number without a unit;"));
  EXPECT_EQ(Run({"shedule"}).code, 2);
  EXPECT_EQ(Run({"get", "tea", "--server=localhost"}).err,
            "timerctl get: --server=localhost: not HOST:PORT; write for example "
            "--server=127.0.0.1:7400\n");
  EXPECT_TRUE(fake_.requests().empty());
}

TEST_F(TimerctlTest, NamesTheVariableWhenItIsTheVariableThatIsWrong) {
  Process process(Words({"list"}), {"TIMERD_SERVER=nowhere"});
  EXPECT_EQ(process.Wait(), 2);
  EXPECT_THAT(process.err(), HasSubstr("TIMERD_SERVER=nowhere: not HOST:PORT"));
}

TEST_F(TimerctlTest, PrintsHelpAndItsVersion) {
  EXPECT_THAT(Run({"--help"}).out, HasSubstr("Exit codes:"));
  EXPECT_THAT(Run({"schedule", "--help"}).out, HasSubstr("--payload-file=FILE"));
  EXPECT_THAT(Run({"--version"}).out, StartsWith("timerctl "));
  EXPECT_EQ(Run({"--help"}).code, 0);
}

TEST_F(TimerctlTest, FailsWhenItsOutputCannotBeWritten) {
  Process process({"/bin/sh", "-c", absl::StrCat(TIMERCTL, " --help > /dev/full")}, Environment());
  EXPECT_EQ(process.Wait(), 1);
  EXPECT_THAT(process.err(), HasSubstr("could not be written"));
}

}  // namespace
}  // namespace timerd::cli
