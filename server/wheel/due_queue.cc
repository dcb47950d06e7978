#include "server/wheel/due_queue.h"

namespace timerd::wheel {

void DueQueue::Add(const Expired& item) {
  if (popped_ == run_.size() || !Before(item, run_.back())) {
    AddToRun(item);
    return;
  }
  heap_.push_back(item);
  std::push_heap(heap_.begin(), heap_.end(), Later);
}

void DueQueue::Add(std::vector<Expired>& items) {
  if (!std::is_sorted(items.begin(), items.end(), Before)) {
    std::sort(items.begin(), items.end(), Before);
  }
  for (const Expired& item : items) {
    Add(item);
  }
}

void DueQueue::Pop() {
  if (TopIsInRun()) {
    if (++popped_ == run_.size()) {
      DropPopped();
    }
    return;
  }
  std::pop_heap(heap_.begin(), heap_.end(), Later);
  heap_.pop_back();
}

void DueQueue::AddToRun(const Expired& item) {
  // Rather than grow, use again what has been popped, when that is most of it.
  if (run_.size() == run_.capacity() && popped_ > run_.size() / 2) {
    DropPopped();
  }
  run_.push_back(item);
}

void DueQueue::DropPopped() {
  run_.erase(run_.begin(), run_.begin() + static_cast<std::ptrdiff_t>(popped_));
  popped_ = 0;
}

}  // namespace timerd::wheel
