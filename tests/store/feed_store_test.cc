// Feeds in the contract of StateStore, over every driver of OrderedKv.
#include "server/store/feed_store.h"

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
  void Extend(const std::string& name, uint64_t first, uint64_t next, uint64_t trimmed = 0) {
    FeedExtent& extent = *frame_.add_feeds();
    extent.set_name(name);
    extent.set_first(first);
    extent.set_next(next);
    extent.set_trimmed(trimmed);
  }
  void Apply() {
    const absl::Status status = store_->Apply(frame_);
    ASSERT_TRUE(status.ok()) << status;
    frame_ = EmptyFrame(kShard, frame_.sequence() + 1);
  }
  std::vector<uint64_t> Sequences(const std::string& name, uint64_t from = 0, size_t most = 100) {
    std::vector<uint64_t> sequences;
    const absl::Status status = store_->ScanFeed(name, from, [&](uint64_t sequence, auto bytes) {
      storage::v1::FeedEvent event;
      EXPECT_TRUE(event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
      EXPECT_EQ(event.sequence(), sequence);
      sequences.push_back(sequence);
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

TEST_P(FeedStoreTest, TakesAwayWhatAFrameTrims) {
  for (uint64_t sequence : {1, 2, 3, 4}) {
    Add("a/x", sequence);
  }
  Extend("a", 1, 5);
  Apply();
  Extend("a", 3, 5, /*trimmed=*/2);
  Apply();
  EXPECT_THAT(Sequences("a"), ElementsAre(3, 4));
  const auto feeds = store_->feeds();
  ASSERT_TRUE(feeds.ok()) << feeds.status();
  ASSERT_EQ(feeds->size(), 1);
  EXPECT_EQ((*feeds)[0].first(), 3);
  EXPECT_EQ((*feeds)[0].next(), 5);
  EXPECT_EQ((*feeds)[0].trimmed(), 0) << "is said of the frame only";
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
