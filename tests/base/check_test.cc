#include "server/base/check.h"

#include "gtest/gtest.h"

namespace timerd {
namespace {

TEST(CheckDeathTest, EndsTheProcessAndNamesTheConditionThatDoesNotHold) {
  const int two = 2;
  TIMERD_CHECK(two == 2);
  EXPECT_DEATH(TIMERD_CHECK(two == 3), "two == 3");
}

}  // namespace
}  // namespace timerd
