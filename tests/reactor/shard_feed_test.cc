// Feeds: what is retained of what happened, and how it is read.
#include "gmock/gmock.h"
#include "server/reactor/feed_page.h"
#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

using ::testing::SizeIs;

constexpr Span kHour = std::chrono::hours(1);

class ShardFeedTest : public ShardTest {
 protected:
  ShardFeedTest() { options_.usage = &usage_; }

  Answer<FeedPage> AskFeed(FeedStart start, FeedFilter filter = {.prefix = "default/"}) {
    auto answer = std::make_shared<std::optional<absl::StatusOr<FeedPage>>>();
    shard_->Execute(ReadFeed{start, std::move(filter), [answer](absl::StatusOr<FeedPage> page) {
                               *answer = std::move(page);
                             }});
    return answer;
  }
  // A page, with all that was decided before durable and applied.
  FeedPage Read(FeedStart start, FeedFilter filter = {.prefix = "default/"}) {
    const Answer<FeedPage> answer = AskFeed(start, std::move(filter));
    Commit();
    EXPECT_TRUE(answer->has_value());
    EXPECT_THAT(**answer, IsOk());
    return ***answer;
  }
  // "1 a FIRED": place, id, type.
  static std::vector<std::string> Shown(const FeedPage& page) {
    std::vector<std::string> shown;
    for (const Notice& notice : page.events) {
      shown.push_back(absl::StrCat(notice.feed.sequence, " ", IdOf(notice.key), " ",
                                   timer::EventTypeName(notice.event.type)));
    }
    return shown;
  }
  void MakeEvents(const std::string& id, int count) {
    for (int i = 0; i < count; ++i) {
      CreateTimer(absl::StrCat(id, i), 3600);
      Cancel(absl::StrCat(id, i));
    }
  }
  NamespaceUsage::Reading Retained() { return usage_.Get("default")->Read(); }

  void OnFeedGrown(absl::string_view name_space) override { grown_.emplace_back(name_space); }

  UsageRegistry usage_{10};
  std::vector<std::string> grown_;
};

TEST_F(ShardFeedTest, NumbersTheEventsOfEachNamespaceInTheOrderInWhichTheyWereDecided) {
  Start();
  CreateTimer("a", 1);
  CreateTimer("b", 2, /*reported=*/true);
  CreateKey("other/a", {.kind = timer::Kind::kTimer, .span = Seconds(1)});
  Settle();
  SettleAt(1);
  SettleAt(2);
  Report("b", 1);
  EXPECT_THAT(Shown(Read(FromOldest{})), ElementsAre("1 a FIRED", "2 b FIRED", "3 b COMPLETED"));
  EXPECT_THAT(Shown(Read(FromOldest{}, {.prefix = "other/"})), ElementsAre("1 a FIRED"));
}

TEST_F(ShardFeedTest, GivesAnEventAsItsOwnStreamToldItEvenWhenItsHandleIsReplaced) {
  Start();
  Create("a", {.kind = timer::Kind::kTimer, .span = Seconds(1), .payload = "old"});
  Settle();
  SettleAt(1);
  CreateKey(Key("a"), {.kind = timer::Kind::kTimer, .span = Seconds(5), .payload = "new"},
            /*replace=*/true);
  const FeedPage page = Read(FromOldest{});
  ASSERT_THAT(page.events, SizeIs(1));
  ASSERT_THAT(notices_, SizeIs(1));
  EXPECT_EQ(page.events[0].event, notices_[0].event);
  EXPECT_EQ(page.events[0].event.payload, "old");
  EXPECT_EQ(page.events[0].generation, 1);
  EXPECT_TRUE(page.events[0].end);
}

