#include "server/wheel/due_queue.h"

namespace timerd::wheel {

void DueQueue::Add(const Expired& item) {
  if (run_.empty() || !Before(item, run_.back())) {
    run_.push_back(item);
    return;
  }
  heap_.push_back(item);
  std::push_heap(heap_.begin(), heap_.end(), Later);
}

void DueQueue::Pop() {
  if (TopIsInRun()) {
    run_.pop_front();
    return;
  }
  std::pop_heap(heap_.begin(), heap_.end(), Later);
  heap_.pop_back();
}

}  // namespace timerd::wheel
