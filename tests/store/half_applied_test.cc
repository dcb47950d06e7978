// What a crash leaves when it comes between two pieces of an Apply(), for every such moment.
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/store/kv_state_store.h"
#include "server/store/memory_kv.h"
#include "tests/store/frames.h"
#include "tests/support/status_matchers.h"

namespace timerd::store {
namespace {

using ::timerd::testing::IsOk;

constexpr uint32_t kShard = 3;
constexpr uint64_t kBefore = 10;  // frames that are all there,
constexpr uint64_t kHalf = 6;     // of which a part is,
constexpr uint64_t kAfter = 4;    // and that only the log has

// A database of which only the next writes reach the disk.
class DyingKv final : public OrderedKv {
 public:
  DyingKv(MemoryKv& kv, size_t writes) : kv_(kv), left_(writes) {}

  absl::Status Write(const WriteBatch& batch, Durability durability) override {
    if (left_ == 0) {
      lost = true;
      return absl::OkStatus();
    }
    --left_;
    return kv_.Write(batch, durability);
  }
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const override {
    return kv_.Get(key);
  }
  absl::StatusOr<Values> GetMany(absl::Span<const std::string> keys) const override {
    return kv_.GetMany(keys);
  }
  absl::Status Scan(absl::string_view first, absl::string_view last,
                    absl::FunctionRef<bool(absl::string_view key, absl::string_view value)> visit)
      const override {
    return kv_.Scan(first, last, visit);
  }
  absl::Status Flush() override { return kv_.Flush(); }

  bool lost = false;

 private:
  MemoryKv& kv_;
  size_t left_;
};

void Apply(KvStateStore& store, const std::vector<Frame>& frames, uint64_t first, uint64_t last) {
  for (uint64_t sequence = first; sequence <= last; ++sequence) {
    ASSERT_THAT(store.Gather(frames[sequence - 1]), IsOk());
  }
  ASSERT_THAT(store.Apply(), IsOk());
}

// Dies after `writes` writes; false if that was none too few.
bool DieAndRecover(const std::vector<Frame>& frames, size_t piece, size_t writes,
                   const Model& expected) {
  MemoryKv disk;
  Apply(**KvStateStore::Open(disk, kShard), frames, 1, kBefore);
  DyingKv dying(disk, writes);
  Apply(**KvStateStore::Open(dying, kShard, piece), frames, kBefore + 1, kBefore + kHalf);
  auto store = KvStateStore::Open(disk, kShard, piece);
  EXPECT_THAT(store, IsOk());
  // Whoever reads beside an Apply() sees each handle as a whole.
  EXPECT_THAT((*store)->Walk("", "", [](auto, auto, auto) { return true; }), IsOk());
  const Position position = *(*store)->position();
  if (dying.lost) {
    EXPECT_EQ(position.sequence(), kBefore);
    EXPECT_EQ(position.begun(), writes == 0 ? 0 : kBefore + kHalf);
  } else {
    EXPECT_EQ(position.sequence(), kBefore + kHalf);
    EXPECT_EQ(position.begun(), 0U);
  }
  Apply(**store, frames, position.sequence() + 1, frames.size());
  EXPECT_EQ(Contents(**store), expected);
  EXPECT_EQ((*store)->position()->begun(), 0U);
  return dying.lost;
}

TEST(HalfAppliedTest, IsMendedByApplyingTheSameFramesAgain) {
  const uint64_t seed = TestSeed();
  for (uint64_t round = 0; round < 20; ++round) {
    FrameMaker maker(kShard, seed + round);
    std::vector<Frame> frames;
    while (frames.size() < kBefore + kHalf + kAfter) {
      frames.push_back(maker.Next());
    }
    size_t writes = 0;
    while (DieAndRecover(frames, /*piece=*/1 + round % 3, writes, maker.model())) {
      ASSERT_FALSE(HasFailure()) << "after write " << writes << " of round " << round;
      ++writes;
    }
    EXPECT_GT(writes, 5U);
  }
}

}  // namespace
}  // namespace timerd::store
