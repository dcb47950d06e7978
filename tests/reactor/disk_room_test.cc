#include "server/reactor/disk_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace timerd::reactor {
namespace {

using ::testing::HasSubstr;
using ::timerd::testing::IsOk;
using ::timerd::testing::IsRefused;

constexpr uint64_t kMiB = 1 << 20;

TEST(DiskRoomTest, IsShortBelowTheShareThatIsKept) {
  DiskRoom room({.percent = 5});
  EXPECT_FALSE(room.is_short()) << "before anybody has looked";
  EXPECT_FALSE(room.Update({.free = 50 * kMiB, .size = 1000 * kMiB}));
  EXPECT_FALSE(room.is_short());
  EXPECT_TRUE(room.Update({.free = 50 * kMiB - 1, .size = 1000 * kMiB}));
  EXPECT_TRUE(room.is_short());
  EXPECT_FALSE(room.Update({.free = 0, .size = 1000 * kMiB})) << "as it was";
  EXPECT_EQ(room.Read().least, 50 * kMiB);
}

TEST(DiskRoomTest, IsShortBelowTheBytesThatAreKept) {
  DiskRoom room({.bytes = 2000});
  EXPECT_FALSE(room.Update({.free = 2000, .size = 1000 * kMiB}));
  EXPECT_TRUE(room.Update({.free = 1999, .size = 1000 * kMiB}));
}

TEST(DiskRoomTest, IsNeverShortWhereNothingIsKept) {
  DiskRoom room({});
  EXPECT_FALSE(room.Update({.free = 0, .size = 1000}));
  EXPECT_FALSE(room.is_short());
}

TEST(DiskRoomTest, HasRoomAgainWithATenthMore) {
  DiskRoom room({.bytes = 100 * kMiB});
  ASSERT_TRUE(room.Update({.free = 0, .size = 1000 * kMiB}));
  EXPECT_FALSE(room.Update({.free = 110 * kMiB - 1, .size = 1000 * kMiB}));
  EXPECT_TRUE(room.is_short());
  EXPECT_TRUE(room.Update({.free = 110 * kMiB, .size = 1000 * kMiB}));
  EXPECT_FALSE(room.is_short());
  EXPECT_FALSE(room.Update({.free = 100 * kMiB, .size = 1000 * kMiB}));
  EXPECT_FALSE(room.is_short());
}

TEST(DiskRoomTest, AsksForNoMoreThan64MiBMore) {
  DiskRoom room({.bytes = 100'000 * kMiB});
  ASSERT_TRUE(room.Update({.free = 0, .size = 200'000 * kMiB}));
  EXPECT_FALSE(room.Update({.free = 100'064 * kMiB - 1, .size = 200'000 * kMiB}));
  EXPECT_TRUE(room.Update({.free = 100'064 * kMiB, .size = 200'000 * kMiB}));
}

TEST(DiskRoomTest, SaysWhatThereIsAndWhatItTakes) {
  DiskRoom room({.percent = 5});
  EXPECT_THAT(room.Admit(), IsOk());
  room.Update({.free = 20 * kMiB, .size = 1000 * kMiB});
  const absl::Status refused = room.Admit();
  EXPECT_THAT(refused, IsRefused(Reason::kLimitExceeded));
  EXPECT_EQ(LimitOf(refused), "min-free-disk");
  EXPECT_EQ(RetryDelayOf(refused), kRetryLater);
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("20MiB free; it takes new handles again at 55MiB (--min-free-disk=5%)"));
  room.Update({.free = 55 * kMiB, .size = 1000 * kMiB});
  EXPECT_THAT(room.Admit(), IsOk());
}

}  // namespace
}  // namespace timerd::reactor
