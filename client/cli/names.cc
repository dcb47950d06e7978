#include "client/cli/names.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace timerd::cli {
namespace {

// "TIMED_OUT" of END_TIMED_OUT.
std::string Upper(absl::string_view name, absl::string_view prefix) {
  name.remove_prefix(std::min(prefix.size(), name.size()));
  return std::string(name);
}

// "timed out"
std::string Lower(absl::string_view name, absl::string_view prefix) {
  return absl::AsciiStrToLower(absl::StrReplaceAll(Upper(name, prefix), {{"_", " "}}));
}

}  // namespace

std::string KindName(v1::Kind kind) { return Lower(v1::Kind_Name(kind), "KIND_"); }

std::string EndName(v1::End end) { return Upper(v1::End_Name(end), "END_"); }

std::string EventName(v1::Event::Type type) { return Upper(v1::Event::Type_Name(type), "TYPE_"); }

std::string StateName(const v1::Handle& handle) {
  if (handle.state() == v1::STATE_ENDED) {
    return Lower(v1::End_Name(handle.end()), "END_");
  }
  // The pause of a loop begins when the run under way is reported.
  const bool will_pause = handle.state() == v1::STATE_RUNNING && handle.loop().paused();
  return absl::StrCat(Lower(v1::State_Name(handle.state()), "STATE_"),
                      will_pause ? ", then paused" : "");
}

std::string ReasonName(absl::string_view reason) { return Lower(reason, ""); }

std::string Counted(uint64_t number, absl::string_view noun) {
  return absl::StrCat(number, " ", noun, number == 1 ? "" : "s");
}

}  // namespace timerd::cli
