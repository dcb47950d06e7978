// The shape of the command line: a table of verbs and flags, and the parser that follows it.
//
// `timerctl [global flags] VERB [ID, QUEUE or FILE] [flags] [-- COMMAND]`, in any order after the
// verb. A flag is --name, --name=value or --name value; what follows "--" is never a flag.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace timerd::cli {

class Session;
class Arguments;

struct Flag {
  enum class Takes { kNothing, kValue, kOptionalValue };

  absl::string_view name;
  absl::string_view placeholder;  // "DURATION", for the help.
  absl::string_view help;
  Takes takes = Takes::kValue;
};

struct Verb {
  absl::string_view name;
  // "ID", "QUEUE", "FILE", or empty when the verb takes none; "[ID]" when it may be left out.
  absl::string_view operand;
  absl::string_view purpose;  // One line.
  absl::string_view about;    // A paragraph, for the verb's own help.
  absl::Span<const Flag> flags;
  absl::Span<const absl::string_view> examples;
  // Streams events until the handle ends, rather than printing one reply.
  bool follows = false;
  // Calls the server and prints the answer; returns the exit code. Arguments that do not fit
  // together are an error.
  absl::StatusOr<int> (*run)(const Arguments& arguments, Session& session);
  // What may stand behind the operand and "--", as the help has it; empty when nothing may.
  absl::string_view command = {};
};

// What the user wrote, checked against the table: the verb and the flags exist, each flag stands
// there once at most, with a value if it takes one, and the operand is there if the verb needs one.
// Values are not looked into. Views in the result refer to the tables.
class Arguments {
 public:
  // The word "help" in place of the verb is --help. Errors are what main prints behind "timerctl";
  // they name the flag, the value, the rule and the way out. With --help or --version nothing but
  // the flags' names is checked.
  static absl::StatusOr<Arguments> Parse(absl::Span<const std::string> words,
                                         absl::Span<const Verb> verbs,
                                         absl::Span<const Flag> global_flags);

  // Null when none was given, which Parse() allows only with --help and --version.
  const Verb* verb() const { return verb_; }
  // Empty when it was left out.
  const std::string& operand() const { return operand_; }
  // The words behind "--" of a verb that takes a command; empty when there is no "--".
  const std::vector<std::string>& command() const { return command_; }
  bool Has(absl::string_view flag) const { return values_.count(flag) > 0; }
  // The value of a flag; empty when it is absent or has none.
  absl::string_view Value(absl::string_view flag) const;

 private:
  absl::Status TakeFlag(absl::string_view flag, absl::Span<const std::string> following,
                        absl::Span<const Flag> global_flags, size_t* taken);
  absl::Status TakeWord(const std::string& word, absl::Span<const Verb> verbs, bool flags_over);
  absl::Status CheckComplete(bool flags_over) const;

  const Verb* verb_ = nullptr;
  bool has_operand_ = false;
  std::string operand_;
  std::vector<std::string> command_;
  std::map<absl::string_view, std::string> values_;
};

}  // namespace timerd::cli
