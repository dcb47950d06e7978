// What is near its limit, looked at again and again.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/reactor/disk_room.h"
#include "server/reactor/load.h"

namespace timerd {

// How often. A disk of 500 MB/s writes 125 MB meanwhile, which what is kept free should be above.
inline constexpr Span kLimitWatchInterval = std::chrono::milliseconds(250);

// Looks at the disk of the data directory, and writes a line to the log whenever it gets short of
// room or has room again.
class DiskWatch {
 public:
  // `room` outlives the watch.
  DiskWatch(std::string path, reactor::DiskRoom& room) : path_(std::move(path)), room_(room) {}

  // One thread at a time. What the operating system does not tell leaves the room as it was.
  void Look();

 private:
  const std::string path_;
  reactor::DiskRoom& room_;
  bool blind_ = false;  // the last look failed
};

// Whether a shard loads its handles later than they are due: because the disk is slow, or because
// the window is too near for the rate at which they are due. It counts as late until it has not
// been for a minute.
class LoadingPace {
 public:
  static constexpr int kLooksUntilGood = std::chrono::minutes(1) / kLimitWatchInterval;

  // What is late by the first look, which a start may be, does not count. Returns true if this has
  // changed is_late().
  bool Look(const reactor::Load& load);
  bool is_late() const { return good_looks_ < kLooksUntilGood; }

 private:
  bool begun_ = false;
  uint64_t late_pages_ = 0;
  int good_looks_ = kLooksUntilGood;
};

// The pace of each shard, with a line in the log at each change.
class LoadingWatch {
 public:
  // `window`: what --window says.
  explicit LoadingWatch(Span window) : window_(window) {}

  // One thread at a time. The same shards each time.
  void Look(const std::vector<reactor::Load>& shards);

 private:
  const Span window_;
  std::vector<LoadingPace> paces_;
};

}  // namespace timerd
