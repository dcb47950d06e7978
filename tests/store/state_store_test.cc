// The contract of StateStore, over every driver of OrderedKv.
#include "server/store/state_store.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/keys.h"
#include "server/store/kv_state_store.h"
#include "tests/store/drivers.h"
#include "tests/store/frames.h"

namespace timerd::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint32_t kShard = 2;

storage::v1::DueKey Due(int64_t deadline_ns, uint64_t place,
                        storage::v1::Timeline timeline = storage::v1::TIMELINE_SERVICE) {
  storage::v1::DueKey due;
  due.set_timeline(timeline);
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
  void Count(const std::string& name, uint64_t timers) {
    NamespaceCount& count = *frame_.add_namespaces();
    count.set_name(name);
    count.set_timers(timers);
  }
  // "name timers", sorted.
  std::vector<std::string> Counts() {
    const auto counts = store_->namespaces();
    EXPECT_TRUE(counts.ok()) << counts.status();
    std::vector<std::string> texts;
    for (const NamespaceCount& count : *counts) {
      texts.push_back(absl::StrCat(count.name(), " ", count.timers()));
    }
    std::sort(texts.begin(), texts.end());
    return texts;
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

TEST_P(StateStoreTest, GivesTheStateOfTheHandleThatReplacedAnother) {
  PutNew("a");
  Apply();
  Put("a", "later");
  Apply();
  PutNew("a");
  frame_.mutable_operations(0)->mutable_put()->set_replaces(true);
  Apply();
  EXPECT_EQ((*store_->Get("a"))->state, "state of a");
  EXPECT_THAT(WalkIds("", ""), ElementsAre("a"));
}

TEST_P(StateStoreTest, WritesOneRecordForAHandleThatIsMadeAndChangesBeforeItIsApplied) {
  Frame made = EmptyFrame(kShard, 1);
  PutNew("a");
  *made.mutable_operations() = frame_.operations();
  ASSERT_TRUE(store_->Gather(made).ok());
  Frame changed = EmptyFrame(kShard, 2);
  frame_.clear_operations();
  Put("a", "later");
  *changed.mutable_operations() = frame_.operations();
  ASSERT_TRUE(store_->Gather(changed).ok());
  ASSERT_TRUE(store_->Apply().ok());
  EXPECT_FALSE(kv_->Get(StateKey(kShard, "a"))->has_value());
  const auto record = store_->Get("a");
  ASSERT_TRUE(record.ok() && record->has_value());
  EXPECT_EQ((*record)->spec, "spec of a");
  EXPECT_EQ((*record)->state, "later");
}

TEST_P(StateStoreTest, WalksHandlesWhoseStateHasChangedAndOthers) {
  for (const std::string id : {"a", "b", "c", "d"}) {
    PutNew(id);
  }
  Apply();
  Put("b", "state of b");
  Put("d", "state of d");
  Apply();
  EXPECT_THAT(WalkIds("", ""), ElementsAre("a", "b", "c", "d"));
  for (size_t limit : {1, 2, 3}) {
    EXPECT_EQ(WalkIds("", "", limit).size(), limit);
  }
  EXPECT_THAT(WalkIds("c", ""), ElementsAre("c"));
}

TEST_P(StateStoreTest, RefusesAHandleWhoseRecordIsDamagedOrMissing) {
  WriteBatch batch;
  batch.Put(RecordKey(kShard, "a"), "\xff\xff");
  batch.Put(StateKey(kShard, "b"), "state");
  ASSERT_TRUE(kv_->Write(batch, Durability::kSync).ok());
  const auto walk = [this](absl::string_view prefix) {
    return store_->Walk(prefix, "", [](auto, auto, auto) { return true; }).code();
  };
  EXPECT_EQ(store_->Get("a").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(walk("a"), absl::StatusCode::kDataLoss);
  EXPECT_EQ(store_->GetMany({"b"}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(walk("b"), absl::StatusCode::kDataLoss);
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

TEST_P(StateStoreTest, KeepsTimelinesApart) {
  PutNew("service", {Due(5, 1)});
  PutNew("wall", {Due(5, 1, storage::v1::TIMELINE_WALL)});
  PutNew("retention", {Due(5, 1, storage::v1::TIMELINE_RETENTION)});
  PutNew("both", {Due(6, 2), Due(4, 2, storage::v1::TIMELINE_WALL)});
  Apply();
  const auto all = [&](Timeline timeline) {
    return DueIds(std::nullopt, Instant::max(), timeline);
  };
  EXPECT_THAT(all(Timeline::kService), ElementsAre("service", "both"));
  EXPECT_THAT(all(Timeline::kWall), ElementsAre("both", "wall"));
  EXPECT_THAT(all(Timeline::kRetention), ElementsAre("retention"));
  EXPECT_THAT(DueIds(DueKey{InstantFromNanos(4), 2}, InstantFromNanos(5), Timeline::kWall),
              ElementsAre("wall"));

  storage::v1::Put& put = Put("both", "moved");
  *put.add_disarmed() = Due(4, 2, storage::v1::TIMELINE_WALL);
  storage::v1::Erase& erase = *frame_.add_operations()->mutable_erase();
  erase.set_key("retention");
  *erase.add_disarmed() = Due(5, 1, storage::v1::TIMELINE_RETENTION);
  Apply();
  EXPECT_THAT(all(Timeline::kService), ElementsAre("service", "both"));
  EXPECT_THAT(all(Timeline::kWall), ElementsAre("wall"));
  EXPECT_THAT(all(Timeline::kRetention), IsEmpty());
}

TEST_P(StateStoreTest, KnowsWhatLivesInEachNamespace) {
  EXPECT_THAT(Counts(), IsEmpty());
  Count("b", 1);
  Count("a", 7);
  Apply();
  EXPECT_THAT(Counts(), ElementsAre("a 7", "b 1"));
  Count("b", 0);  // the last word counts, and a namespace stays
  Apply();
  Reopen();
  EXPECT_THAT(Counts(), ElementsAre("a 7", "b 0"));
  auto other = KvStateStore::Open(*kv_, kShard + 1);
  ASSERT_TRUE(other.ok());
  EXPECT_TRUE((*other)->namespaces()->empty());
}

TEST_P(StateStoreTest, KnowsEachKindOfHandleInANamespace) {
  NamespaceCount& count = *frame_.add_namespaces();
  count.set_name("a");
  count.set_timers(1);
  count.set_loops(2);
  count.set_tasks(3);
  const std::string bytes = count.SerializeAsString();
  Apply();
  const auto counts = store_->namespaces();
  ASSERT_TRUE(counts.ok());
  ASSERT_EQ(counts->size(), 1u);
  EXPECT_EQ(counts->front().SerializeAsString(), bytes);
}

TEST_P(StateStoreTest, RefusesANamespaceWhoseCountIsDamaged) {
  WriteBatch batch;
  batch.Put(NamespaceKey(kShard, "a"), "\xff\xff");
  ASSERT_TRUE(kv_->Write(batch, Durability::kSync).ok());
  EXPECT_EQ(store_->namespaces().status().code(), absl::StatusCode::kDataLoss);
}

TEST_P(StateStoreTest, AddsUpToTheModelOverRandomFrames) {
  FrameMaker maker(kShard, TestSeed());
  const Model& model = maker.model();
  size_t most_letters = 0;
  size_t most_events = 0;
  int64_t most_waiting = 0;
  for (int i = 0; i < 150; ++i) {
    for (int n = i % 4; n >= 0; --n) {
      ASSERT_TRUE(store_->Gather(maker.Next()).ok());
    }
    ASSERT_TRUE(store_->Apply().ok());
    if (i % 100 == 0) {
      ASSERT_TRUE(store_->Checkpoint().ok());
      Reopen();
    }
    most_letters = std::max(most_letters, model.letters.size());
    most_events = std::max(most_events, model.events.size());
    most_waiting = std::max(most_waiting,
                            std::count_if(model.due.begin(), model.due.end(), [](const auto& each) {
                              return std::get<0>(each.first) == storage::v1::TIMELINE_QUEUE;
                            }));
  }
  EXPECT_GT(model.handles.size(), 10U);
  EXPECT_GT(most_letters, 5U);
  EXPECT_GT(most_events, 5U);
  EXPECT_GT(most_waiting, 5);
  EXPECT_EQ(Contents(*store_), model);
}

}  // namespace
}  // namespace timerd::store
