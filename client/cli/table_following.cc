#include "client/cli/delivery_flags.h"
#include "client/cli/verb_table.h"
#include "client/cli/verbs.h"

namespace timerd::cli {
namespace {

using Takes = Flag::Takes;

constexpr Flag kPayload = {"payload", "TEXT", "What its events carry."};
constexpr Flag kPayloadFile = {"payload-file", "FILE",
                               "The same, from a file; - reads standard input."};
constexpr Flag kId = {"id", "ID", "Its id; the server makes one when left out."};
constexpr Flag kReplace = {
    "replace", "",
    "Replace the handle that has this id, which ends in CANCELLED; one that is the same already, "
    "and alive, is kept.",
    Takes::kNothing};
constexpr Flag kKey = {
    "key", "KEY", "A name for this request: sent again under the same name, it makes nothing new."};
constexpr Flag kClientLostAfter = {
    "client-lost-after", "DURATION",
    "End it in FAILED when a run awaits its report and nobody has followed it for this long."};
constexpr Flag kQueue = {
    "queue", "QUEUE",
    "Deliver its runs to the workers of this queue, such as `timerctl work`; it then needs nobody "
    "who follows it or reports."};
constexpr Flag kDetach = {
    "detach", "", "Return once the server has it, rather than follow its events.", Takes::kNothing};

constexpr Flag kScheduleFlags[] = {
    {"in", "DURATION", "Fire this long after now."},
    {"at", "TIME", "Fire at this time; one in the past is due at once."},
    {"reported", "",
     "Firing is not the end: it starts a run, and `timerctl report` says how that ended.",
     Takes::kNothing},
    kPayload,
    kPayloadFile,
    kId,
    kReplace,
    kKey,
    kClientLostAfter,
    kQueue,
    kLeaseFlag,
    kMaxAttemptsFlag,
    kInitialBackoffFlag,
    kMaxBackoffFlag,
    kBackoffFactorFlag,
    kDetach,
};
constexpr absl::string_view kScheduleExamples[] = {
    "timerctl schedule --in=3.5s --payload=\"hello, world\"",
    "timerctl schedule --at=2026-11-24T09:00:00+01:00 --id=standup --detach",
    "timerctl schedule --in=5m --id=idle/42 --replace --detach",
    "timerctl schedule --in=1h --queue=emails --payload=\"to: ann\" --detach",
    "date | timerctl schedule --in=1m --payload-file=-",
};

constexpr Flag kLoopFlags[] = {
    {"every", "DURATION", "The interval; 0s ticks as soon as the last tick is reported."},
    {"cron", "FIELDS",
     "Tick at these times instead: minute, hour, day of month, month, day of week; six fields have "
     "seconds first. Or @hourly, @daily, @weekly, @monthly, @yearly."},
    {"zone", "NAME", "The time zone of --cron, such as Europe/Berlin; default UTC."},
    {"now", "", "Make the first tick at once.", Takes::kNothing},
    {"plain", "", "A tick is over once it is delivered; nobody reports it.", Takes::kNothing},
    {"fixed-delay", "",
     "Count the interval from the report of the last tick, not from the start of the loop.",
     Takes::kNothing},
    {"missed", "POLICY",
     "What becomes of missed ticks: skip (the default) tells how many there were, run-once makes "
     "one tick at once for all of them, run-all makes every one."},
    {"missed-max", "N", "With run-all: make at most N, the latest ones; default 100."},
    {"missed-window", "DURATION", "With run-all: make none that is older than this."},
    {"max-runs", "N", "End in COMPLETED after N ticks."},
    {"until", "TIME", "End in COMPLETED when the next tick would be after this time."},
    {"jitter", "DURATION", "Let each tick come up to this much later, at random."},
    kPayload,
    kPayloadFile,
    kId,
    kReplace,
    kKey,
    kClientLostAfter,
    kQueue,
    kLeaseFlag,
    kMaxAttemptsFlag,
    kInitialBackoffFlag,
    kMaxBackoffFlag,
    kBackoffFactorFlag,
    kDetach,
};
constexpr absl::string_view kLoopExamples[] = {
    "timerctl loop --every=1s --now --id=heartbeat",
    "timerctl loop --cron=\"0 9 * * MON-FRI\" --zone=Europe/Berlin --id=standup",
    "timerctl loop --every=1h --plain --missed=run-all --missed-window=1d",
    "timerctl loop --every=10s --fixed-delay --max-runs=6 --jitter=1s",
    "timerctl loop --cron=@hourly --queue=reports --max-attempts=3 --detach",
};

constexpr Flag kTimeoutFlags[] = {
    {"in", "DURATION", "Act this long after now."},
    {"target", "ID", "Bound this handle; without it a new task is made, running from now on."},
    {"fallback", "TEXT", "End it in COMPLETED with TEXT rather than in TIMED_OUT."},
    {"fallback-failure", "TEXT", "End it in FAILED with TEXT rather than in TIMED_OUT."},
    {"id", "ID", "The id of the new task; the server makes one when left out."},
    kReplace,
    kKey,
    kClientLostAfter,
    kDetach,
};
constexpr absl::string_view kTimeoutExamples[] = {
    "timerctl timeout --in=30s --id=upload",
    "timerctl timeout --in=1h --target=heartbeat --detach",
    "timerctl timeout --in=2s --fallback=\"nobody answered\"",
};

constexpr Flag kWatchFlags[] = {
    {"after", "N", "Leave out the events up to #N; default 0, all that the server has kept."},
    {"prefix", "TEXT", "Follow all handles whose id begins with TEXT, without end."},
    {"queue", "QUEUE", "Follow all handles that name this queue, without end."},
    {"all", "", "Follow all handles of the namespace, without end.", Takes::kNothing},
    {"cursor", "CURSOR",
     "Begin where another watch left off, as its last line said, rather than now; each event has "
     "its cursor with --json."},
    {"from-oldest", "", "Begin with the oldest event that the server has kept, rather than now.",
     Takes::kNothing},
};
constexpr absl::string_view kWatchExamples[] = {
    "timerctl watch heartbeat",
    "timerctl watch heartbeat --after=12 --json",
    "timerctl watch --prefix=billing/",
    "timerctl watch --all --from-oldest --json | jq -r '.event.id // empty'",
};

constexpr Verb kVerbs[] = {
    {"schedule", "", "Fire once, after a delay or at a time.",
     "Schedules a timer and follows it until it ends. Ctrl-C only detaches: the timer goes on, and "
     "`timerctl watch` attaches again. Asking again with the same --id and the same contents "
     "attaches too; with other contents it is refused, unless --replace says that the latest "
     "wins.",
     kScheduleFlags, kScheduleExamples, true, Schedule},
    {"loop", "", "Tick at an interval, or when cron says.",
     "Starts a loop and follows it until it ends. Unless it is plain, every tick begins a run that "
     "somebody has to report (`timerctl report`) before the next one can come; ticks that fall "
     "into the meantime are missed. `timerctl stop` ends it. Ctrl-C only detaches.",
     kLoopFlags, kLoopExamples, true, StartLoop},
    {"timeout", "", "Bound a handle, or a new task that is running already.",
     "When the time is over and the handle has not ended by itself, it ends at once: in TIMED_OUT, "
     "or as the fallback says. Follows the handle until it ends. Ctrl-C only detaches.",
     kTimeoutFlags, kTimeoutExamples, true, WithTimeout},
    {"watch", "[ID]", "Follow the events of a handle until it ends, or of many.",
     "Shows the events that the server has kept, and then those to come. Of many handles, it shows "
     "those from now on, or from where it is told, and does not end by itself. What is not kept "
     "any more is told. Ctrl-C only detaches.",
     kWatchFlags, kWatchExamples, true, Watch},
};

}  // namespace

absl::Span<const Verb> FollowingVerbs() { return kVerbs; }

}  // namespace timerd::cli
