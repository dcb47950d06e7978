#include "client/cli/verb_table.h"

#include <vector>

namespace timerd::cli {
namespace {

using Takes = Flag::Takes;

constexpr Flag kGlobalFlags[] = {
    {"server", "HOST:PORT", "The server; default TIMERD_SERVER, or else 127.0.0.1:7400."},
    {"namespace", "NAME",
     "The namespace that ids are in; default TIMERD_NAMESPACE, or else \"default\"."},
    {"json", "", "Print JSON, one object per line.", Takes::kNothing},
    {"timeout", "DURATION",
     "Wait this long for the server's answer (default 10s); events may take any time."},
    {"help", "", "Print help.", Takes::kNothing},
    {"version", "", "Print the version.", Takes::kNothing},
};

}  // namespace

absl::Span<const VerbGroup> VerbGroups() {
  static const VerbGroup groups[] = {
      {"Make and follow", FollowingVerbs()},
      {"Change", ChangingVerbs()},
      {"Change loops", LoopVerbs()},
      {"Look", LookingVerbs()},
      {"Queues", QueueVerbs()},
      {"The server's time", ClockVerbs()},
  };
  return groups;
}

absl::Span<const Verb> AllVerbs() {
  static const std::vector<Verb>* const verbs = [] {
    auto* all = new std::vector<Verb>;
    for (const VerbGroup& group : VerbGroups()) {
      all->insert(all->end(), group.verbs.begin(), group.verbs.end());
    }
    return all;
  }();
  return *verbs;
}

absl::Span<const Flag> GlobalFlags() { return kGlobalFlags; }

}  // namespace timerd::cli
