// Pages of handles.
#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

using timer::Kind;
using timer::Phase;

class ListingTest : public ShardTest {
 protected:
  ListingTest() { Start(); }

  // The ids of all pages of `max_rows`, of those that begin with `filter.prefix`, and how many
  // pages there were.
  std::vector<std::string> ListAll(ListFilter filter, size_t max_rows) {
    filter.prefix = Key(filter.prefix);
    std::vector<std::string> ids;
    ListCursor cursor;
    pages_ = 0;
    for (bool more = true; more && pages_ < 100'000; ++pages_) {
      const auto answer = List(filter, cursor, max_rows);
      Settle();
      if (!answer->has_value() || !(*answer)->ok()) {
        ADD_FAILURE() << "no page";
        return ids;
      }
      const Listed& listed = ***answer;
      EXPECT_LE(listed.rows.size(), max_rows);
      for (const Listed::Row& row : listed.rows) {
        ids.emplace_back(IdOf(row.handle.key));
      }
      more = listed.next.has_value();
      cursor = listed.next.value_or(ListCursor{});
    }
    return ids;
  }

  size_t pages_ = 0;
};

TEST_F(ListingTest, GivesPendingHandlesInTheOrderInWhichTheyFire) {
  CreateTimer("late", 3600 * 24);
  CreateTimer("b", 2);
  CreateTimer("a", 2);
  CreateLoop("loop", 1);
  CreateLoop("running", 1, /*start_now=*/true);
  CreateTimer("ended", 5);
  Cancel("ended");
  Bound("late", 1);  // its time-out does not make it come earlier, nor twice
  Settle();
  for (const size_t page : {1u, 2u, 3u, 4u, 5u}) {
    EXPECT_THAT(ListAll({.phase = Phase::kPending}, page), ElementsAre("loop", "b", "a", "late"))
        << page;
  }
  EXPECT_THAT(ListAll({.phase = Phase::kPending, .kind = Kind::kTimer}, 1),
              ElementsAre("b", "a", "late"));
  EXPECT_THAT(ListAll({.phase = Phase::kPending, .prefix = "l"}, 1), ElementsAre("loop", "late"));
}

TEST_F(ListingTest, GivesAllOthersInTheOrderOfTheirIds) {
  CreateTimer("x/2", 10);
  CreateTimer("x/1", 20);
  CreateLoop("x/3", 1, /*start_now=*/true);
  CreateTimer("y", 1);
  Cancel("x/2");
  Settle();
  for (const size_t page : {1u, 2u, 3u, 4u, 5u}) {
    EXPECT_THAT(ListAll({}, page), ElementsAre("x/1", "x/2", "x/3", "y"));
    EXPECT_THAT(ListAll({.prefix = "x/"}, page), ElementsAre("x/1", "x/2", "x/3"));
    EXPECT_THAT(ListAll({.phase = Phase::kEnded}, page), ElementsAre("x/2"));
    EXPECT_THAT(ListAll({.kind = Kind::kLoop}, page), ElementsAre("x/3"));
    EXPECT_THAT(ListAll({.prefix = "z"}, page), IsEmpty());
  }
}

TEST_F(ListingTest, SaysThatThereIsNoMoreWithAPageThatJustFits) {
  CreateTimer("a", 1);
  CreateTimer("b", 2);
  Settle();
  ListAll({}, 2);
  EXPECT_EQ(pages_, 1u);
  ListAll({.phase = Phase::kPending}, 2);
  EXPECT_EQ(pages_, 1u);
}

TEST_F(ListingTest, LooksAtABoundedNumberOfHandlesForOnePage) {
  for (int i = 0; i < 5000; ++i) {
    CreateTimer(absl::StrCat("common", i), 100);
  }
  CreateLoop("rare", 200);
  Settle();
  const auto first = List({.phase = Phase::kPending, .kind = Kind::kLoop});
  Settle();
  EXPECT_THAT((**first)->rows, IsEmpty());  // gave up looking, and says where to go on
  EXPECT_TRUE((**first)->next.has_value());
  EXPECT_THAT(ListAll({.phase = Phase::kPending, .kind = Kind::kLoop}, 10), ElementsAre("rare"));
  EXPECT_EQ(pages_, 2u);
  EXPECT_THAT(ListAll({.kind = Kind::kLoop}, 10), ElementsAre("rare"));
  EXPECT_EQ(pages_, 2u);
}

TEST_F(ListingTest, GoesOnWhereAPageEndedWhateverFiredMeanwhile) {
  for (int i = 0; i < 6; ++i) {
    CreateTimer(absl::StrCat("t", i), i + 1);
  }
  Settle();
  const auto first = List({.phase = Phase::kPending}, {}, 3);
  Settle();
  ASSERT_TRUE((**first)->next.has_value());
  SettleAt(4);  // the page's own and the one after it
  const auto second = List({.phase = Phase::kPending}, *(**first)->next, 3);
  Settle();
  std::vector<std::string> ids;
  for (const Listed::Row& row : (**second)->rows) {
    ids.emplace_back(IdOf(row.handle.key));
  }
  EXPECT_THAT(ids, ElementsAre("t4", "t5"));
  EXPECT_EQ((**second)->now, At(4));
}

}  // namespace
}  // namespace timerd::reactor
