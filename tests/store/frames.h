// Frames to test with, and what they should add up to.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "server/store/shard_log.h"
#include "server/store/state_store.h"

namespace timerd::store {

// A frame without operations.
Frame EmptyFrame(uint32_t shard, uint64_t sequence);

// What the state store of one shard should hold.
struct Model {
  void Apply(const Frame& frame);
  friend bool operator==(const Model&, const Model&) = default;

  uint64_t sequence = 0;
  uint64_t next_place = 0;
  std::map<std::string, std::pair<std::string, std::string>> handles;  // key -> spec, state
  using Due = std::tuple<storage::v1::Timeline, int64_t, uint64_t>;    // timeline, deadline, place
  std::map<Due, std::string> due;                                      // -> key
  std::map<std::string, std::string> namespaces;                       // name -> what is counted
};

// All that `store` holds, through its own interface.
Model Contents(const StateStore& store);

// Makes the frames of one shard, always the same ones for a seed: handles come, change, and go.
class FrameMaker {
 public:
  FrameMaker(uint32_t shard, uint64_t seed) : shard_(shard), random_(seed) {}

  Frame Next();
  // What the frames made so far add up to.
  const Model& model() const { return model_; }

 private:
  uint64_t Pick(uint64_t least, uint64_t most);

  const uint32_t shard_;
  std::mt19937_64 random_;
  Model model_;
  uint64_t next_place_ = 1;
};

// $TIMERD_SEED, or a new seed; printed either way.
uint64_t TestSeed();

}  // namespace timerd::store
