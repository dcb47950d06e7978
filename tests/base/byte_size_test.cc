#include "server/base/byte_size.h"

#include <gtest/gtest.h>

namespace timerd {
namespace {

TEST(ByteSizeTest, IsReadInTheUnitsThatPeopleWrite) {
  EXPECT_EQ(ParseByteSize("0"), 0u);
  EXPECT_EQ(ParseByteSize("1048577"), 1'048'577u);
  EXPECT_EQ(ParseByteSize("12B"), 12u);
  EXPECT_EQ(ParseByteSize("64MiB"), 64u << 20);
  EXPECT_EQ(ParseByteSize("64 mib"), 64u << 20);
  EXPECT_EQ(ParseByteSize("1.5GiB"), uint64_t{3} << 29);
  EXPECT_EQ(ParseByteSize("2KiB"), 2048u);
  EXPECT_EQ(ParseByteSize("2TiB"), uint64_t{2} << 40);
  EXPECT_EQ(ParseByteSize("20GB"), 20'000'000'000u);
}

TEST(ByteSizeTest, IsNotReadIntoWhatIsNone) {
  for (const char* text : {"", "B", "MiB", "-1", "-1MiB", "1..5MiB", "5%", "5 M", "5MiBs", "0x10",
                           "1e6", "nan", "inf", "8388608TiB"}) {
    EXPECT_EQ(ParseByteSize(text), std::nullopt) << text;
  }
  EXPECT_EQ(ParseByteSize("8388607TiB"), uint64_t{8'388'607} << 40);
}

TEST(ByteSizeTest, IsShownInTheLargestUnitThatFits) {
  EXPECT_EQ(FormatByteSize(0), "0B");
  EXPECT_EQ(FormatByteSize(1023), "1023B");
  EXPECT_EQ(FormatByteSize(1024), "1KiB");
  EXPECT_EQ(FormatByteSize(64 << 20), "64MiB");
  EXPECT_EQ(FormatByteSize((64 << 20) - 1), "63.9MiB");
  EXPECT_EQ(FormatByteSize(uint64_t{3} << 29), "1.5GiB");
  EXPECT_EQ(FormatByteSize(uint64_t{5000} << 40), "5000TiB");
}

}  // namespace
}  // namespace timerd
