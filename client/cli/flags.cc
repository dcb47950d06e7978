#include "client/cli/flags.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/cli/text.h"

namespace timerd::cli {
namespace {

std::string DidYouMean(absl::string_view nearest) {
  return nearest.empty() ? std::string() : absl::StrCat("did you mean ", nearest, "? ");
}

// "timerctl schedule --help"
std::string HelpOf(const Verb* verb) {
  return absl::StrCat("timerctl ", verb == nullptr ? "" : verb->name, verb == nullptr ? "" : " ",
                      "--help");
}

// "ID" of "[ID]".
absl::string_view NameOf(absl::string_view operand) {
  absl::ConsumePrefix(&operand, "[");
  absl::ConsumeSuffix(&operand, "]");
  return operand;
}

bool MayBeLeftOut(absl::string_view operand) {
  return operand.empty() || absl::StartsWith(operand, "[");
}

absl::string_view WhereToFind(absl::string_view operand) {
  if (operand == "ID") {
    return "; `timerctl list` shows those there are";
  }
  return operand == "QUEUE" ? "; `timerctl queues` shows those there are" : "";
}

const Flag* Find(absl::Span<const Flag> flags, absl::string_view name) {
  for (const Flag& flag : flags) {
    if (flag.name == name) {
      return &flag;
    }
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<Arguments> Arguments::Parse(absl::Span<const std::string> words,
                                           absl::Span<const Verb> verbs,
                                           absl::Span<const Flag> global_flags) {
  Arguments arguments;
  bool flags_over = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    absl::Status taken_well;
    if (!flags_over && word == "--") {
      flags_over = true;
    } else if (!flags_over && word.size() > 1 && word[0] == '-') {
      size_t taken = 0;
      taken_well = arguments.TakeFlag(word, words.subspan(i + 1), global_flags, &taken);
      i += taken;
    } else {
      taken_well = arguments.TakeWord(word, verbs, flags_over);
    }
    if (!taken_well.ok()) {
      return taken_well;
    }
  }
  if (arguments.Has("help") || arguments.Has("version")) {
    return arguments;
  }
  const absl::Status complete = arguments.CheckComplete(flags_over);
  if (!complete.ok()) {
    return complete;
  }
  return arguments;
}

absl::Status Arguments::CheckComplete(bool flags_over) const {
  if (verb_ == nullptr) {
    return absl::InvalidArgumentError("no verb; `timerctl --help` lists them");
  }
  const absl::string_view operand = NameOf(verb_->operand);
  if (!has_operand_ && !MayBeLeftOut(verb_->operand)) {
    return absl::InvalidArgumentError(absl::StrCat("no ", operand, "; write `timerctl ",
                                                   verb_->name, " ", operand, "`",
                                                   WhereToFind(operand)));
  }
  if (has_operand_ && operand_.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the ", operand, " is empty; write one", WhereToFind(operand)));
  }
  // Perhaps of a variable that is not set: without the command it would do something else.
  if (flags_over && command_.empty() && !verb_->command.empty()) {
    return absl::InvalidArgumentError("there is no COMMAND behind --; write one, or leave -- out");
  }
  return absl::OkStatus();
}

absl::string_view Arguments::Value(absl::string_view flag) const {
  const auto found = values_.find(flag);
  return found == values_.end() ? absl::string_view() : absl::string_view(found->second);
}

absl::Status Arguments::TakeFlag(absl::string_view word, absl::Span<const std::string> following,
                                 absl::Span<const Flag> global_flags, size_t* taken) {
  if (word == "-h") {
    word = "--help";
  }
  const size_t equals = word.find('=');
  const absl::string_view written = word.substr(0, equals);
  const bool has_value = equals != absl::string_view::npos;
  const absl::string_view value = has_value ? word.substr(equals + 1) : absl::string_view();
  const absl::string_view name = absl::StartsWith(written, "--") ? written.substr(2) : "";
  const Flag* flag = name.empty() ? nullptr : Find(global_flags, name);
  if (flag == nullptr && verb_ != nullptr && !name.empty()) {
    flag = Find(verb_->flags, name);
  }
  if (flag == nullptr) {
    std::vector<absl::string_view> names;
    for (const Flag& known : verb_ == nullptr ? absl::Span<const Flag>() : verb_->flags) {
      names.push_back(known.name);
    }
    for (const Flag& known : global_flags) {
      names.push_back(known.name);
    }
    absl::string_view bare = written;
    bare.remove_prefix(bare.find_first_not_of('-') == absl::string_view::npos
                           ? bare.size()
                           : bare.find_first_not_of('-'));
    const absl::string_view nearest = Nearest(bare, names);
    return absl::InvalidArgumentError(
        absl::StrCat(written, ": no such flag; ",
                     DidYouMean(nearest.empty() ? std::string() : absl::StrCat("--", nearest)), "`",
                     HelpOf(verb_), "` lists the flags",
                     verb_ == nullptr ? ", and those of a verb stand behind the verb" : ""));
  }
  if (values_.count(flag->name) > 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag->name, " is there twice; leave one of them out"));
  }
  if (has_value && flag->takes == Flag::Takes::kNothing) {
    return absl::InvalidArgumentError(absl::StrCat(
        word, ": --", flag->name, " takes no value; write --", flag->name, ", or leave it out"));
  }
  if (!has_value && flag->takes == Flag::Takes::kValue) {
    if (following.empty() || absl::StartsWith(following[0], "--")) {
      return absl::InvalidArgumentError(absl::StrCat("--", flag->name, " lacks its value; write --",
                                                     flag->name, "=", flag->placeholder));
    }
    *taken = 1;
    values_[flag->name] = following[0];
  } else {
    values_[flag->name] = std::string(value);
  }
  return absl::OkStatus();
}

absl::Status Arguments::TakeWord(const std::string& word, absl::Span<const Verb> verbs,
                                 bool flags_over) {
  if (verb_ == nullptr && word == "help") {
    values_["help"];
    return absl::OkStatus();
  }
  if (verb_ == nullptr) {
    std::vector<absl::string_view> names;
    for (const Verb& verb : verbs) {
      if (verb.name == word) {
        verb_ = &verb;
        return absl::OkStatus();
      }
      names.push_back(verb.name);
    }
    return absl::InvalidArgumentError(absl::StrCat("\"", word, "\" is no verb; ",
                                                   DidYouMean(Nearest(word, names)),
                                                   "`timerctl --help` lists them"));
  }
  const absl::string_view operand = NameOf(verb_->operand);
  if (has_operand_ && flags_over && !verb_->command.empty()) {
    command_.push_back(word);
    return absl::OkStatus();
  }
  if (operand.empty() || has_operand_) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", word, "\": ", verb_->name,
                     operand.empty() ? std::string(" takes nothing but flags")
                                     : absl::StrCat(" takes one ", operand),
                     verb_->command.empty() ? "; a value with blanks goes in quotes"
                                            : "; a command goes behind --",
                     "; see `", HelpOf(verb_), "`"));
  }
  if (operand != "FILE" && !IsUtf8(word)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the ", operand, " is not UTF-8, as every ", operand, " is"));
  }
  operand_ = word;
  has_operand_ = true;
  return absl::OkStatus();
}

}  // namespace timerd::cli
