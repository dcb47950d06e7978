#include "server/limit_watch.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/byte_size.h"
#include "server/base/log.h"
#include "server/store/free_space.h"

namespace timerd {

void DiskWatch::Look() {
  const absl::StatusOr<store::FreeSpace> space = store::ReadFreeSpace(path_);
  if (space.ok() == blind_) {
    blind_ = !space.ok();
    if (blind_) {
      LogWarning(absl::StrCat(space.status().message(), "; --min-free-disk goes by what it had"));
    }
  }
  if (!space.ok() || !room_.Update(*space)) {
    return;
  }
  if (const absl::Status refused = room_.Admit(); refused.ok()) {
    LogInfo(absl::StrCat("the disk of \"", path_, "\" has ", FormatByteSize(space->free),
                         " free again: new handles are taken"));
  } else {
    LogWarning(absl::StrCat("new handles are refused: ", refused.message()));
  }
}

bool LoadingPace::Look(const reactor::Load& load) {
  const bool was_late = is_late();
  if (std::exchange(late_pages_, load.late_pages) == load.late_pages || !begun_) {
    good_looks_ += good_looks_ < kLooksUntilGood ? 1 : 0;
  } else {
    good_looks_ = 0;
  }
  begun_ = true;
  return is_late() != was_late;
}

void LoadingWatch::Look(const std::vector<reactor::Load>& shards) {
  paces_.resize(shards.size());
  for (size_t i = 0; i < shards.size(); ++i) {
    if (!paces_[i].Look(shards[i])) {
      continue;
    }
    if (!paces_[i].is_late()) {
      LogInfo(absl::StrCat("shard ", i, " loads timers in time again"));
      continue;
    }
    const Span window = std::chrono::floor<std::chrono::milliseconds>(shards[i].window);
    LogWarning(absl::StrCat(
        "shard ", i,
        " loads timers from disk later than they are due, so they fire late: it looks ",
        absl::FormatDuration(absl::FromChrono(window)), " ahead",
        window < window_ ? ", less than --window, to keep --memory-budget; raise that"
                         : "; raise --window, see to the disk",
        ", or have fewer due at once"));
  }
}

}  // namespace timerd
