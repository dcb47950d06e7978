// Who follows which handle.
#include "server/delivery/attachments.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace timerd::delivery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Notes what it is told.
class Follower final : public Subscriber {
 public:
  void OnOpened(const reactor::Opened& opened) override {
    told.push_back(absl::StrCat("opened ", opened.key));
  }
  void OnRefused(const absl::Status& status) override {
    told.push_back(absl::StrCat("refused ", status.message()));
  }
  void OnEvent(std::shared_ptr<const reactor::Notice> notice) override {
    told.push_back(
        absl::StrCat(notice->key, " ", notice->event.sequence, notice->redelivery ? " again" : ""));
  }
  bool IsGone() const override { return gone; }

  std::vector<std::string> told;
  bool gone = false;
};

reactor::Notice MakeNotice(const std::string& key, uint64_t sequence, bool end = false) {
  reactor::Notice notice{.key = key, .end = end};
  notice.event.sequence = sequence;
  return notice;
}

class AttachmentsTest : public ::testing::Test {
 protected:
  std::shared_ptr<Follower> Follow(const std::string& key) {
    auto follower = std::make_shared<Follower>();
    attachments_.Open(reactor::Opened{.key = key}, follower);
    return follower;
  }
  void Tell(const std::string& key, uint64_t sequence, bool end = false) {
    attachments_.OnEvent(std::make_unique<const reactor::Notice>(MakeNotice(key, sequence, end)));
  }

  Attachments attachments_;
};

TEST_F(AttachmentsTest, TellsEveryFollowerOfTheHandleAndNobodyElse) {
  const auto first = Follow("a");
  const auto second = Follow("a");
  const auto other = Follow("b");
  Tell("a", 1);
  Tell("c", 1);
  EXPECT_THAT(first->told, ElementsAre("opened a", "a 1"));
  EXPECT_THAT(second->told, ElementsAre("opened a", "a 1"));
  EXPECT_THAT(other->told, ElementsAre("opened b"));
  EXPECT_EQ(attachments_.size(), 3u);
}

TEST_F(AttachmentsTest, BeginsWithWhatIsRetained) {
  reactor::Opened opened{.key = "a", .existed = true};
  opened.retained = {MakeNotice("a", 3)};
  opened.retained[0].redelivery = true;
  const auto follower = std::make_shared<Follower>();
  attachments_.Open(opened, follower);
  Tell("a", 4);
  EXPECT_THAT(follower->told, ElementsAre("opened a", "a 3 again", "a 4"));
}

TEST_F(AttachmentsTest, LetsGoOfFollowersAtTheEnd) {
  const auto follower = Follow("a");
  Tell("a", 1, /*end=*/true);
  EXPECT_EQ(attachments_.size(), 0u);
  EXPECT_EQ(follower.use_count(), 1);
  Tell("a", 1);  // another handle of the same id
  EXPECT_THAT(follower->told, ElementsAre("opened a", "a 1"));
}

TEST_F(AttachmentsTest, DoesNotKeepAFollowerOfWhatHasEnded) {
  reactor::Opened opened{.key = "a", .existed = true, .ended = true};
  opened.retained = {MakeNotice("a", 2, /*end=*/true)};
  const auto follower = std::make_shared<Follower>();
  attachments_.Open(opened, follower);
  EXPECT_THAT(follower->told, ElementsAre("opened a", "a 2"));
  EXPECT_EQ(attachments_.size(), 0u);
}

TEST_F(AttachmentsTest, PassesARefusalOnAndKeepsNothing) {
  const auto follower = std::make_shared<Follower>();
  attachments_.Open(absl::NotFoundError("no such id"), follower);
  EXPECT_THAT(follower->told, ElementsAre("refused no such id"));
  EXPECT_EQ(attachments_.size(), 0u);
}

TEST_F(AttachmentsTest, SweepsThoseThatAreGone) {
  const auto gone = Follow("a");
  const auto stays = Follow("a");
  gone->gone = true;
  EXPECT_FALSE(attachments_.Sweep("a"));  // one is left
  EXPECT_FALSE(attachments_.Sweep("nobody follows this one"));
  EXPECT_EQ(attachments_.size(), 1u);
  EXPECT_EQ(gone.use_count(), 1);
  Tell("a", 1);
  EXPECT_THAT(stays->told, ElementsAre("opened a", "a 1"));
  stays->gone = true;
  EXPECT_TRUE(attachments_.Sweep("a"));  // that was the last
  EXPECT_EQ(attachments_.size(), 0u);
  EXPECT_FALSE(attachments_.Sweep("a"));  // and is so once
}

TEST_F(AttachmentsTest, KnowsWhetherAnybodyFollows) {
  EXPECT_FALSE(attachments_.IsFollowed("a"));
  const auto follower = Follow("a");
  EXPECT_TRUE(attachments_.IsFollowed("a"));
  EXPECT_FALSE(attachments_.IsFollowed("b"));
  follower->gone = true;
  attachments_.Sweep("a");
  EXPECT_FALSE(attachments_.IsFollowed("a"));
}

TEST_F(AttachmentsTest, FollowsNothingThatHasEnded) {
  const auto follower = Follow("a");
  Tell("a", 1, /*end=*/true);
  EXPECT_FALSE(attachments_.IsFollowed("a"));
  EXPECT_FALSE(attachments_.Sweep("a"));  // nobody goes who was there
}

// Ids of different namespaces have nothing to do with each other.
TEST_F(AttachmentsTest, TellsNamespacesApart) {
  const auto ours = Follow("ours/a");
  const auto theirs = Follow("theirs/a");
  Tell("ours/a", 1);
  EXPECT_THAT(ours->told, ElementsAre("opened ours/a", "ours/a 1"));
  EXPECT_THAT(theirs->told, ElementsAre("opened theirs/a"));
}

// Its Sweep() may have come before it was attached.
TEST_F(AttachmentsTest, DoesNotAttachOneThatIsGoneAlready) {
  const auto follower = std::make_shared<Follower>();
  follower->gone = true;
  attachments_.Open(reactor::Opened{.key = "a"}, follower);
  EXPECT_EQ(attachments_.size(), 0u);
  EXPECT_EQ(follower.use_count(), 1);
  EXPECT_THAT(follower->told, ::testing::Not(IsEmpty()));
}

}  // namespace
}  // namespace timerd::delivery