TEST_F(ShardFeedTest, AnswersAReadOnceAllThatWasDecidedBeforeIsApplied) {
  Start();
  CreateTimer("a", 3600);
  Cancel("a");
  const Answer<FeedPage> oldest = AskFeed(FromOldest{});
  const Answer<FeedPage> now = AskFeed(FromNow{});
  Commit(/*apply=*/false);
  EXPECT_FALSE(oldest->has_value());
  Commit();
  ASSERT_TRUE(oldest->has_value());
  EXPECT_THAT(Shown(***oldest), ElementsAre("1 a CANCELLED"));
  ASSERT_TRUE(now->has_value());
  EXPECT_THAT(Shown(***now), IsEmpty());
  EXPECT_EQ((***now).through, 1);
}

TEST_F(ShardFeedTest, TellsThatAFeedHasGrownOnceItsEventsAreDurable) {
  Start();
  CreateTimer("a", 3600);
  Cancel("a");
  EXPECT_THAT(grown_, IsEmpty());
  Commit(/*apply=*/false);
  EXPECT_THAT(grown_, ElementsAre("default"));
  // Whoever comes to read them has them applied.
  EXPECT_EQ(shard_->wanted(), 0U);
  const Answer<FeedPage> page = AskFeed(AfterEvent{0});
  EXPECT_FALSE(page->has_value());
  EXPECT_EQ(shard_->wanted(), 1U);
  Commit();
  EXPECT_TRUE(page->has_value());
  EXPECT_THAT(grown_, SizeIs(1));
  CreateTimer("b", 3600);  // no event
  Commit();
  EXPECT_THAT(grown_, SizeIs(1));
}

// Whoever reads is told that the feed has grown only once it is at its end, and not of what became
// durable while it waited for its page: that is neither in the page nor to be told of again.
TEST_F(ShardFeedTest, SaysThatThereIsMoreWhereThePageIsBehindWhatWasTold) {
  Start();
  CreateTimer("a", 3600);
  CreateTimer("b", 3600);
  Settle();
  Cancel("a");
  Commit(/*apply=*/false);
  const Answer<FeedPage> page = AskFeed(AfterEvent{0});
  Cancel("b");
  Commit(/*apply=*/false);
  ApplyNext();
  shard_->Release();
  ASSERT_TRUE(page->has_value());
  EXPECT_THAT(Shown(***page), ElementsAre("1 a CANCELLED"));
  EXPECT_TRUE((***page).more);
  const Answer<FeedPage> next = AskFeed(AfterEvent{(***page).through});
  ApplyNext();
  shard_->Release();
  ASSERT_TRUE(next->has_value());
  EXPECT_THAT(Shown(***next), ElementsAre("2 b CANCELLED"));
  EXPECT_FALSE((***next).more);
}

TEST_F(ShardFeedTest, TellsEarlyOnlyPlacesThatACrashCannotTakeBack) {
  Start();
  CreateTimer("a", 1);
  CreateTimer("b", 2);
  Settle();
  SettleAt(1);
  SetTime(2);
  shard_->Fire(10);
  shard_->Release();  // before its frame is taken
  ASSERT_THAT(notices_, SizeIs(2));
  EXPECT_EQ(notices_[1].feed.sequence, 2);
  EXPECT_EQ(notices_[1].feed.durable, 1);
  CreateTimer("c", 3600);
  Cancel("c");
  Commit();
  ASSERT_THAT(notices_, SizeIs(3));
  EXPECT_EQ(notices_[2].feed.durable, 3);
  // The crash: what was told early is decided again, at the same place or another.
  StartWithBacklog(3);
  EXPECT_THAT(Read(AfterEvent{1}).events, SizeIs(2));
}

TEST_F(ShardFeedTest, GoesOnWithItsNumbersAfterARestart) {
  Start();
  MakeEvents("a", 3);
  Commit();
  Start(1);
  MakeEvents("b", 1);
  EXPECT_THAT(Shown(Read(AfterEvent{2})), ElementsAre("3 a2 CANCELLED", "4 b0 CANCELLED"));
  EXPECT_EQ(Retained().feed_events, 3 + 4);  // both lives counted in this one registry
}

