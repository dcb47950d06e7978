#include "client/cli/help.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/cli/text.h"

namespace timerd::cli {
namespace {

constexpr size_t kColumns = 80;
// Of "change-interval ID". Groups whose verbs are longer have a wider column.
constexpr size_t kVerbWidth = 18;

constexpr absl::string_view kExamples =
    R"(Examples:
  timerctl schedule --in=5m --payload="take the tea out"
  timerctl loop --every=1s --id=heartbeat
  timerctl report heartbeat --run=1 --success
  timerctl list --state=pending
  timerctl --json get heartbeat | jq .handle.deadline
  timerctl schedule --in=1h --queue=emails --detach
  timerctl work emails -- ./send-mail
)";

constexpr absl::string_view kValues =
    R"(Durations:
  Numbers with units, the largest first: 3.5s, 5m, 1h30m, 250ms, 2d, 10us, 1ns.
  A number without a unit is refused. Only `reschedule --by` may be negative.

Times:
  RFC 3339 with a zone: 2026-11-24T09:00:00Z, 2026-11-24T09:00+01:00.
  Output shows times in the zone of this machine (TZ); JSON shows UTC.
)";

constexpr absl::string_view kExitCodes =
    R"(Exit codes:
  0     done; what was followed has FIRED, COMPLETED or STOPPED
  1     the output could not be written
  2     the command line is wrong; nothing was sent
  3 4 5 what was followed has FAILED, was CANCELLED, has TIMED_OUT
  6     batch: some lines were refused
  10+N  the call failed with gRPC status N:
          11 CANCELLED           12 UNKNOWN             13 INVALID_ARGUMENT
          14 DEADLINE_EXCEEDED   15 NOT_FOUND           16 ALREADY_EXISTS
          17 PERMISSION_DENIED   18 RESOURCE_EXHAUSTED  19 FAILED_PRECONDITION
          20 ABORTED             21 OUT_OF_RANGE        22 UNIMPLEMENTED
          23 INTERNAL            24 UNAVAILABLE         25 DATA_LOSS
          26 UNAUTHENTICATED
  130   ended by Ctrl-C (143: by SIGTERM); what was followed goes on, and work
        has given back what it had not begun
)";

std::string Synopsis(const Flag& flag) {
  switch (flag.takes) {
    case Flag::Takes::kNothing:
      return absl::StrCat("--", flag.name);
    case Flag::Takes::kValue:
      return absl::StrCat("--", flag.name, "=", flag.placeholder);
    case Flag::Takes::kOptionalValue:
      return absl::StrCat("--", flag.name, "[=", flag.placeholder, "]");
  }
  return std::string();
}

// "watch [ID]"
std::string Head(const Verb& verb) {
  return absl::StrCat(verb.name, verb.operand.empty() ? "" : " ", verb.operand);
}

void AppendVerbs(absl::Span<const Verb> verbs, std::string* out) {
  size_t width = kVerbWidth;
  for (const Verb& verb : verbs) {
    width = std::max(width, Head(verb).size());
  }
  for (const Verb& verb : verbs) {
    absl::StrAppend(out, "  ", Padded(Head(verb), width), "  ", verb.purpose, "\n");
  }
}

void AppendParagraph(absl::string_view text, std::string* out) {
  for (const std::string& line : Wrapped(text, kColumns)) {
    absl::StrAppend(out, line, "\n");
  }
}

void AppendFlags(absl::Span<const Flag> flags, std::string* out) {
  size_t width = 0;
  for (const Flag& flag : flags) {
    width = std::max(width, Synopsis(flag).size());
  }
  for (const Flag& flag : flags) {
    std::string head = Synopsis(flag);
    for (const std::string& line : Wrapped(flag.help, kColumns - width - 4)) {
      absl::StrAppend(out, "  ", Padded(head, width), "  ", line, "\n");
      head.clear();
    }
  }
}

}  // namespace

std::string MainHelp(absl::Span<const VerbGroup> groups, absl::Span<const Flag> global_flags) {
  std::string out =
      "timerctl: timers, loops and time-outs kept by a timerd server, from the shell.\n\n"
      "Usage: timerctl VERB [ID or QUEUE] [--flag=value]...\n"
      "       timerctl VERB --help\n";
  for (const VerbGroup& group : groups) {
    absl::StrAppend(&out, "\n", group.title, ":\n");
    AppendVerbs(group.verbs, &out);
  }
  absl::StrAppend(&out, "\nFlags of every verb:\n");
  AppendFlags(global_flags, &out);
  absl::StrAppend(&out, "\n", kExamples, "\n", kValues, "\n", kExitCodes);
  return out;
}

std::string VerbHelp(const Verb& verb, absl::Span<const Flag> global_flags) {
  std::string out =
      absl::StrCat("timerctl ", verb.name, ": ", verb.purpose, "\n\nUsage: timerctl ", Head(verb),
                   verb.flags.empty() ? "" : " [--flag=value]...",
                   verb.command.empty() ? "" : absl::StrCat(" [-- ", verb.command, "]"), "\n\n");
  AppendParagraph(verb.about, &out);
  if (!verb.flags.empty()) {
    absl::StrAppend(&out, "\nFlags:\n");
    AppendFlags(verb.flags, &out);
  }
  absl::StrAppend(&out, "\nFlags of every verb:\n");
  AppendFlags(global_flags, &out);
  absl::StrAppend(&out, "\nExamples:\n");
  for (const absl::string_view example : verb.examples) {
    absl::StrAppend(&out, "  ", example, "\n");
  }
  return out;
}

}  // namespace timerd::cli
