#include "tests/store/frames.h"

#include <cstdlib>
#include <iostream>
#include <iterator>
#include <limits>

#include "server/base/check.h"

namespace timerd::store {

Frame EmptyFrame(uint32_t shard, uint64_t sequence) {
  Frame frame;
  frame.set_shard(shard);
  frame.set_epoch(1);
  frame.set_sequence(sequence);
  return frame;
}

void Model::Apply(const Frame& frame) {
  TIMERD_CHECK(frame.sequence() == sequence + 1);
  sequence = frame.sequence();
  next_place = frame.next_place();
  for (const auto& operation : frame.operations()) {
    const auto& disarmed =
        operation.has_put() ? operation.put().disarmed() : operation.erase().disarmed();
    for (const auto& key : disarmed) {
      due.erase({key.timeline(), key.deadline_ns(), key.place()});
    }
    if (operation.has_erase()) {
      handles.erase(operation.erase().key());
      continue;
    }
    const auto& put = operation.put();
    for (const auto& key : put.armed()) {
      due[{key.timeline(), key.deadline_ns(), key.place()}] = put.key();
    }
    auto& [spec, state] = handles[put.key()];
    if (put.has_spec()) {
      spec = put.spec();
    }
    state = put.state();
  }
  for (const NamespaceCount& count : frame.namespaces()) {
    namespaces[count.name()] = count.SerializeAsString();
  }
}

Model Contents(const StateStore& store) {
  Model model;
  const auto position = store.position();
  TIMERD_CHECK(position.ok());
  model.sequence = position->sequence();
  model.next_place = position->next_place();
  TIMERD_CHECK(
      store
          .Walk("", "",
                [&](absl::string_view id, absl::string_view spec, absl::string_view state) {
                  model.handles[std::string(id)] = {std::string(spec), std::string(state)};
                  return true;
                })
          .ok());
  for (const Timeline timeline : {Timeline::kService, Timeline::kWall, Timeline::kRetention}) {
    TIMERD_CHECK(store
                     .ScanDue(timeline, std::nullopt, Instant::max(),
                              [&](const DueKey& due, absl::string_view key) {
                                model.due[{static_cast<storage::v1::Timeline>(timeline),
                                           ToNanos(due.deadline), due.place}] = std::string(key);
                                return true;
                              })
                     .ok());
  }
  const auto namespaces = store.namespaces();
  TIMERD_CHECK(namespaces.ok());
  for (const NamespaceCount& count : *namespaces) {
    model.namespaces[count.name()] = count.SerializeAsString();
  }
  return model;
}

uint64_t FrameMaker::Pick(uint64_t least, uint64_t most) {
  return std::uniform_int_distribution<uint64_t>(least, most)(random_);
}

Frame FrameMaker::Next() {
  Frame frame = EmptyFrame(shard_, model_.sequence + 1);
  frame.set_time_ns(static_cast<int64_t>(1000 * frame.sequence()));
  frame.set_wall_ns(frame.time_ns() + 7);
  std::map<std::string, bool> touched;
  for (uint64_t left = Pick(0, 6); left > 0; --left) {
    // One operation per handle and frame, so that what is disarmed is what the model has.
    const std::string id = "space/" + std::to_string(Pick(0, 60));
    if (!touched.emplace(id, true).second) {
      continue;
    }
    std::vector<Model::Due> armed;
    for (const auto& [key, owner] : model_.due) {
      if (owner == id) {
        armed.push_back(key);
      }
    }
    const bool is_new = model_.handles.count(id) == 0;
    storage::v1::Operation& operation = *frame.add_operations();
    const bool erase = !is_new && Pick(0, 3) == 0;
    const auto disarm = [&](storage::v1::DueKey* key, const Model::Due& due) {
      key->set_timeline(std::get<0>(due));
      key->set_deadline_ns(std::get<1>(due));
      key->set_place(std::get<2>(due));
    };
    if (erase) {
      operation.mutable_erase()->set_key(id);
      for (const auto& due : armed) {
        disarm(operation.mutable_erase()->add_disarmed(), due);
      }
      continue;
    }
    storage::v1::Put& put = *operation.mutable_put();
    put.set_key(id);
    if (is_new) {
      put.set_spec("spec " + std::to_string(frame.sequence()) + std::string(Pick(0, 200), 's'));
    }
    put.set_state("state " + std::to_string(frame.sequence()) + std::string(Pick(0, 100), 't'));
    for (const auto& due : armed) {
      if (Pick(0, 1) == 0) {
        disarm(put.add_disarmed(), due);
      }
    }
    if (armed.size() < 3) {
      storage::v1::DueKey& due = *put.add_armed();
      due.set_timeline(static_cast<storage::v1::Timeline>(Pick(0, 2)));
      due.set_deadline_ns(static_cast<int64_t>(Pick(0, 2000)) - 1000);
      due.set_place(next_place_++);
    }
  }
  frame.set_next_place(next_place_);
  if (Pick(0, 2) == 0) {
    NamespaceCount& count = *frame.add_namespaces();
    count.set_name("space" + std::to_string(Pick(0, 5)));
    count.set_timers(Pick(0, 100));
  }
  model_.Apply(frame);
  return frame;
}

uint64_t TestSeed() {
  const char* given = std::getenv("TIMERD_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::cout << "TIMERD_SEED=" << seed << std::endl;
  return seed;
}

}  // namespace timerd::store
