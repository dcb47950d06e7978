// Frames to test with.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <string>

#include "server/store/shard_log.h"
#include "tests/store/frame_model.h"

namespace timerd::store {

// A frame without operations.
Frame EmptyFrame(uint32_t shard, uint64_t sequence);

// Makes the frames of one shard, always the same ones for a seed: handles come, change, wait in
// queues and go, dead letters and events come and are forgotten.
class FrameMaker {
 public:
  FrameMaker(uint32_t shard, uint64_t seed) : shard_(shard), random_(seed) {}

  Frame Next();
  // What the frames made so far add up to.
  const Model& model() const { return model_; }

 private:
  uint64_t Pick(uint64_t least, uint64_t most);
  // Makes, changes or erases one handle.
  void ChangeHandle(const std::string& key, Frame& frame);
  void EraseHandle(const std::string& key, Frame& frame);
  void ChangeLetters(Frame& frame);
  void ChangeCounts(Frame& frame);
  void ChangeFeed(const std::string& name, Frame& frame);

  const uint32_t shard_;
  std::mt19937_64 random_;
  Model model_;
  uint64_t next_place_ = 1;
  std::map<std::string, std::string> queue_of_;  // handle -> queue that it names, or nothing
  std::map<std::string, FeedExtent> feeds_;
  std::map<std::string, std::deque<uint64_t>> feed_blocks_;  // the last event of each
};

// $TIMERD_SEED, or a new seed; printed either way.
uint64_t TestSeed();

}  // namespace timerd::store
