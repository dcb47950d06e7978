// What is not in the slots: items in the order of (deadline, place).
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "server/wheel/types.h"

namespace timerd::wheel {

inline bool Before(const Expired& a, const Expired& b) {
  return a.deadline != b.deadline ? a.deadline < b.deadline : a.place < b.place;
}

// A run and a heap. What comes in order goes to the end of the run, O(1) in and out; that is the
// usual case, because a slot holds its entries in about the order in which they were armed. What
// comes out of order goes to the heap: O(1) in on average, O(log n) out.
//
// Items whose arming is over stay until they come up: only the wheel can tell, and drops them.
class DueQueue {
 public:
  bool empty() const { return popped_ == run_.size() && heap_.empty(); }
  size_t size() const { return run_.size() - popped_ + heap_.size(); }
  size_t bytes() const { return (run_.capacity() + heap_.capacity()) * sizeof(Expired); }

  void Add(const Expired& item);
  // The same for several. Sorts them.
  void Add(std::vector<Expired>& items);
  // REQUIRES: not empty().
  const Expired& Top() const { return TopIsInRun() ? run_[popped_] : heap_.front(); }
  void Pop();

  // Drops the items for which `keep(item)` is false. O(n).
  template <typename Keep>
  void Filter(Keep keep) {
    DropPopped();
    std::erase_if(run_, [&](const Expired& item) { return !keep(item); });
    std::erase_if(heap_, [&](const Expired& item) { return !keep(item); });
    std::make_heap(heap_.begin(), heap_.end(), Later);
  }

  template <typename Visit>
  void ForEach(Visit visit) const {
    std::for_each(run_.begin() + static_cast<std::ptrdiff_t>(popped_), run_.end(), visit);
    std::for_each(heap_.begin(), heap_.end(), visit);
  }

 private:
  static bool Later(const Expired& a, const Expired& b) { return Before(b, a); }
  bool TopIsInRun() const {
    return popped_ < run_.size() && (heap_.empty() || Before(run_[popped_], heap_.front()));
  }
  void AddToRun(const Expired& item);
  void DropPopped();

  std::vector<Expired> run_;   // ascending
  size_t popped_ = 0;          // of the run, from its beginning
  std::vector<Expired> heap_;  // the standard library's heap, smallest first
};

}  // namespace timerd::wheel
