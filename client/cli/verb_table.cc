#include "client/cli/verb_table.h"

#include "client/cli/verbs.h"

namespace timerd::cli {
namespace {

using Takes = Flag::Takes;

constexpr Flag kGlobalFlags[] = {
    {"server", "HOST:PORT", "The server; default TIMERD_SERVER, or else 127.0.0.1:7400."},
    {"json", "", "Print JSON, one object per line.", Takes::kNothing},
    {"timeout", "DURATION",
     "Wait this long for the server's answer (default 10s); events may take any time."},
    {"help", "", "Print help.", Takes::kNothing},
    {"version", "", "Print the version.", Takes::kNothing},
};

constexpr Flag kId = {"id", "ID", "Its id; the server makes one when left out."};
constexpr Flag kDetach = {
    "detach", "", "Return once the server has it, rather than follow its events.", Takes::kNothing};
constexpr Flag kPayload = {"payload", "TEXT", "What its events carry."};
constexpr Flag kPayloadFile = {"payload-file", "FILE",
                               "The same, from a file; - reads standard input."};

constexpr Flag kScheduleFlags[] = {
    {"in", "DURATION", "Fire this long after now."},
    {"at", "TIME", "Fire at this time; one in the past is due at once."},
    {"reported", "",
     "Firing is not the end: it starts a run, and `timerctl report` says how that ended.",
     Takes::kNothing},
    kPayload,
    kPayloadFile,
    kId,
    kDetach,
};
constexpr absl::string_view kScheduleExamples[] = {
    "timerctl schedule --in=3.5s --payload=\"hello, world\"",
    "timerctl schedule --at=2026-11-24T09:00:00+01:00 --id=standup --detach",
    "date | timerctl schedule --in=1m --payload-file=-",
};

constexpr Flag kLoopFlags[] = {
    {"every", "DURATION", "The interval; 0s ticks as soon as the last tick is reported."},
    {"now", "", "The first tick at once, rather than one interval from now.", Takes::kNothing},
    kPayload,
    kPayloadFile,
    kId,
    kDetach,
};
constexpr absl::string_view kLoopExamples[] = {
    "timerctl loop --every=1s --now --id=heartbeat",
    "timerctl report heartbeat --run=1 --success",
};

constexpr Flag kTimeoutFlags[] = {
    {"in", "DURATION", "Act this long after now."},
    {"target", "ID", "Bound this handle; without it a new task is made, running from now on."},
    {"fallback", "TEXT", "End it in COMPLETED with TEXT rather than in TIMED_OUT."},
    {"fallback-failure", "TEXT", "End it in FAILED with TEXT rather than in TIMED_OUT."},
    {"id", "ID", "The id of the new task; the server makes one when left out."},
    kDetach,
};
constexpr absl::string_view kTimeoutExamples[] = {
    "timerctl timeout --in=30s --id=upload",
    "timerctl timeout --in=1h --target=heartbeat --detach",
    "timerctl timeout --in=2s --fallback=\"nobody answered\"",
};

constexpr Flag kWatchFlags[] = {
    {"after", "N", "Leave out the events up to #N; default 0, all that the server has kept."},
};
constexpr absl::string_view kWatchExamples[] = {
    "timerctl watch heartbeat",
    "timerctl watch heartbeat --after=12 --json",
};

constexpr absl::string_view kCancelExamples[] = {"timerctl cancel standup"};
constexpr absl::string_view kStopExamples[] = {"timerctl stop heartbeat"};

constexpr Flag kReportFlags[] = {
    {"run", "N", "The run that ended, as its event said; timers and tasks have run 1 only."},
    {"success", "TEXT", "It went well; TEXT is handed to those who watch.", Takes::kOptionalValue},
    {"failure", "TEXT", "It failed; TEXT says why. This ends a loop too.", Takes::kOptionalValue},
};
constexpr absl::string_view kReportExamples[] = {
    "timerctl report heartbeat --run=1 --success",
    "timerctl report upload --run=1 --failure=\"disk full\"",
};

constexpr Flag kRescheduleFlags[] = {
    {"in", "DURATION", "The new deadline is this long after now."},
    {"by", "DURATION", "The new deadline is this much later than the old one; may be negative."},
    {"at", "TIME", "The new deadline is this time."},
};
constexpr absl::string_view kRescheduleExamples[] = {
    "timerctl reschedule standup --in=5m",
    "timerctl reschedule standup --by=-10s",
    "timerctl reschedule standup --at=2026-11-24T09:15:00Z",
};

constexpr absl::string_view kGetExamples[] = {
    "timerctl get standup",
    "timerctl get standup --json | jq -r .handle.state",
};

constexpr Flag kListFlags[] = {
    {"state", "STATE", "Only these: pending, running, stopping or ended."},
    {"kind", "KIND", "Only these: timer, loop or task."},
    {"prefix", "TEXT", "Only those whose id begins with TEXT."},
    {"limit", "N", "At most N; default 100."},
};
constexpr absl::string_view kListExamples[] = {
    "timerctl list --state=pending",
    "timerctl list --kind=loop --prefix=billing/ --limit=20",
};

constexpr Verb kVerbs[] = {
    {"schedule", "", "Fire once, after a delay or at a time.",
     "Schedules a timer and follows it until it ends. Ctrl-C only detaches: the timer goes on, and "
     "`timerctl watch` attaches again. Asking again with the same --id and the same contents "
     "attaches too.",
     kScheduleFlags, kScheduleExamples, true, Schedule},
    {"loop", "", "Tick at an interval, each tick after the report of the last.",
     "Starts a loop and follows it until it ends. Every tick begins a run that somebody has to "
     "report (`timerctl report`) before the next one can come; the intervals that pass meanwhile "
     "are counted as missed, and none is made up for. `timerctl stop` ends it. Ctrl-C only "
     "detaches.",
     kLoopFlags, kLoopExamples, true, StartLoop},
    {"timeout", "", "Bound a handle, or a new task that is running already.",
     "When the time is over and the handle has not ended by itself, it ends at once: in TIMED_OUT, "
     "or as the fallback says. Follows the handle until it ends. Ctrl-C only detaches.",
     kTimeoutFlags, kTimeoutExamples, true, WithTimeout},
    {"watch", "ID", "Follow the events of a handle until it ends.",
     "Shows the events that the server has kept, and then those to come. Ctrl-C only detaches.",
     kWatchFlags, kWatchExamples, true, Watch},
    {"cancel",
     "ID",
     "End a handle in CANCELLED; nothing of it fires any more.",
     "Ends a timer, a loop or a task, waiting or running. It is an error when it has ended before; "
     "the reason ALREADY_CANCELLED then says that this was by a cancel.",
     {},
     kCancelExamples,
     false,
     Cancel},
    {"stop",
     "ID",
     "End a loop in STOPPED, after the run that is under way.",
     "Between two runs a loop stops at once. During one it stops when that run is reported.",
     {},
     kStopExamples,
     false,
     StopLoop},
    {"report", "ID", "Say how a run ended.",
     "Ends a timer or a task, and lets a loop go on to its next tick. The first report of a run "
     "counts; the same again is harmless. Exactly one of --success and --failure is needed.",
     kReportFlags, kReportExamples, false, Report},
    {"reschedule", "ID", "Move the deadline of a timer, or the time-out of a task.",
     "Exactly one of --in, --by and --at is needed. Loops cannot be moved.", kRescheduleFlags,
     kRescheduleExamples, false, Reschedule},
    {"get",
     "ID",
     "Show a handle as it is now.",
     "Shows all that the server knows of a handle.",
     {},
     kGetExamples,
     false,
     Get},
    {"list", "", "Show the handles there are.",
     "With --state=pending in the order in which they will fire, otherwise in the order of their "
     "ids.",
     kListFlags, kListExamples, false, List},
};

}  // namespace

absl::Span<const Verb> AllVerbs() { return kVerbs; }
absl::Span<const Flag> GlobalFlags() { return kGlobalFlags; }

}  // namespace timerd::cli