TEST_F(ShardFeedTest, RetainsEventsForAsLongAsItWasTold) {
  options_.feed.retention = kHour;
  Start();
  MakeEvents("a", 2);
  Settle();
  SettleAt(1800);
  MakeEvents("b", 1);
  Settle();
  SettleAt(3599);
  EXPECT_THAT(Read(FromOldest{}).events, SizeIs(3));
  SettleAt(3601);
  const FeedPage page = Read(FromOldest{});
  EXPECT_THAT(Shown(page), ElementsAre("3 b0 CANCELLED"));
  EXPECT_EQ(page.oldest, At(1800));
  EXPECT_EQ(page.missing, 0);
  EXPECT_EQ(Retained().feed_events, 1);
}

TEST_F(ShardFeedTest, GoesOnWithItsNumbersAfterAllWasTrimmedAndARestart) {
  options_.feed.retention = kHour;
  Start();
  MakeEvents("a", 3);
  Settle();
  SettleAt(4000);
  EXPECT_EQ(Retained().feed_events, 0);
  EXPECT_EQ(Retained().feed_bytes, 0);
  EXPECT_THAT(grown_, SizeIs(1)) << "what goes makes nobody read";
  const FeedPage nothing = Read(AfterEvent{1});
  EXPECT_EQ(nothing.missing, 2);
  EXPECT_EQ(nothing.oldest, std::nullopt);
  EXPECT_EQ(nothing.through, 3);
  Start(5000);
  MakeEvents("b", 1);
  const FeedPage page = Read(AfterEvent{1});
  EXPECT_THAT(Shown(page), ElementsAre("4 b0 CANCELLED"));
  EXPECT_EQ(page.missing, 2);
  EXPECT_EQ(page.oldest, At(5000));
}

TEST_F(ShardFeedTest, RetainsNoMoreBytesThanItWasTold) {
  options_.feed.max_bytes = 2000;
  Start();
  for (int i = 0; i < 30; ++i) {
    MakeEvents(absl::StrCat("a", i, "-"), 5);
    Settle();
    EXPECT_LE(Retained().feed_bytes, 2000 + 5 * 100) << i;
  }
  SettleAt(1);
  EXPECT_LE(Retained().feed_bytes, 2000);
  EXPECT_GT(Retained().feed_bytes, 1000);
  const FeedPage page = Read(AfterEvent{10});
  EXPECT_EQ(page.events.front().feed.sequence, 10 + page.missing + 1);
  EXPECT_EQ(page.events.back().feed.sequence, 150);
  EXPECT_EQ(page.events.size(), static_cast<size_t>(Retained().feed_events));
  size_t bytes = 0;
  for (const Notice& notice : page.events) {
    storage::v1::FeedEvent event;
    EncodeFeedEvent(notice, event);
    bytes += event.ByteSizeLong();
  }
  EXPECT_EQ(bytes, static_cast<size_t>(Retained().feed_bytes));
}

TEST_F(ShardFeedTest, TrimsNoMoreThanAPageATurnButAllInTheEnd) {
  options_.feed.retention = kHour;
  Start();
  MakeEvents("a", 5000);
  Settle();
  SetTime(4000);
  ASSERT_THAT(shard_->Forget(), IsOk());
  EXPECT_EQ(Retained().feed_events, 5000 - 2047);
  while (TakeFrame() >= 0) {  // each frame leads to another turn
    Commit();
    ASSERT_THAT(shard_->Forget(), IsOk());
  }
  EXPECT_EQ(Retained().feed_events, 0);
  int left = 0;
  ASSERT_THAT(state_->ScanFeed("default", 0, [&left](const auto&) { return ++left > 0; }), IsOk());
  EXPECT_EQ(left, 0);
}

TEST_F(ShardFeedTest, OnlyCountsEventsWhileItIsOff) {
  Start();
  MakeEvents("a", 2);
  Settle();
  options_.feed.retention = Span::zero();
  Start(1);
  MakeEvents("b", 3);
  Settle();
  SettleAt(10);
  CreateTimer("c", 3600);
  Cancel("c");
  EXPECT_EQ(notices_.back().feed.sequence, 0);
  Settle();
  options_.feed.retention = kHour;
  Start(20);
  MakeEvents("d", 1);
  const FeedPage page = Read(AfterEvent{1});
  EXPECT_THAT(Shown(page), ElementsAre("7 d0 CANCELLED"));
  EXPECT_EQ(page.missing, 5);
}

