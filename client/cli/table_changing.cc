#include "client/cli/verb_table.h"
#include "client/cli/verbs.h"

namespace timerd::cli {
namespace {

using Takes = Flag::Takes;

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
    "timerctl reschedule tea --in=5m",
    "timerctl reschedule tea --by=-10s",
    "timerctl reschedule tea --at=2026-11-24T09:15:00Z",
};

constexpr absl::string_view kCancelExamples[] = {"timerctl cancel tea"};

constexpr absl::string_view kBatchExamples[] = {
    "timerctl batch timers.jsonl",
    "timerctl list --prefix=idle/ --json | jq -c '{cancel: {id: .handle.id}}' |\n"
    "    timerctl batch -",
};

constexpr Verb kVerbs[] = {
    {"report", "ID", "Say how a run ended.",
     "Ends a timer or a task, and lets a loop go on to its next tick. The first report of a run "
     "counts; the same again is harmless. Exactly one of --success and --failure is needed.",
     kReportFlags, kReportExamples, false, Report},
    {"reschedule", "ID", "Move the deadline of a timer, or the time-out of a task.",
     "Exactly one of --in, --by and --at is needed. Loops cannot be moved.", kRescheduleFlags,
     kRescheduleExamples, false, Reschedule},
    {"cancel",
     "ID",
     "End a handle in CANCELLED; nothing of it fires any more.",
     "Ends a timer, a loop or a task, waiting or running. It is an error when it has ended before; "
     "the reason ALREADY_CANCELLED then says that this was by a cancel.",
     {},
     kCancelExamples,
     false,
     Cancel},
    {"batch",
     "FILE",
     "Carry out many operations, one a line.",
     "Reads FILE, or standard input for -, and prints what became of each line, with its number. A "
     "line is a BatchItem of timers.proto in the JSON of proto3, where durations are in seconds "
     "and "
     "payloads in base64: {\"schedule\":{\"id\":\"tea\",\"delay\":\"300s\",\"payload\":\"aGk=\"}}, "
     "or "
     "one of start_loop, with_timeout, cancel, stop_loop, report, reschedule. A line that cannot "
     "be "
     "read is named before anything is sent. There is no order among the lines, and one that is "
     "refused undoes none of the others; the exit code is then 6. What they make is not followed.",
     {},
     kBatchExamples,
     false,
     Batch},
};

}  // namespace

absl::Span<const Verb> ChangingVerbs() { return kVerbs; }

}  // namespace timerd::cli
