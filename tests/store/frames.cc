#include "tests/store/frames.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <set>
#include <vector>

namespace timerd::store {
namespace {

// One name begins with another.
const std::string kQueues[] = {"space/mail", "space/fax", "space/mai"};

void SetDue(const Model::Due& due, storage::v1::DueKey* key) {
  key->set_timeline(std::get<0>(due));
  key->set_deadline_ns(std::get<2>(due));
  key->set_place(std::get<3>(due));
}

std::vector<Model::Due> ArmedOf(const Model& model, const std::string& key) {
  std::vector<Model::Due> armed;
  for (const auto& [due, owner] : model.due) {
    if (owner == key) {
      armed.push_back(due);
    }
  }
  return armed;
}

}  // namespace

Frame EmptyFrame(uint32_t shard, uint64_t sequence) {
  Frame frame;
  frame.set_shard(shard);
  frame.set_epoch(1);
  frame.set_sequence(sequence);
  return frame;
}

uint64_t FrameMaker::Pick(uint64_t least, uint64_t most) {
  return std::uniform_int_distribution<uint64_t>(least, most)(random_);
}

Frame FrameMaker::Next() {
  Frame frame = EmptyFrame(shard_, model_.sequence + 1);
  frame.set_time_ns(static_cast<int64_t>(1000 * frame.sequence()));
  frame.set_wall_ns(frame.time_ns() + 7);
  std::set<std::string> touched;
  for (uint64_t left = Pick(0, 6); left > 0; --left) {
    // Once per frame, so that what is disarmed is what the model has.
    const std::string key = "space/" + std::to_string(Pick(0, 60));
    if (touched.insert(key).second) {
      ChangeHandle(key, frame);
    }
  }
  ChangeLetters(frame);
  ChangeCounts(frame);
  for (const char* name : {"space", "spac"}) {
    if (Pick(0, 1) == 0) {
      ChangeFeed(name, frame);
    }
  }
  frame.set_next_place(next_place_);
  model_.Apply(frame);
  return frame;
}

void FrameMaker::ChangeHandle(const std::string& key, Frame& frame) {
  bool is_new = model_.handles.count(key) == 0;
  if (!is_new && Pick(0, 3) == 0) {
    EraseHandle(key, frame);
    if (Pick(0, 1) == 0) {
      return;
    }
    is_new = true;  // replaced in the same frame, as by one for another queue
  }
  storage::v1::Put& put = *frame.add_operations()->mutable_put();
  put.set_key(key);
  std::vector<Model::Due> armed;
  // By one for the same queue.
  const bool replaced = !is_new && Pick(0, 4) == 0;
  put.set_replaces(replaced);
  if (is_new) {
    const uint64_t queue = Pick(0, std::size(kQueues));
    queue_of_[key] = queue < std::size(kQueues) ? kQueues[queue] : "";
  } else {
    armed = ArmedOf(model_, key);
  }
  if (is_new || replaced) {
    put.set_spec("spec " + std::to_string(frame.sequence()) + std::string(Pick(0, 200), 's'));
  }
  put.set_queue(queue_of_[key]);
  put.set_state("state " + std::to_string(frame.sequence()) + std::string(Pick(0, 100), 't'));
  for (const auto& due : armed) {
    if (Pick(0, 1) == 0) {
      SetDue(due, put.add_disarmed());
    }
  }
  if (armed.size() < 3) {
    storage::v1::DueKey& due = *put.add_armed();
    due.set_timeline(static_cast<storage::v1::Timeline>(Pick(0, put.queue().empty() ? 2 : 3)));
    due.set_deadline_ns(static_cast<int64_t>(Pick(0, 2000)) - 1000);
    due.set_place(next_place_++);
  }
}

void FrameMaker::EraseHandle(const std::string& key, Frame& frame) {
  storage::v1::Erase& erase = *frame.add_operations()->mutable_erase();
  erase.set_key(key);
  erase.set_queue(queue_of_[key]);
  for (const auto& due : ArmedOf(model_, key)) {
    SetDue(due, erase.add_disarmed());
  }
}

void FrameMaker::ChangeLetters(Frame& frame) {
  if (Pick(0, 3) == 0) {
    storage::v1::Bury& bury = *frame.add_operations()->mutable_bury();
    bury.mutable_key()->set_queue(kQueues[Pick(0, std::size(kQueues) - 1)]);
    bury.mutable_key()->set_failed_ns(frame.time_ns());
    bury.mutable_key()->set_place(next_place_++);
    bury.set_letter("letter " + std::to_string(frame.sequence()) + std::string(Pick(0, 50), 'x'));
  }
  if (!model_.letters.empty() && Pick(0, 5) == 0) {
    const auto taken =
        std::next(model_.letters.begin(), static_cast<int64_t>(Pick(0, model_.letters.size() - 1)));
    storage::v1::LetterKey& key = *frame.add_operations()->mutable_unbury()->mutable_key();
    key.set_queue(std::get<0>(taken->first));
    key.set_failed_ns(std::get<1>(taken->first));
    key.set_place(std::get<2>(taken->first));
  }
}

void FrameMaker::ChangeCounts(Frame& frame) {
  if (Pick(0, 2) == 0) {
    NamespaceCount& count = *frame.add_namespaces();
    count.set_name("space" + std::to_string(Pick(0, 5)));
    count.set_timers(Pick(0, 100));
  }
  for (const std::string& queue : kQueues) {
    // At first each of them: a store tells what is in the queues that it has heard of.
    if (frame.sequence() == 1 || Pick(0, 5) == 0) {
      QueueCount& count = *frame.add_queues();
      count.set_name(queue);
      count.set_waiting(Pick(0, 100));
      count.set_dead_letters(Pick(0, 100));
    }
  }
}

void FrameMaker::ChangeFeed(const std::string& name, Frame& frame) {
  FeedExtent& extent = feeds_[name];
  extent.set_name(name);
  extent.set_first(std::max<uint64_t>(extent.first(), 1));
  extent.set_next(std::max<uint64_t>(extent.next(), 1));
  const uint64_t retained = extent.next() - extent.first();
  const uint64_t added = Pick(0, 3);
  for (uint64_t left = added; left > 0; --left) {
    storage::v1::FeedEvent& event = *frame.add_events();
    event.set_key(name + "/" + std::to_string(Pick(0, 60)));
    event.set_sequence(extent.next());
    event.mutable_event()->set_payload(std::string(Pick(0, 100), 'p'));
    extent.set_next(extent.next() + 1);
  }
  if (Pick(0, 3) == 0) {
    extent.set_first(extent.first() + Pick(0, retained));
  }
  std::deque<uint64_t>& blocks = feed_blocks_[name];
  for (; !blocks.empty() && blocks.front() < extent.first(); blocks.pop_front()) {
    extent.add_trimmed(blocks.front());
  }
  if (added > 0) {
    blocks.push_back(extent.next() - 1);
  }
  extent.set_bytes(Pick(0, 10'000));
  *frame.add_feeds() = extent;
  extent.clear_trimmed();
}

uint64_t TestSeed() {
  const char* given = std::getenv("TIMERD_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::cout << "TIMERD_SEED=" << seed << std::endl;
  return seed;
}

}  // namespace timerd::store
