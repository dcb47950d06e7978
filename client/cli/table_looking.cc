#include "client/cli/verb_table.h"
#include "client/cli/verbs.h"

namespace timerd::cli {
namespace {

constexpr absl::string_view kGetExamples[] = {
    "timerctl get standup",
    "timerctl get standup --json | jq -r .handle.state",
};

constexpr Flag kListFlags[] = {
    {"state", "STATE", "Only these: pending, running, stopping, paused or ended."},
    {"kind", "KIND", "Only these: timer, loop or task."},
    {"prefix", "TEXT", "Only those whose id begins with TEXT."},
    {"limit", "N", "At most N; default 100."},
};
constexpr absl::string_view kListExamples[] = {
    "timerctl list --state=pending",
    "timerctl list --kind=loop --prefix=billing/ --limit=20",
};

constexpr Verb kVerbs[] = {
    {"get",
     "ID",
     "Show a handle as it is now.",
     "Shows all that the server knows of a handle, and the next ten ticks of a loop.",
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

absl::Span<const Verb> LookingVerbs() { return kVerbs; }

}  // namespace timerd::cli
