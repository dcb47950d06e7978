#include "client/cli/requests.h"
#include "tests/cli/request_matchers.h"

namespace timerd::cli {
namespace {

absl::StatusOr<v1::StartLoopRequest> Loop(std::vector<std::string> flags) {
  flags.insert(flags.begin(), "loop");
  return Make(MakeStartLoopRequest, flags);
}

TEST(MakeStartLoopRequestTest, FillsEveryField) {
  ExpectRequest(Loop({"--every=1h30m", "--now", "--id=beat", "--payload=x", "--detach", "--plain",
                      "--fixed-delay", "--max-runs=6", "--until=2026-11-24T09:00:00Z",
                      "--jitter=500ms", "--replace", "--key=k", "--client-lost-after=1m"}),
                "id: 'beat' interval { seconds: 5400 } start_now: true payload: 'x' detached: true "
                "plain: true pacing: PACING_FIXED_DELAY max_runs: 6 until { seconds: 1795510800 } "
                "jitter { nanos: 500000000 } replace: true idempotency_key: 'k' "
                "client_lost_after { seconds: 60 }");
}

TEST(MakeStartLoopRequestTest, SaysHowAQueueDeliversItsRuns) {
  ExpectRequest(Loop({"--every=1s", "--queue=mail", "--lease=1m", "--max-attempts=3"}),
                "interval { seconds: 1 } queue: 'mail' lease { seconds: 60 } "
                "retry { max_attempts: 3 }");
}

TEST(MakeStartLoopRequestTest, TakesCronInPlaceOfAnInterval) {
  ExpectRequest(Loop({"--cron=0 9 * * MON-FRI", "--zone=Europe/Berlin"}),
                "cron { expression: '0 9 * * MON-FRI' time_zone: 'Europe/Berlin' }");
  ExpectRequest(Loop({"--cron=@daily"}), "cron { expression: '@daily' }");
  ExpectError(Loop({}), "one of --every, --cron is missing; write for example --every=1s");
  ExpectError(Loop({"--every=1s", "--cron=@daily"}), "--every and --cron exclude each other");
  ExpectError(Loop({"--every=1s", "--zone=UTC"}),
              "--zone is for --cron; an interval has no time zone, leave it out");
  ExpectError(Loop({"--cron="}), "--cron= is empty; write --cron=\"0 9 * * MON-FRI\"");
  ExpectError(Loop({"--cron=@daily", "--zone="}), "--zone= is empty; write --zone=Europe/Berlin");
}

TEST(MakeStartLoopRequestTest, SaysWhatBecomesOfMissedTicks) {
  ExpectRequest(Loop({"--every=1s", "--missed=skip"}),
                "interval { seconds: 1 } missed_ticks { policy: POLICY_SKIP }");
  ExpectRequest(Loop({"--every=1s", "--missed=run-once"}),
                "interval { seconds: 1 } missed_ticks { policy: POLICY_RUN_ONCE }");
  ExpectRequest(Loop({"--every=1s", "--missed=RUN-ALL", "--missed-max=7", "--missed-window=1h"}),
                "interval { seconds: 1 } missed_ticks { policy: POLICY_RUN_ALL max_runs: 7 "
                "window { seconds: 3600 } }");
  ExpectError(
      Loop({"--every=1s", "--missed=runall"}),
      "--missed=runall: unknown; did you mean run-all? choose from skip, run-once, run-all");
}

TEST(MakeStartLoopRequestTest, LeavesItToTheServerWhatGoesTogether) {
  ExpectRequest(Loop({"--every=1s", "--missed-max=7"}),
                "interval { seconds: 1 } missed_ticks { max_runs: 7 }");
  ExpectRequest(Loop({"--cron=@daily", "--fixed-delay"}),
                "cron { expression: '@daily' } pacing: PACING_FIXED_DELAY");
}

TEST(MakeStartLoopRequestTest, NamesTheFlagTheValueTheRuleAndTheWayOut) {
  ExpectError(Loop({"--every=-1s"}), "--every=-1s: negative; write 0s or more");
  ExpectError(Loop({"--every=1s", "--max-runs=0"}),
              "--max-runs=0: not a whole number of 1 or more");
  ExpectError(Loop({"--every=1s", "--missed-max=0"}), "--missed-max=0: not a whole number from 1");
  ExpectRequest(Loop({"--every=1s", "--missed-max=10000"}),
                "interval { seconds: 1 } missed_ticks { max_runs: 10000 }");
  ExpectError(Loop({"--every=1s", "--missed-max=10001"}), "not a whole number from 1 to 10000");
  ExpectError(Loop({"--every=1s", "--missed-window=5"}), "--missed-window=5: a number without");
  ExpectError(Loop({"--every=1s", "--until=tomorrow"}), "--until=tomorrow: not a time");
  ExpectError(Loop({"--every=1s", "--jitter=-1s"}), "--jitter=-1s: negative");
}

}  // namespace
}  // namespace timerd::cli
