// TimingWheel::CheckInvariants(): what must hold between any two calls.
#include <vector>

#include "server/base/check.h"
#include "server/wheel/timing_wheel.h"

namespace timerd::wheel {
namespace {

// What the walk through all lists has seen.
struct Census {
  size_t entries = 0;
  size_t chunks = 0;
  size_t handles = 0;  // armed, with a current entry
  std::vector<bool> seen;
};

}  // namespace

void TimingWheel::CheckInvariants() {
  Settle();
  TIMERD_CHECK(cursor_ == now_ + 1);
  Census census;
  auto count = [&](Entry entry, Tick tick) {
    ++census.entries;
    const Node& node = nodes_[entry.handle];
    if (!node.Owns(entry) || !node.armed()) {
      return;
    }
    // An entry comes up no later than its handle is due.
    TIMERD_CHECK(tick >= cursor_ && tick <= node.Deadline(cursor_));
    TIMERD_CHECK(tick <= node.FiledBy(cursor_));
    if (census.seen.size() <= entry.handle) {
      census.seen.resize(entry.handle + 1);
    }
    census.handles += census.seen[entry.handle] ? 0 : 1;
    census.seen[entry.handle] = true;
  };

  for (int level = 0; level < kLevels; ++level) {
    Tick current = SlotOf(level);
    for (uint32_t index = 0; index < kSlots; ++index) {
      const EntryList& list = levels_[level].slot(index);
      TIMERD_CHECK(levels_[level].occupied().Test(index) == !list.empty());
      TIMERD_CHECK(levels_[level].crowded().Test(index) == (list.chunks() > Level::kCrowded));
      census.chunks += list.chunks();
      // This ring index stands for the one slot of these windows that is not behind the cursor.
      Tick slot = current + (index - Ring(current)) % kSlots;
      bool held = (slot >> 8) - (current >> 8) <= 1 && (level == 0 || slot != current);
      TIMERD_CHECK(held || list.empty());
      Tick start = slot << (8 * level);
      bool is_next = level > 0 && slot == current + 1;
      TIMERD_CHECK(list.empty() || (is_next ? next_ahead_ <= cursor_ && next_event_ < start
                                            : next_event_ <= EventOf(level, slot)));
      list.ForEach(pool_, list.chunks(), [&](Entry entry) {
        Tick tick = TickOf(entry, start);
        TIMERD_CHECK(tick >> (8 * level) == slot);
        count(entry, tick);
      });
    }
  }
  TIMERD_CHECK(census.entries == entries_);
  TIMERD_CHECK(census.chunks == pool_.in_use());

  size_t due_current = 0;
  due_.ForEach([&](const Expired& item) {
    due_current += nodes_[item.handle].IsIn(Node::kDue, item) ? 1 : 0;
  });
  TIMERD_CHECK(due_current >= due_live_);
  size_t far_current = 0;
  far_.ForEach([&](const Expired& item) {
    TIMERD_CHECK(item.deadline - cursor_ >= kReach);
    far_current += nodes_[item.handle].IsIn(Node::kFar, item) ? 1 : 0;
  });
  TIMERD_CHECK(far_current >= far_live_);
  size_t armed = 0;
  size_t armed_and_filed = 0;
  for (size_t handle = 0; handle < nodes_.size(); ++handle) {
    const Node& node = nodes_[handle];
    armed += node.armed() ? 1 : 0;
    armed_and_filed += node.armed() && node.filed() ? 1 : 0;
  }
  TIMERD_CHECK(armed == size_);
  TIMERD_CHECK(armed_and_filed == size_ - due_live_ - far_live_);
  // Nothing armed is lost: each filed handle has its current entry in some list.
  TIMERD_CHECK(census.handles == armed_and_filed);
}

}  // namespace timerd::wheel
