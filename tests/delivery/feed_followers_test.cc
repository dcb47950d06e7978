// Who waits for which feed.
#include "server/delivery/feed_followers.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace timerd::delivery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Reader final : public FeedFollower {
 public:
  void OnFeedGrown(uint32_t shard) override { told.push_back(shard); }
  bool IsGone() const override { return gone; }

  std::vector<uint32_t> told;
  bool gone = false;
};

class FeedFollowersTest : public ::testing::Test {
 protected:
  std::shared_ptr<Reader> Await(const std::string& name_space, uint32_t shard) {
    auto reader = std::make_shared<Reader>();
    followers_.Await(name_space, reader, shard);
    return reader;
  }

  FeedFollowers followers_;
};

TEST_F(FeedFollowersTest, AreToldOnceOfTheirNamespaceAndTheShardThatTheyNamed) {
  const auto first = Await("a", 3);
  const auto second = Await("a", 5);
  const auto other = Await("b", 3);
  followers_.OnFeedGrown("a");
  followers_.OnFeedGrown("a");
  followers_.OnFeedGrown("c");
  EXPECT_THAT(first->told, ElementsAre(3));
  EXPECT_THAT(second->told, ElementsAre(5));
  EXPECT_THAT(other->told, IsEmpty());
  EXPECT_EQ(followers_.size(), 1);
}

TEST_F(FeedFollowersTest, MayWaitAgainWhileTheyAreTold) {
  class Again final : public FeedFollower, public std::enable_shared_from_this<Again> {
   public:
    explicit Again(FeedFollowers& followers) : followers_(followers) {}
    void OnFeedGrown(uint32_t shard) override {
      ++told;
      followers_.Await("a", shared_from_this(), shard);
    }
    bool IsGone() const override { return false; }
    int told = 0;

   private:
    FeedFollowers& followers_;
  };
  const auto again = std::make_shared<Again>(followers_);
  followers_.Await("a", again, 0);
  followers_.OnFeedGrown("a");
  followers_.OnFeedGrown("a");
  EXPECT_EQ(again->told, 2);
  EXPECT_EQ(followers_.size(), 1);
}

TEST_F(FeedFollowersTest, AreDroppedWhenTheyAreGone) {
  const auto gone = Await("a", 0);
  const auto stays = Await("a", 1);
  gone->gone = true;
  followers_.Sweep("a");
  EXPECT_EQ(followers_.size(), 1);
  EXPECT_EQ(gone.use_count(), 1);
  followers_.OnFeedGrown("a");
  EXPECT_THAT(stays->told, ElementsAre(1));
  followers_.Sweep("b");
}

}  // namespace
}  // namespace timerd::delivery
