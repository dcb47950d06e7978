// The feeds of a shard's namespaces: what happened there, in order, for those who come to read it
// later.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/reactor/command.h"
#include "server/reactor/usage.h"
#include "server/store/shard_log.h"
#include "server/store/state_store.h"

namespace timerd::reactor {

// What a feed retains. Where one of the two is 0, nothing: the events are only counted, so that
// those who read later can be told how many they missed.
struct FeedLimits {
  Span retention = std::chrono::hours(24);
  uint64_t max_bytes = 64 << 20;  // of a namespace and shard, as they are stored

  bool IsOff() const { return retention <= Span::zero() || max_bytes == 0; }
};

// Each event is part of the frame that holds its effect. Events leave from the front, by frames
// too, when they are too old or there are too many bytes of them: at most a page a turn.
class Feeds {
 public:
  // `usage` outlives the feeds; null: nobody is told.
  Feeds(const std::vector<store::FeedExtent>& stored, const FeedLimits& limits,
        UsageRegistry* usage);

  // Puts `notice` into `frame`, the next one, and notes its place in it.
  void Append(Notice& notice, store::Frame& frame);
  // Takes away some of what is retained no more. Looks only at what `state` has; returns true if
  // there would be more to take away if it had all.
  absl::StatusOr<bool> Trim(const store::StateStore& state, Instant now);

  // Whether there is something for the next frame; puts the rest of it into `frame`.
  bool HasChanged() const { return !changed_.empty(); }
  void TakeChanged(store::Frame& frame);
  // Calls `on_grown` for each namespace whose events are in `frame`.
  void OnDurable(uint64_t frame, absl::FunctionRef<void(absl::string_view)> on_grown);
  void OnApplied(uint64_t frame);

  // How far the feed of `name_space` reaches, with what is still on its way to the store.
  store::FeedExtent ExtentOf(absl::string_view name_space) const;
  // The number that the next event will get which the store has not.
  uint64_t AppliedNext(absl::string_view name_space) const;
  // Whether there are events that a crash cannot take back, and that the store has not.
  bool IsStoreBehind(absl::string_view name_space) const;

 private:
  struct Entry {
    store::FeedExtent extent;
    uint64_t durable_next = 1;
    uint64_t applied_next = 1;
    NamespaceUsage* usage = nullptr;
    bool changed = false;
    bool over = false;  // in over_
  };
  struct InFlight {
    uint64_t frame;
    std::vector<std::pair<Entry*, uint64_t>> grown;  // and what `next` it has from now on
  };

  Entry& Find(absl::string_view name);
  void MarkChanged(Entry& entry);
  // To be trimmed.
  void MarkOver(Entry& entry);
  // Moves the front; returns how many events it looked at, at most `limit`.
  absl::StatusOr<size_t> TrimFront(const store::StateStore& state, Entry& entry, Instant now,
                                   size_t limit);

  const FeedLimits limits_;
  UsageRegistry* const usage_;
  absl::flat_hash_map<std::string, std::unique_ptr<Entry>> entries_;
  std::vector<Entry*> changed_;
  std::deque<Entry*> over_;
  std::deque<InFlight> in_flight_;
  Instant next_sweep_;  // when it looks again for what has become too old
};

}  // namespace timerd::reactor
