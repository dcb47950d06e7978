// std::priority_queue with lazy deletion: an item stays in the heap when its timer is cancelled,
// and the heap is rebuilt when most items are dead. Equal deadlines come up in the order of arming.
#include <queue>
#include <tuple>

#include "tests/bench/wheel/candidates.h"

namespace timerd::bench {
namespace {

class PriorityQueue {
 public:
  explicit PriorityQueue(size_t n) : arming_(n) {}

  void Schedule(Id id, Millis deadline) {
    ++live_;
    arming_[id] = ++last_arming_;
    heap_.push({deadline, last_arming_, id});
    if (heap_.size() > 2 * live_ + 65'536) {
      heap_.Rebuild([this](const Item& item) { return arming_[item.id] == item.arming; });
    }
  }
  void Cancel(Id id) {
    --live_;
    arming_[id] = 0;
  }
  void Rearm(Id id, Millis deadline) {
    --live_;
    Schedule(id, deadline);
  }

  template <typename Fired>
  void Advance(Millis to, Fired fired) {
    while (!heap_.empty() && heap_.top().deadline <= to) {
      const Item item = heap_.top();
      heap_.pop();
      if (arming_[item.id] == item.arming) {
        arming_[item.id] = 0;
        --live_;
        fired(item.id);
      }
    }
  }

 private:
  struct Item {
    Millis deadline;
    uint32_t arming;
    Id id;
  };
  struct Later {
    bool operator()(const Item& a, const Item& b) const {
      return std::tie(b.deadline, b.arming) < std::tie(a.deadline, a.arming);
    }
  };
  struct Heap : std::priority_queue<Item, std::vector<Item>, Later> {
    template <typename Keep>
    void Rebuild(Keep keep) {
      std::erase_if(c, [&](const Item& item) { return !keep(item); });
      std::make_heap(c.begin(), c.end(), comp);
    }
  };

  Heap heap_;
  std::vector<uint32_t> arming_;  // 0: not armed
  uint32_t last_arming_ = 0;
  size_t live_ = 0;
};

}  // namespace

void MeasurePriorityQueue(const Plan& plan, Results& results) {
  Measurement<PriorityQueue>("priority_queue", plan, results).Run();
}

}  // namespace timerd::bench
