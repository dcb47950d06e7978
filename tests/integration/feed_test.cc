// Feeds: Watch of a prefix or a whole namespace, cursors, gaps, restarts.
#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/integration/server_test.h"
#include "tests/support/http_get.h"

namespace timerd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

using Feed = Stream<v1::WatchResponse>;

class FeedTest : public ServerTest {
 protected:
  Feed Follow(const std::string& rest) { return client().Watch("everything: true " + rest); }
  Feed FollowAfter(const std::string& cursor) { return Follow("cursor: '" + cursor + "'"); }
  // Each makes one event.
  void MakeAndCancel(const std::string& id, const std::string& rest = "") {
    auto stream =
        client().Schedule("id: '" + id + "' delay {seconds: 3600} detached: true " + rest);
    ASSERT_THAT(stream.Finish(), IsOkCall());
    ASSERT_THAT(client().Cancel("id: '" + id + "' " + rest).status, IsOkCall());
  }
  void MakeEvents(const std::string& id, int count) {
    for (int i = 0; i < count; ++i) {
      MakeAndCancel(absl::StrCat(id, i));
    }
  }
  // The ids of the next `count` events.
  static std::vector<std::string> Ids(Feed& feed, size_t count) {
    std::vector<std::string> ids;
    while (ids.size() < count) {
      const auto next = feed.Next();
      if (!next) {
        break;
      }
      if (next->has_event()) {
        ids.push_back(next->event().id());
      }
    }
    return ids;
  }
};

TEST_F(FeedTest, TellsWhatHappensFromNowOnOverAllShards) {
  StartServer();
  MakeAndCancel("before");
  Feed feed = Follow("");
  const auto first = feed.Next();
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->has_acknowledged());
  EXPECT_GT(Nanos(first->acknowledged().now()), 0);
  EXPECT_EQ(first->acknowledged().id(), "");
  EXPECT_NE(first->cursor(), "");
  std::vector<std::string> expected;
  for (int i = 0; i < 10; ++i) {
    expected.push_back(absl::StrCat("a", i));
  }
  MakeEvents("a", 10);
  EXPECT_THAT(Ids(feed, 10), ::testing::UnorderedElementsAreArray(expected));
  auto stream = client().Schedule("id: 'f' delay {nanos: 1000000} payload: 'bytes'");
  stream.Acknowledged();
  const v1::Event own = stream.Event();
  const auto fired = feed.Next();
  ASSERT_TRUE(fired);
  EXPECT_EQ(fired->event().payload(), "bytes");
  EXPECT_EQ(fired->event().cursor(), fired->cursor());
  EXPECT_NE(own.cursor(), "");
  v1::Event same = fired->event();
  same.set_cursor(own.cursor());
  EXPECT_EQ(same.SerializeAsString(), own.SerializeAsString());
}

TEST_F(FeedTest, FollowsAPrefixInItsNamespaceOnly) {
  StartServer();
  MakeAndCancel("mail-1");
  MakeAndCancel("bill-1");
  MakeAndCancel("mail-1", "namespace: 'other'");
  MakeAndCancel("mail-2");
  Feed feed = client().Watch("id_prefix: 'mail-' from_oldest: true");
  EXPECT_THAT(Ids(feed, 2), UnorderedElementsAre("mail-1", "mail-2"));
  MakeAndCancel("bill-2");
  MakeAndCancel("mail-3");
  EXPECT_THAT(Ids(feed, 1), ElementsAre("mail-3"));
}

TEST_F(FeedTest, GoesOnFromEachOfItsCursorsWithTheNextEvent) {
  StartServer();
  Feed live = Follow("");
  std::vector<std::string> cursors{live.Next()->cursor()};
  std::vector<std::string> ids;
  MakeEvents("a", 12);
  for (int i = 0; i < 12; ++i) {
    const auto next = live.Next();
    ids.push_back(next->event().id());
    cursors.push_back(next->cursor());
  }
  for (size_t from = 0; from < ids.size(); ++from) {
    Feed feed = FollowAfter(cursors[from]);
    // As a set: the order of events of two shards is that in which they were read.
    const auto rest = Ids(feed, ids.size() - from);
    EXPECT_EQ(std::set<std::string>(rest.begin(), rest.end()),
              std::set<std::string>(ids.begin() + static_cast<ptrdiff_t>(from), ids.end()));
    EXPECT_THAT(rest, SizeIs(ids.size() - from));
  }
}

TEST_F(FeedTest, GoesOnFromTheCursorOfAHandlesOwnStreamAndMissesNothing) {
  StartServer();
  MakeEvents("before", 4);
  auto stream = client().Schedule("id: 'own' delay {nanos: 1000000}");
  stream.Acknowledged();
  const v1::Event own = stream.Event();
  MakeEvents("after", 6);
  Feed feed = FollowAfter(own.cursor());
  const auto ids = Ids(feed, 6);
  EXPECT_THAT(ids,
              UnorderedElementsAre("after0", "after1", "after2", "after3", "after4", "after5"));
}

