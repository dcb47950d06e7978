#include "server/limit_watch.h"

#include <gtest/gtest.h>

namespace timerd {
namespace {

class LoadingPaceTest : public ::testing::Test {
 protected:
  bool Look(uint64_t late_pages) { return pace_.Look({.late_pages = late_pages}); }

  LoadingPace pace_;
};

TEST_F(LoadingPaceTest, IsLateWhenPagesAreAndSaysSoOnce) {
  EXPECT_FALSE(Look(0));
  EXPECT_FALSE(Look(0));
  EXPECT_FALSE(pace_.is_late());
  EXPECT_TRUE(Look(3));
  EXPECT_TRUE(pace_.is_late());
  EXPECT_FALSE(Look(3));
  EXPECT_FALSE(Look(4));
  EXPECT_TRUE(pace_.is_late());
}

TEST_F(LoadingPaceTest, IsGoodAgainAfterAMinuteWithoutALatePage) {
  Look(0);
  Look(1);
  for (int i = 0; i < LoadingPace::kLooksUntilGood - 1; ++i) {
    EXPECT_FALSE(Look(1));
  }
  EXPECT_FALSE(Look(2)) << "late again: the minute begins anew";
  for (int i = 0; i < LoadingPace::kLooksUntilGood - 1; ++i) {
    EXPECT_FALSE(Look(2));
    EXPECT_TRUE(pace_.is_late());
  }
  EXPECT_TRUE(Look(2));
  EXPECT_FALSE(pace_.is_late());
  EXPECT_TRUE(Look(3));
}

// What became due between two readings of the clock at the start is loaded late, and not a sign of
// anything.
TEST_F(LoadingPaceTest, DoesNotCountTheStart) {
  EXPECT_FALSE(Look(7));
  EXPECT_FALSE(pace_.is_late());
  EXPECT_TRUE(Look(8));
}

}  // namespace
}  // namespace timerd
