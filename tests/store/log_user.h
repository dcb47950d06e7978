// What tests do with a log.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "server/store/shard_log.h"
#include "tests/store/frames.h"

namespace timerd::store {

class LogUser {
 protected:
  static constexpr uint32_t kShard = 3;

  void Append(uint64_t first, uint64_t last) {
    for (uint64_t sequence = first; sequence <= last; ++sequence) {
      ASSERT_TRUE(log_->Append(EmptyFrame(kShard, sequence)).ok()) << sequence;
    }
  }
  // What the log has from `from` on. `status`: what reading it says, which is OK if that is null.
  std::vector<uint64_t> Sequences(uint64_t from, absl::Status* status = nullptr) {
    std::vector<uint64_t> sequences;
    const absl::Status read = log_->Read(from, [&](const Frame& frame) {
      sequences.push_back(frame.sequence());
      return absl::OkStatus();
    });
    if (status != nullptr) {
      *status = read;
    } else {
      EXPECT_TRUE(read.ok()) << read;
    }
    return sequences;
  }

  std::unique_ptr<ShardLog> log_;
};

}  // namespace timerd::store