TEST_F(ShardFeedTest, BeginsWithWhatWasDecidedAtATimeOrLater) {
  Start();
  for (int second = 1; second <= 9; ++second) {
    SettleAt(second);
    MakeEvents(absl::StrCat("a", second, "-"), 2);
    Commit();
  }
  EXPECT_EQ(Read(SinceTime{At(0)}).events.front().feed.sequence, 1);
  EXPECT_EQ(Read(SinceTime{At(4)}).events.front().feed.sequence, 7);
  EXPECT_EQ(Read(SinceTime{At(4.5)}).events.front().feed.sequence, 9);
  EXPECT_EQ(Read(SinceTime{At(4.5)}).missing, 0);
  EXPECT_THAT(Read(SinceTime{At(9.5)}).events, IsEmpty());
  EXPECT_EQ(Read(SinceTime{At(9.5)}).through, 18);
}

TEST_F(ShardFeedTest, TellsWhenEventsSinceATimeMayBeMissing) {
  options_.feed.retention = kHour;
  Start();
  MakeEvents("a", 2);
  Settle();
  SettleAt(1800);
  MakeEvents("b", 1);
  Settle();
  SettleAt(3700);
  EXPECT_EQ(Read(SinceTime{At(0)}).missing, 2);
  EXPECT_EQ(Read(SinceTime{At(1)}).missing, 0);
}

TEST_F(ShardFeedTest, RefusesToBeginBehindWhatItHasNotMade) {
  Start();
  MakeEvents("a", 2);
  EXPECT_THAT(Read(AfterEvent{2}).events, IsEmpty());
  const Answer<FeedPage> answer = AskFeed(AfterEvent{3});
  Commit();
  EXPECT_THAT(**answer, IsRefused(Reason::kInvalidField));
}

TEST_F(ShardFeedTest, LetsOnlyThroughWhatTheFilterNames) {
  Start();
  MakeEvents("a", 2);
  MakeEvents("b", 2);
  const FeedPage page = Read(FromOldest{}, {.prefix = "default/b"});
  EXPECT_THAT(Shown(page), ElementsAre("3 b0 CANCELLED", "4 b1 CANCELLED"));
  const FeedPage none = Read(FromOldest{}, {.prefix = "default/", .queue = "mail"});
  EXPECT_THAT(none.events, IsEmpty());
  EXPECT_EQ(none.through, 4);
  EXPECT_FALSE(none.more);
}

TEST_F(ShardFeedTest, ComesInPagesOfBoundedSize) {
  Start();
  MakeEvents("a", 600);
  Commit();
  FeedStart start = FromOldest{};
  std::vector<size_t> sizes;
  uint64_t through = 0;
  for (bool more = true; more;) {
    const FeedPage page = Read(start);
    sizes.push_back(page.events.size());
    more = page.more;
    EXPECT_EQ(page.events.front().feed.sequence, through + 1);
    through = page.through;
    start = AfterEvent{through};
  }
  EXPECT_THAT(sizes, ElementsAre(256, 256, 88));
}

TEST_F(ShardFeedTest, AnswersAFewReadsATurnAndComesBackForTheOthers) {
  Start();
  MakeEvents("a", 1);
  Commit();
  std::vector<Answer<FeedPage>> answers;
  for (int i = 0; i < 6; ++i) {
    answers.push_back(AskFeed(FromOldest{}));
  }
  shard_->Release();
  EXPECT_TRUE(answers[3]->has_value());
  EXPECT_FALSE(answers[4]->has_value());
  EXPECT_LE(shard_->NextWake(), shard_->reading().now);
  shard_->Release();
  EXPECT_TRUE(answers[5]->has_value());
  EXPECT_GT(shard_->NextWake(), shard_->reading().now);
}

}  // namespace
}  // namespace timerd::reactor
