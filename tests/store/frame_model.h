// What frames should add up to, kept apart from the code that adds them up in the server.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "server/store/state_store.h"

namespace timerd::store {

// What the state store of one shard should hold.
struct Model {
  void Apply(const Frame& frame);
  friend bool operator==(const Model&, const Model&) = default;

  uint64_t sequence = 0;
  uint64_t next_place = 0;
  std::map<std::string, std::pair<std::string, std::string>> handles;  // key -> spec, state
  // Timeline, queue (of TIMELINE_QUEUE; else empty), deadline, place.
  using Due = std::tuple<storage::v1::Timeline, std::string, int64_t, uint64_t>;
  std::map<Due, std::string> due;                                  // -> key
  std::map<std::string, std::string> namespaces;                   // name -> what is counted
  std::map<std::string, std::string> queues;                       // likewise
  using Letter = std::tuple<std::string, int64_t, uint64_t>;       // queue, time, place
  std::map<Letter, std::string> letters;                           // -> what is in it
  std::map<std::pair<std::string, uint64_t>, std::string> events;  // namespace, sequence -> event
  std::map<std::string, std::string> feeds;                        // namespace -> extent
};

// All that `store` holds, through its own interface.
Model Contents(const StateStore& store);

}  // namespace timerd::store