TEST_F(FeedTest, MissesAndRepeatsNothingOverKillsAndRestarts) {
  StartServer();
  std::map<std::string, int> seen;
  std::string cursor;
  {
    Feed feed = Follow("");
    cursor = feed.Next()->cursor();
  }
  constexpr int kRounds = 5;
  constexpr int kTimers = 40;
  for (int round = 0; round < kRounds; ++round) {
    // Some fire before the kill, some while the server is down, some afterwards.
    for (int i = 0; i < kTimers; ++i) {
      auto stream = client().Schedule(absl::StrCat(
          "id: 't", round, "-", i, "' detached: true delay {nanos: ", i * 10'000'000, "}"));
      ASSERT_THAT(stream.Finish(), IsOkCall());
    }
    {
      // Reads until a moment that is different each time, and keeps the last cursor.
      Feed feed = FollowAfter(cursor);
      for (int i = 0; i < 3 + 7 * round; ++i) {
        const auto next = feed.Next();
        ASSERT_TRUE(next);
        if (next->has_event()) {
          ++seen[next->event().id()];
        }
        EXPECT_FALSE(next->has_gap());
        cursor = next->cursor();
      }
      server().Kill();
    }
    Restart();
  }
  Feed feed = FollowAfter(cursor);
  while (seen.size() < size_t{kRounds} * kTimers) {
    const auto next = feed.Next();
    ASSERT_TRUE(next) << seen.size();
    EXPECT_FALSE(next->has_gap());
    if (next->has_event()) {
      ++seen[next->event().id()];
    }
  }
  for (const auto& [id, times] : seen) {
    EXPECT_EQ(times, 1) << id;
  }
}

TEST_F(FeedTest, MissesNothingAfterAnEventThatWasToldJustBeforeAKill) {
  for (int round = 0; round < 5; ++round) {
    StartServer({"--shards=1"});
    std::string cursor;
    {
      auto stream = client().Schedule("id: 'early' delay {nanos: 50000000}");
      stream.Acknowledged();
      cursor = stream.Event().cursor();
      server().Kill();  // its frame may be durable, or not
    }
    Restart();
    MakeEvents("a", 3);
    Feed feed = FollowAfter(cursor);
    auto ids = Ids(feed, 3);
    if (ids.front() == "early") {  // at least once
      ids.erase(ids.begin());
      ids.push_back(Ids(feed, 1).front());
    }
    EXPECT_THAT(ids, ElementsAre("a0", "a1", "a2"));
  }
}

TEST_F(FeedTest, TellsTheGapThatRetentionMade) {
  StartServer({"--shards=2", "--feed-max-bytes=3000"});
  Feed begin = Follow("");
  const std::string cursor = begin.Next()->cursor();
  begin.Detach();
  constexpr int kEvents = 200;
  MakeEvents("a", kEvents);
  Feed feed = FollowAfter(cursor);
  EXPECT_TRUE(feed.Next()->has_acknowledged());
  const auto gap = feed.Next();
  ASSERT_TRUE(gap);
  ASSERT_TRUE(gap->has_gap()) << gap->ShortDebugString();
  EXPECT_GT(gap->gap().missing(), 0);
  EXPECT_LT(gap->gap().missing(), kEvents);
  const auto first = feed.Next();
  ASSERT_TRUE(first);
  EXPECT_EQ(Nanos(first->event().time()), Nanos(gap->gap().oldest()));
  const size_t left = kEvents - gap->gap().missing();
  EXPECT_EQ(Ids(feed, left - 1).back(), absl::StrCat("a", kEvents - 1));
  // Who begins with the oldest is not told of what was before.
  Feed oldest = Follow("from_oldest: true");
  oldest.Next();
  EXPECT_TRUE(oldest.Next()->has_event());
}

