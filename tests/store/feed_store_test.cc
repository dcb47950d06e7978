// Feeds in the contract of StateStore, over every driver of OrderedKv.
#include "server/store/feed_store.h"

#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/identity.h"
#include "server/store/kv_state_store.h"
#include "server/store/memory_kv.h"
#include "tests/store/drivers.h"
#include "tests/store/frames.h"

namespace timerd::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint32_t kShard = 2;

class FeedStoreTest : public DriverTest {
 protected:
  FeedStoreTest() : frame_(EmptyFrame(kShard, 1)) {
    auto store = KvStateStore::Open(*kv_, kShard);
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void Add(const std::string& key, uint64_t sequence) {
    storage::v1::FeedEvent& event = *frame_.add_events();
    event.set_key(key);
    event.set_sequence(sequence);
  }
  void Extend(const std::string& name, uint64_t first, uint64_t next,
              const std::vector<uint64_t>& trimmed = {}) {
    FeedExtent& extent = *frame_.add_feeds();
    extent.set_name(name);
    extent.set_first(first);
    extent.set_next(next);
    extent.mutable_trimmed()->Add(trimmed.begin(), trimmed.end());
  }
  void Apply() {
    const absl::Status status = store_->Apply(frame_);
    ASSERT_TRUE(status.ok()) << status;
    frame_ = EmptyFrame(kShard, frame_.sequence() + 1);
  }
  std::vector<uint64_t> Sequences(const std::string& name, uint64_t from = 0, size_t most = 100) {
    std::vector<uint64_t> sequences;
    const absl::Status status = store_->ScanFeed(name, from, [&](const StoredEvent& stored) {
      storage::v1::FeedEvent event;
      EXPECT_TRUE(event.ParseFromArray(stored.bytes.data(), static_cast<int>(stored.bytes.size())));
      EXPECT_EQ(event.sequence(), stored.sequence);
      sequences.push_back(stored.sequence);
      return sequences.size() < most;
    });
    EXPECT_TRUE(status.ok()) << status;
    return sequences;
  }

  std::unique_ptr<KvStateStore> store_;
  Frame frame_;
};

TEST_P(FeedStoreTest, KeepsTheEventsOfEachNamespaceApartAndInOrder) {
  Add("a/x", 255);
  Add("a/x", 256);
  Add("ab/x", 1);
  Add("a/y", 257);
  Apply();
  EXPECT_THAT(Sequences("a"), ElementsAre(255, 256, 257));
  EXPECT_THAT(Sequences("a", 256), ElementsAre(256, 257));
  EXPECT_THAT(Sequences("a", 0, 1), ElementsAre(255));
  EXPECT_THAT(Sequences("ab"), ElementsAre(1));
  EXPECT_THAT(Sequences("abc"), IsEmpty());
}

TEST_P(FeedStoreTest, StoresEventsInBlocksOfWhichNoneIsLarge) {
  constexpr uint64_t kEvents = 1000;
  for (uint64_t sequence = 1; sequence <= kEvents; ++sequence) {
    Add("a/x", sequence);
    frame_.mutable_events()->rbegin()->mutable_event()->set_payload(
        std::string(sequence <= kEvents / 2 ? 1 : 3000, 'p'));
  }
  Apply();
  std::map<uint64_t, size_t> sizes;
  std::map<uint64_t, uint64_t> events;
  const absl::Status status = store_->ScanFeed("a", 0, [&](const StoredEvent& stored) {
    sizes[stored.block_end] += stored.bytes.size();
    ++events[stored.block_end];
    return true;
  });
  ASSERT_TRUE(status.ok()) << status;
  uint64_t last = 0;
  for (const auto& [end, count] : events) {
    EXPECT_EQ(end, last += count);
    EXPECT_LE(count, 64);
    EXPECT_LT(sizes[end], 20'000);
  }
  EXPECT_EQ(last, kEvents);
  EXPECT_GE(events.size(), kEvents / 2 / 64 + kEvents / 2 * 3000 / 20'000);
  EXPECT_LE(events.size(), kEvents / 3);
  EXPECT_EQ(Sequences("a", 100, 1), std::vector<uint64_t>{100}) << "from the middle of a block";
}

TEST_P(FeedStoreTest, TakesAwayTheBlocksThatAFrameTrims) {
  Add("a/x", 1);
  Add("a/x", 2);
  Extend("a", 1, 3);
  Apply();
  Add("a/x", 3);
  Add("a/x", 4);
  Extend("a", 2, 5);
  Apply();
  EXPECT_THAT(Sequences("a", 2), ElementsAre(2, 3, 4));
  Extend("a", 3, 5, /*trimmed=*/{2});
  Apply();
  EXPECT_THAT(Sequences("a"), ElementsAre(3, 4));
  const auto feeds = store_->feeds();
  ASSERT_TRUE(feeds.ok()) << feeds.status();
  ASSERT_EQ(feeds->size(), 1);
  EXPECT_EQ((*feeds)[0].first(), 3);
  EXPECT_EQ((*feeds)[0].next(), 5);
  EXPECT_EQ((*feeds)[0].trimmed_size(), 0) << "is said of the frame only";
}

TEST_P(FeedStoreTest, ReadsTheExtentOfEachFeedOfItsShard) {
  Extend("a", 1, 5);
  Extend("b", 2, 2);
  Apply();
  auto other = KvStateStore::Open(*kv_, kShard + 1);
  ASSERT_TRUE(other.ok());
  ASSERT_EQ(store_->feeds()->size(), 2);
  EXPECT_EQ((*store_->feeds())[1].name(), "b");
  EXPECT_TRUE((*other)->feeds()->empty());
}

TEST_P(FeedStoreTest, GivesItsIdentityOnceAndKeepsIt) {
  const auto identity = Identity(*kv_);
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(*Identity(*kv_), *identity);
  MemoryKv another;
  EXPECT_NE(*Identity(another), *identity);
}

INSTANTIATE_TEST_SUITE_P(Drivers, FeedStoreTest, AllDrivers(), DriverName);

}  // namespace
}  // namespace timerd::store
