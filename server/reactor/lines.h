// What waits in the queues of one shard.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/base/due_key.h"
#include "server/reactor/residents.h"
#include "server/reactor/work.h"
#include "server/store/state_store.h"
#include "server/timer/delivery.h"

namespace timerd::reactor {

// One queue's. Of what waits only the front is in memory, the rest on disk.
struct Line {
  std::string name;              // namespace and queue
  std::shared_ptr<Queue> queue;  // null: there is no directory, and nobody takes anything
  store::QueueCount count;       // what is in it, as of now
  uint64_t unwritten = 0;        // of what waits: scheduled, as far as the store knows
  bool changed = false;          // since the last frame
  std::map<DueKey, Slot> front;  // all that waits up to
  DueKey loaded;                 // here, kEverything when there is no more
  bool asleep = false;           // no worker has credit: a Dispatch will come
  bool ready = false;            // it is among those to be looked at

  static constexpr DueKey kEverything = {Instant::max(), kLastPlace};

  // Whether something waits that is not in memory.
  bool HasMore() const { return front.size() < count.waiting(); }
};

// The name of a line in its two parts, so that one can be looked for without joining them.
struct LineName {
  absl::string_view name_space;
  absl::string_view queue;
};
struct LineNameHash {
  using is_transparent = void;
  size_t operator()(const LineName& name) const;
  size_t operator()(absl::string_view name) const;
};
struct LineNameEq {
  using is_transparent = void;
  bool operator()(absl::string_view a, absl::string_view b) const { return a == b; }
  bool operator()(absl::string_view joined, const LineName& name) const;
};

// Not thread-safe. Lines never move.
class Lines {
 public:
  // Fronts kept in memory in any case; where there is room, more.
  static constexpr size_t kFront = 512;

  // `directory` may be null.
  Lines(const std::vector<store::QueueCount>& stored, QueueDirectory* directory);

  // The line of a handle that names `queue`, in the namespace of `key`; made if there is none.
  Line& Of(absl::string_view key, absl::string_view queue);
  // The line `name`, namespace and queue; null if there is none.
  Line* Find(absl::string_view name) const;
  Line* Find(const LineName& name) const;
  // Forgets a line that was made in vain, if it is empty.
  void DropIfEmpty(absl::string_view name);

  // One handle of `line` goes from one stage to another; nothing: it is not one that lives.
  void Move(Line& line, std::optional<timer::Stage> from, std::optional<timer::Stage> to);
  // One handle of `line` that was scheduled waits from now on, and the store is not told.
  void WaitUnwritten(Line& line);
  // The store is told of one of those after all.
  void Write(Line& line);
  // One handle that the queue has admitted, and counted, is in `line` from now on, as kIdle.
  void Enter(Line& line);
  // Whether a handle at this stage counts as scheduled.
  static bool IsScheduled(std::optional<timer::Stage> stage);
  void AddLetters(Line& line, int by);

  // Whoever has something that waits is looked at again.
  void SetReady(Line& line);
  // The next line to be looked at, in turn; null when none is. It counts as looked at.
  Line* TakeReady();

  // Moves the counts that have changed since the last call into `frame`.
  void TakeChanged(store::Frame& frame);
  bool HasChanged() const { return !changed_.empty(); }
  std::vector<Line*> All();
  // The lines of namespace `name_space` in which something waits.
  std::vector<std::string> Waiting(absl::string_view name_space) const;

 private:
  void Touch(Line& line);

  QueueDirectory* const directory_;
  absl::flat_hash_map<std::string, std::unique_ptr<Line>, LineNameHash, LineNameEq> by_name_;
  Line* last_ = nullptr;  // that Of() found: it is asked for the same one several times in a row
  std::vector<Line*> changed_;
  std::vector<Line*> ready_;
  size_t next_ready_ = 0;
};

}  // namespace timerd::reactor