TEST_F(FeedTest, TellsAGapToAReaderWhoIsTooSlow) {
  StartServer({"--shards=1", "--feed-max-bytes=400000"});
  Feed feed = Follow("");
  feed.Next();
  const std::string payload(20'000, 'x');
  constexpr int kEvents = 400;  // more than HTTP/2 and a page hold
  for (int i = 0; i < kEvents; ++i) {
    auto stream = client().Schedule(
        absl::StrCat("id: 's", i, "' delay {} detached: true payload: '", payload, "'"));
    ASSERT_THAT(stream.Finish(), IsOkCall());
  }
  uint64_t told = 0;
  uint64_t missing = 0;
  while (told + missing < kEvents) {
    const auto next = feed.Next();
    ASSERT_TRUE(next);
    told += next->has_event() ? 1 : 0;
    missing += next->gap().missing();
  }
  EXPECT_EQ(told + missing, kEvents);
  EXPECT_GT(missing, 0);
}

TEST_F(FeedTest, RefusesCursorsThatItNeverGave) {
  StartServer();
  MakeAndCancel("a");
  Feed feed = Follow("from_oldest: true");
  feed.Next();
  const std::string cursor = feed.Next()->cursor();
  const auto refused = [this](const std::string& request) {
    const grpc::Status status = client().Watch(request).Finish();
    EXPECT_THAT(status, IsRefusedWith(grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD"));
    return DetailOf(status, "field");
  };
  EXPECT_EQ(refused("everything: true cursor: 'nonsense'"), "cursor");
  EXPECT_EQ(refused("everything: true namespace: 'other' cursor: '" + cursor + "'"), "cursor");
  StartServer();  // another data directory
  EXPECT_EQ(refused("everything: true cursor: '" + cursor + "'"), "cursor");
}

TEST_F(FeedTest, RefusesRequestsThatContradictThemselves) {
  StartServer();
  const auto field = [this](const std::string& request) {
    const grpc::Status status = client().Watch(request).Finish();
    EXPECT_THAT(status, IsRefusedWith(grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD"));
    return DetailOf(status, "field");
  };
  EXPECT_EQ(field("id: 'a' everything: true"), "id");
  EXPECT_EQ(field("id: 'a' cursor: 'b'"), "id");
  EXPECT_EQ(field("id_prefix: 'a' everything: true"), "everything");
  EXPECT_EQ(field("id_prefix: 'a' queue: 'b'"), "everything");
  EXPECT_EQ(field("from_oldest: true"), "everything");
  EXPECT_EQ(field("everything: true after_sequence: 3"), "after_sequence");
  EXPECT_EQ(field("everything: true namespace: 'A b'"), "namespace");
}

TEST_F(FeedTest, IsRefusedWhereNothingIsRetained) {
  StartServer({"--feed-retention=0"});
  const grpc::Status status = Follow("").Finish();
  EXPECT_THAT(status, IsRefusedWith(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"));
  EXPECT_EQ(DetailOf(status, "limit"), "feed-retention");
  auto stream = client().Schedule("id: 'a' delay {}");
  stream.Acknowledged();
  EXPECT_EQ(stream.Event().cursor(), "");
}

TEST_F(FeedTest, EndsWithUnavailableWhenTheServerDrains) {
  StartServer();
  Feed feed = Follow("");
  ASSERT_TRUE(feed.Next());
  std::thread terminate([this] { EXPECT_EQ(server().Terminate(), 0); });
  EXPECT_THAT(feed.Finish(), IsRefusedWith(grpc::StatusCode::UNAVAILABLE, "SHUTTING_DOWN"));
  terminate.join();
}

TEST_F(FeedTest, HasWhatFiredOnceAdvanceIsAnswered) {
  StartServer({"--clock=manual"});
  client().Schedule("id: 'a' delay {seconds: 5} detached: true").Finish();
  client().Schedule("id: 'b' delay {seconds: 3} detached: true").Finish();
  Feed live = Follow("");
  live.Next();
  ASSERT_THAT(client().Advance("by {seconds: 10}").status, IsOkCall());
  EXPECT_THAT(Ids(live, 2), ElementsAre("b", "a"));
  client().Schedule("id: 'c' delay {seconds: 1} detached: true namespace: 'mine'").Finish();
  ASSERT_THAT(client().Advance("by {seconds: 10} namespace: 'mine'").status, IsOkCall());
  Feed oldest = Follow("from_oldest: true namespace: 'mine'");
  EXPECT_THAT(Ids(oldest, 1), ElementsAre("c"));
}

TEST_F(FeedTest, IsCountedInTheMetrics) {
  StartServer();
  MakeEvents("a", 3);
  Feed feed = Follow("from_oldest: true");
  Ids(feed, 3);
  const std::string page = HttpGet(server().http_address(), "/metrics").body;
  EXPECT_THAT(page, HasSubstr("timerd_feed_events{namespace=\"default\"} 3\n"));
  EXPECT_THAT(page, HasSubstr("timerd_feed_streams 1\n"));
}

TEST_F(FeedTest, FollowsAQueueThatIsThere) {
  StartServer();
  EXPECT_THAT(client().Watch("queue: 'mail'").Finish(),
              IsRefusedWith(grpc::NOT_FOUND, "UNKNOWN_QUEUE"));
  ASSERT_THAT(
      client().Schedule("id: 'm' delay { seconds: 60 } queue: 'mail' detached: true").Finish(),
      IsOkCall());
  ASSERT_THAT(client().Schedule("id: 'other' delay { seconds: 60 } detached: true").Finish(),
              IsOkCall());
  auto feed = client().Watch("queue: 'mail'");
  ASSERT_TRUE(feed.Next());
  client().Cancel("id: 'other'");
  client().Cancel("id: 'm'");
  const v1::Event event = feed.Event();
  EXPECT_EQ(event.id(), "m");
  EXPECT_EQ(event.queue(), "mail");
}

}  // namespace
}  // namespace timerd::testing
