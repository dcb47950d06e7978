#include "client/cli/verb_table.h"
#include "client/cli/verbs.h"

namespace timerd::cli {
namespace {

using Takes = Flag::Takes;

constexpr absl::string_view kNowExamples[] = {"timerctl now"};

constexpr Flag kAdvanceFlags[] = {
    {"by", "DURATION", "How far; 0s fires what is due."},
    {"jump", "",
     "Move the time first, as on a server that is late: all that is due then fires at the end.",
     Takes::kNothing},
    {"limit", "N", "With --jump: fire the first N deadlines only; the others stay due."},
};
constexpr absl::string_view kAdvanceExamples[] = {
    "timerctl advance --by=1h",
    "timerctl advance --by=1h --jump --limit=1",
};
constexpr absl::string_view kAdvanceToNextExamples[] = {"timerctl advance-to-next"};

constexpr Verb kVerbs[] = {
    {"now",
     "",
     "Show the server's time.",
     "Shows the time that deadlines stand on, and the server's wall clock where that differs.",
     {},
     kNowExamples,
     false,
     Now},
    {"advance", "", "Move the time of a server with --clock=manual.",
     "Goes forward, stops at every deadline on the way, and fires there what is due. Each "
     "namespace has a clock of its own. A server with a real clock refuses.",
     kAdvanceFlags, kAdvanceExamples, false, Advance},
    {"advance-to-next",
     "",
     "Move the time to the next deadline.",
     "Fires all that is due there. Where no deadline is left, nothing happens. A server with a "
     "real "
     "clock refuses.",
     {},
     kAdvanceToNextExamples,
     false,
     AdvanceToNext},
};

}  // namespace

absl::Span<const Verb> ClockVerbs() { return kVerbs; }

}  // namespace timerd::cli
