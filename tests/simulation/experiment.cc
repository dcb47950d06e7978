#include "tests/simulation/experiment.h"

#include "absl/strings/str_cat.h"
#include "tests/simulation/describe.h"
#include "tests/simulation/units.h"

namespace timerd::simulation {

void Experiment::Fail(const std::string& what) {
  if (Failed()) {
    return;
  }
  failure_ = absl::StrCat(what, "\nat ", Describe(clock_.now), ", window ",
                          options_.window.count() / kMilli, "ms, max_resident_bytes ",
                          options_.max_resident_bytes, ", retention ",
                          options_.limits.retention.count() / kMilli, "ms, after");
  for (const std::string& line : trace_) {
    absl::StrAppend(&failure_, "\n  ", line);
  }
}

void Experiment::Check(bool holds, const std::string& what) {
  if (!holds) {
    Fail(what);
  }
}

void Experiment::CheckOk(const absl::Status& status, const std::string& doing) {
  if (!status.ok()) {
    Fail(absl::StrCat(doing, ": ", status.ToString()));
  }
}

void Experiment::Trace(const std::string& line) {
  trace_.push_back(absl::StrCat(Describe(clock_.now), "  ", line));
  if (trace_.size() > trace_lines_) {
    trace_.pop_front();
  }
}

}  // namespace timerd::simulation
