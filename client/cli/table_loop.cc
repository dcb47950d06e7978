#include "client/cli/verb_table.h"
#include "client/cli/verbs.h"

namespace timerd::cli {
namespace {

constexpr absl::string_view kStopExamples[] = {"timerctl stop heartbeat"};
constexpr absl::string_view kPauseExamples[] = {"timerctl pause heartbeat"};
constexpr absl::string_view kResumeExamples[] = {"timerctl resume heartbeat"};
constexpr absl::string_view kResetExamples[] = {"timerctl reset heartbeat"};
constexpr absl::string_view kTriggerExamples[] = {"timerctl trigger heartbeat"};

constexpr Flag kChangeIntervalFlags[] = {
    {"every", "DURATION", "The new interval; 0s ticks as soon as the last tick is reported."},
};
constexpr absl::string_view kChangeIntervalExamples[] = {
    "timerctl change-interval heartbeat --every=5s",
};

constexpr Verb kVerbs[] = {
    {"stop",
     "ID",
     "End a loop in STOPPED, after the run that is under way.",
     "Between two runs a loop stops at once. During one it stops when that run is reported.",
     {},
     kStopExamples,
     false,
     StopLoop},
    {"pause",
     "ID",
     "Hold back a loop's ticks until it is resumed.",
     "A run that is under way goes on, and has to be reported. Ticks that fall into the pause are "
     "missed.",
     {},
     kPauseExamples,
     false,
     PauseLoop},
    {"resume",
     "ID",
     "Let a paused loop tick again.",
     "The next tick is the next one of its schedule, or one delay from now with --fixed-delay.",
     {},
     kResumeExamples,
     false,
     ResumeLoop},
    {"reset",
     "ID",
     "Begin a loop's intervals anew, from now.",
     "The next tick is one interval from now. Nothing happens while a run is under way or the loop "
     "is paused. A loop with --cron has no interval to begin anew.",
     {},
     kResetExamples,
     false,
     ResetLoop},
    {"change-interval", "ID", "Give a loop another interval.",
     "The new interval counts from the start of the loop, as the old one did, or with "
     "--fixed-delay from the last report. During a run it holds from the report on. A loop with "
     "--cron has no interval.",
     kChangeIntervalFlags, kChangeIntervalExamples, false, ChangeInterval},
    {"trigger",
     "ID",
     "Make a loop tick now, besides its schedule.",
     "The schedule goes on as if nothing had happened. It is refused during a run, as there are "
     "never two at a time. A paused loop ticks too, and stays paused.",
     {},
     kTriggerExamples,
     false,
     TriggerLoop},
};

}  // namespace

absl::Span<const Verb> LoopVerbs() { return kVerbs; }

}  // namespace timerd::cli
