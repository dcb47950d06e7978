#include "client/src/remembered_runs.h"

namespace timerd {
inline namespace client {

void RememberedRuns::Add(const RunKey& run, const v1::Settlement& verdict) {
  const auto [found, is_new] = verdicts_.try_emplace(run);
  if (is_new) {
    oldest_first_.push_back(run);
  } else {
    bytes_ -= BytesOf(run, found->second);
  }
  found->second = verdict;
  bytes_ += BytesOf(run, verdict);
  while (!oldest_first_.empty() && (verdicts_.size() > max_runs_ || bytes_ > max_bytes_)) {
    const auto oldest = verdicts_.find(oldest_first_.front());
    bytes_ -= BytesOf(oldest->first, oldest->second);
    verdicts_.erase(oldest);
    oldest_first_.pop_front();
  }
}

const v1::Settlement* RememberedRuns::Find(const RunKey& run) const {
  const auto found = verdicts_.find(run);
  return found == verdicts_.end() ? nullptr : &found->second;
}

size_t RememberedRuns::BytesOf(const RunKey& run, const v1::Settlement& verdict) {
  return std::get<0>(run).size() + verdict.ByteSizeLong();
}

}  // namespace client
}  // namespace timerd
