// The contract of StateStore, over every driver of OrderedKv.
#include "server/store/state_store.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/kv_state_store.h"
#include "tests/store/drivers.h"
#include "tests/store/frames.h"

namespace timerd::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint32_t kShard = 2;

storage::v1::DueKey Due(int64_t deadline_ns, uint64_t place) {
  storage::v1::DueKey due;
  due.set_deadline_ns(deadline_ns);
  due.set_place(place);
  return due;
}

class StateStoreTest : public DriverTest {
 protected:
  StateStoreTest() { Reopen(); }

  void Reopen() {
    auto store = KvStateStore::Open(*kv_, kShard);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  // Adds a handle to the next frame.
  storage::v1::Put& Put(const std::string& id, const std::string& state) {
    storage::v1::Put& put = *frame_.add_operations()->mutable_put();
    put.set_key(id);
    put.set_state(state);
    return put;
  }
  void PutNew(const std::string& id, const std::vector<storage::v1::DueKey>& armed = {}) {
    storage::v1::Put& put = Put(id, "state of " + id);
    put.set_spec("spec of " + id);
    put.mutable_armed()->Assign(armed.begin(), armed.end());
  }
  void Apply() {
    frame_.set_shard(kShard);
    frame_.set_sequence(frame_.sequence() + 1);
    const absl::Status status = store_->Apply(frame_);
    ASSERT_TRUE(status.ok()) << status;
    frame_.clear_operations();
    frame_.clear_namespaces();
  }
  std::vector<std::string> DueIds(const std::optional<DueKey>& after, Instant last,
                                  Timeline timeline = Timeline::kService) {
    std::vector<std::string> ids;
    EXPECT_TRUE(store_
                    ->ScanDue(timeline, after, last,
                              [&](const DueKey&, absl::string_view id) {
                                ids.emplace_back(id);
                                return true;
                              })
                    .ok());
    return ids;
  }
  std::vector<std::string> WalkIds(absl::string_view prefix, absl::string_view after,
                                   size_t limit = 1000) {
    std::vector<std::string> ids;
    EXPECT_TRUE(
        store_
            ->Walk(prefix, after,
                   [&](absl::string_view id, absl::string_view spec, absl::string_view state) {
                     EXPECT_EQ(spec, "spec of " + std::string(id));
                     EXPECT_EQ(state, "state of " + std::string(id));
                     ids.emplace_back(id);
                     return ids.size() < limit;
                   })
            .ok());
    return ids;
  }

  std::unique_ptr<KvStateStore> store_;
  Frame frame_;
};

INSTANTIATE_TEST_SUITE_P(Drivers, StateStoreTest, AllDrivers(), DriverName);

TEST_P(StateStoreTest, IsAtSequenceZeroWhenEmpty) {
  const auto position = store_->position();
  ASSERT_TRUE(position.ok());
  EXPECT_EQ(position->sequence(), 0U);
  EXPECT_FALSE(store_->Get("absent")->has_value());
}

TEST_P(StateStoreTest, TakesItsPositionFromTheFrameApplied) {
  frame_.set_epoch(4);
  frame_.set_time_ns(-5);
  frame_.set_wall_ns(6);
  frame_.set_next_place(7);
  Apply();
  Reopen();
  const auto position = store_->position();
  ASSERT_TRUE(position.ok());
  EXPECT_EQ(position->epoch(), 4U);
  EXPECT_EQ(position->sequence(), 1U);
  EXPECT_EQ(position->time_ns(), -5);
  EXPECT_EQ(position->wall_ns(), 6);
  EXPECT_EQ(position->next_place(), 7U);
  Apply();
}

TEST_P(StateStoreTest, RefusesAFrameOutOfSequenceOrOfAnotherShard) {
  Apply();
  for (const Frame& frame :
       {EmptyFrame(kShard, 1), EmptyFrame(kShard, 3), EmptyFrame(kShard + 1, 2)}) {
    EXPECT_EQ(store_->Apply(frame).code(), absl::StatusCode::kFailedPrecondition);
  }
  Apply();
  EXPECT_EQ(store_->position()->sequence(), 2U);
}

TEST_P(StateStoreTest, RefusesAnOperationThatItDoesNotKnowAndAppliesNothing) {
  Frame frame = EmptyFrame(kShard, 1);
  frame.add_operations()->mutable_put()->set_key("a");
  frame.add_operations();
  EXPECT_EQ(store_->Apply(frame).code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(store_->Get("a")->has_value());
  EXPECT_EQ(store_->position()->sequence(), 0U);
}

TEST_P(StateStoreTest, KeepsTheSpecWhenOnlyTheStateChanges) {
  PutNew("a");
  Apply();
  Put("a", "later");
  Apply();
  const auto record = store_->Get("a");
  ASSERT_TRUE(record.ok() && record->has_value());
  EXPECT_EQ((*record)->spec, "spec of a");
  EXPECT_EQ((*record)->state, "later");
}

TEST_P(StateStoreTest, ForgetsAnErasedHandleAndItsDeadlines) {
  PutNew("a", {Due(10, 1), Due(20, 2)});
  PutNew("b", {Due(15, 3)});
  Apply();
  storage::v1::Erase& erase = *frame_.add_operations()->mutable_erase();
  erase.set_key("a");
  *erase.add_disarmed() = Due(10, 1);
  *erase.add_disarmed() = Due(20, 2);
  Apply();
  EXPECT_FALSE(store_->Get("a")->has_value());
  EXPECT_THAT(WalkIds("", ""), ElementsAre("b"));
  EXPECT_THAT(DueIds(std::nullopt, Instant::max()), ElementsAre("b"));
}

TEST_P(StateStoreTest, ScansDeadlinesBySignedTimeAndThenByPlace) {
  PutNew("zero", {Due(0, 5)});
  PutNew("least", {Due(std::numeric_limits<int64_t>::min(), 1)});
  PutNew("minus", {Due(-1, 9)});
  PutNew("most", {Due(std::numeric_limits<int64_t>::max(), 2)});
  PutNew("early", {Due(7, 1)});
  PutNew("late", {Due(7, std::numeric_limits<uint64_t>::max())});
  Apply();
  EXPECT_THAT(DueIds(std::nullopt, Instant::max()),
              ElementsAre("least", "minus", "zero", "early", "late", "most"));
}

TEST_P(StateStoreTest, ScansAfterAKeyExcludedUpToAnInstantIncluded) {
  PutNew("a", {Due(1, 1)});
  PutNew("b", {Due(2, 2)});
  PutNew("c", {Due(2, 3)});
  PutNew("d", {Due(3, 4)});
  Apply();
  EXPECT_THAT(DueIds(DueKey{InstantFromNanos(1), 1}, InstantFromNanos(2)), ElementsAre("b", "c"));
  EXPECT_THAT(DueIds(DueKey{InstantFromNanos(2), 2}, InstantFromNanos(3)), ElementsAre("c", "d"));
  EXPECT_THAT(DueIds(DueKey{InstantFromNanos(3), 4}, InstantFromNanos(2)), IsEmpty());
  const DueKey last{Instant::max(), std::numeric_limits<uint64_t>::max()};
  EXPECT_THAT(DueIds(last, Instant::max()), IsEmpty());
}

TEST_P(StateStoreTest, GivesTheDueKeyAndStopsWhenToldTo) {
  PutNew("a", {Due(-3, 8), Due(4, 9)});
  Apply();
  std::vector<DueKey> keys;
  ASSERT_TRUE(store_
                  ->ScanDue(Timeline::kService, std::nullopt, Instant::max(),
                            [&](const DueKey& due, absl::string_view id) {
                              EXPECT_EQ(id, "a");
                              keys.push_back(due);
                              return false;
                            })
                  .ok());
  EXPECT_THAT(keys, ElementsAre(DueKey{InstantFromNanos(-3), 8}));
}

TEST_P(StateStoreTest, MovesADeadline) {
  PutNew("a", {Due(1, 1)});
  Apply();
  storage::v1::Put& put = Put("a", "moved");
  *put.add_disarmed() = Due(1, 1);
  *put.add_armed() = Due(1, 2);
  Apply();
  EXPECT_THAT(DueIds(std::nullopt, InstantFromNanos(1)), ElementsAre("a"));
  EXPECT_THAT(DueIds(DueKey{InstantFromNanos(1), 1}, InstantFromNanos(1)), ElementsAre("a"));
  EXPECT_THAT(DueIds(DueKey{InstantFromNanos(1), 2}, InstantFromNanos(1)), IsEmpty());
}

TEST_P(StateStoreTest, WalksIdsOfAPrefixAfterAnId) {
  for (const char* id : {"a", "ab", "abc", "abd", "ac", "b"}) {
    PutNew(id);
  }
  Apply();
  EXPECT_THAT(WalkIds("", ""), ElementsAre("a", "ab", "abc", "abd", "ac", "b"));
  EXPECT_THAT(WalkIds("ab", ""), ElementsAre("ab", "abc", "abd"));
  EXPECT_THAT(WalkIds("ab", "ab"), ElementsAre("abc", "abd"));
  EXPECT_THAT(WalkIds("ab", "abb"), ElementsAre("abc", "abd"));
  EXPECT_THAT(WalkIds("ab", "a"), ElementsAre("ab", "abc", "abd"));
  EXPECT_THAT(WalkIds("ab", "b"), IsEmpty());
  EXPECT_THAT(WalkIds("", "", 2), ElementsAre("a", "ab"));
}

TEST_P(StateStoreTest, TakesIdsOfZeroBytesAndOfGreatLength) {
  const std::string zero(1, '\0');
  const std::string one(1, '\x01');
  const std::string great(65536, '\0');
  for (const std::string& id :
       {"a" + one, "a" + zero + "b", std::string("a"), "a" + zero, "a" + zero + zero, great}) {
    PutNew(id, {});
  }
  Apply();
  EXPECT_THAT(WalkIds("", ""),
              ElementsAre(great, "a", "a" + zero, "a" + zero + zero, "a" + zero + "b", "a" + one));
  EXPECT_THAT(WalkIds("a" + zero, "a" + zero), ElementsAre("a" + zero + zero, "a" + zero + "b"));
  EXPECT_EQ((*store_->Get(great))->state, "state of " + great);
}

TEST_P(StateStoreTest, KeepsShardsApart) {
  auto other = KvStateStore::Open(*kv_, kShard + 1);
  ASSERT_TRUE(other.ok());
  PutNew("a", {Due(1, 1)});
  Apply();
  EXPECT_EQ(Contents(**other), Model());
  EXPECT_NE(Contents(*store_), Model());
}

TEST_P(StateStoreTest, AllowsTrimmingUpToWhatACheckpointHolds) {
  EXPECT_EQ(*store_->Checkpoint(), 0U);
  Apply();
  Apply();
  EXPECT_EQ(*store_->Checkpoint(), 2U);
}

TEST_P(StateStoreTest, AddsUpToTheModelOverRandomFrames) {
  FrameMaker maker(kShard, TestSeed());
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(store_->Apply(maker.Next()).ok());
    if (i % 100 == 0) {
      ASSERT_TRUE(store_->Checkpoint().ok());
      Reopen();
    }
  }
  EXPECT_GT(maker.model().handles.size(), 10U);
  EXPECT_EQ(Contents(*store_), maker.model());
}

}  // namespace
}  // namespace timerd::store
