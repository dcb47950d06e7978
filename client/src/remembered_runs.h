// What has become of the runs that a worker carried out lately.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <tuple>

#include "timerd/v1/queues.pb.h"

namespace timerd {
inline namespace client {

// Names a run: id, generation, run.
using RunKey = std::tuple<std::string, uint64_t, uint64_t>;

inline RunKey KeyOf(const v1::Occurrence& occurrence) {
  return {occurrence.id(), occurrence.generation(), occurrence.run()};
}

// Bounded by number and by size; the oldest are forgotten first. Not thread-safe.
class RememberedRuns {
 public:
  RememberedRuns(size_t max_runs, size_t max_bytes) : max_runs_(max_runs), max_bytes_(max_bytes) {}

  // Another verdict on a run that is known takes the place of the first.
  void Add(const RunKey& run, const v1::Settlement& verdict);
  // Null when it is not known (any more).
  const v1::Settlement* Find(const RunKey& run) const;

 private:
  static size_t BytesOf(const RunKey& run, const v1::Settlement& verdict);

  const size_t max_runs_;
  const size_t max_bytes_;
  size_t bytes_ = 0;
  std::map<RunKey, v1::Settlement> verdicts_;
  std::deque<RunKey> oldest_first_;
};

}  // namespace client
}  // namespace timerd
