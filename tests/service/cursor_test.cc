#include "server/service/cursor.h"

#include <cctype>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/status.h"
#include "tests/support/status_matchers.h"

namespace timerd::service {
namespace {

using ::testing::HasSubstr;
using ::timerd::testing::IsOk;

constexpr uint64_t kDirectory = 0x1234'5678'9abc'def0;
constexpr uint64_t kProcess = 7;

// "after 5", "since 1000" for each shard.
std::vector<std::string> Shown(const absl::StatusOr<std::vector<reactor::FeedStart>>& starts) {
  EXPECT_THAT(starts, IsOk());
  std::vector<std::string> shown;
  for (const reactor::FeedStart& start : *starts) {
    if (const auto* const after = std::get_if<reactor::AfterEvent>(&start)) {
      shown.push_back("after " + std::to_string(after->sequence));
    } else {
      shown.push_back("since " + std::to_string(ToNanos(std::get<reactor::SinceTime>(start).time)));
    }
  }
  return shown;
}

reactor::Notice NoticeAt(uint64_t sequence, uint64_t durable) {
  reactor::Notice notice{.key = "billing/a"};
  notice.event.time = InstantFromNanos(1000);
  notice.feed = {.sequence = sequence, .durable = durable};
  return notice;
}

class CursorTest : public ::testing::Test {
 protected:
  void ExpectRefused(absl::string_view text, absl::string_view because) {
    const auto starts = cursors_.Read(text, "billing", 3);
    EXPECT_EQ(ReasonOf(starts.status()), "INVALID_FIELD") << text;
    EXPECT_EQ(DetailOf(starts.status()), "cursor");
    EXPECT_THAT(std::string(starts.status().message()), HasSubstr(std::string(because)));
  }

  const Cursors cursors_{kDirectory, kProcess};
};

TEST_F(CursorTest, OfAFeedStandsBehindAnEventInEachShard) {
  const std::string cursor = cursors_.OfFeed("billing", {5, 0, uint64_t{1} << 60});
  EXPECT_THAT(Shown(cursors_.Read(cursor, "billing", 3)),
              ::testing::ElementsAre("after 5", "after 0", "after 1152921504606846976"));
}

TEST_F(CursorTest, IsPrintableAndFitsIntoAUrl) {
  const std::string cursor = cursors_.OfFeed("billing", {255, 1000, 70000});
  for (const char c : cursor) {
    EXPECT_TRUE(std::isalnum(c) != 0 || c == '-' || c == '_') << cursor;
  }
}

TEST_F(CursorTest, OfAHandlesOwnStreamStandsAtItsTimeInTheOtherShards) {
  const std::string cursor = cursors_.OfEvent(NoticeAt(9, 9), 1);
  EXPECT_THAT(Shown(cursors_.Read(cursor, "billing", 3)),
              ::testing::ElementsAre("since 1000", "after 9", "since 1000"));
}

TEST_F(CursorTest, OfAnEventWhosePlaceIsNotKnownStandsAtItsTime) {
  const std::string cursor = cursors_.OfEvent(NoticeAt(0, 0), 1);
  EXPECT_THAT(Shown(cursors_.Read(cursor, "billing", 2)),
              ::testing::ElementsAre("since 1000", "since 1000"));
}

TEST_F(CursorTest, OfAnEventThatWasToldEarlyGoesBackToWhatWasDurableAfterARestart) {
  const std::string cursor = cursors_.OfEvent(NoticeAt(9, 6), 0);
  EXPECT_THAT(Shown(cursors_.Read(cursor, "billing", 1)), ::testing::ElementsAre("after 9"));
  const Cursors restarted(kDirectory, kProcess + 1);
  EXPECT_THAT(Shown(restarted.Read(cursor, "billing", 1)), ::testing::ElementsAre("after 6"));
}

TEST_F(CursorTest, IsRefusedWhenItIsDamagedAnywhere) {
  const std::string cursor = cursors_.OfFeed("billing", {5, 6, 7});
  ExpectRefused("", "no cursor");
  ExpectRefused("nonsense", "no cursor");
  ExpectRefused("***", "no cursor");
  for (size_t i = 0; i < cursor.size(); ++i) {
    std::string damaged = cursor;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    if (i + 1 < cursor.size()) {  // the last character may hold unused bits
      ExpectRefused(damaged, "no cursor");
    }
    ExpectRefused(cursor.substr(0, i), "no cursor");
  }
}

TEST_F(CursorTest, IsRefusedInAnotherNamespaceServerOrNumberOfShards) {
  ExpectRefused(cursors_.OfFeed("mail", {5, 6, 7}), "is of namespace \"mail\"");
  ExpectRefused(Cursors(kDirectory + 1, kProcess).OfFeed("billing", {5, 6, 7}), "another server");
  ExpectRefused(cursors_.OfFeed("billing", {5, 6, 7, 8}), "names shard 3");
}

}  // namespace
}  // namespace timerd::service
