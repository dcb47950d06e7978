#include "server/wheel/pages.h"

#include "gtest/gtest.h"

namespace timerd::wheel {
namespace {

// Grows through small pages, the step to huge ones, and huge ones.
TEST(PagedArrayTest, KeepsItsElementsAsItGrowsAndBeginsNewOnesAsZeroes) {
  PagedArray<uint64_t> array;
  size_t checked = 0;
  for (size_t size = 1; size <= (size_t{16} << 20) / sizeof(uint64_t); size = size * 3 / 2 + 1) {
    const size_t before = array.size();
    array.Extend(size);
    ASSERT_EQ(array.size(), size);
    ASSERT_EQ(array.bytes(), size * sizeof(uint64_t));
    for (size_t i = 0; i < before; ++i, ++checked) {
      ASSERT_EQ(array[i], i + 1) << "of " << size;
    }
    for (size_t i = before; i < size; ++i) {
      ASSERT_EQ(array[i], 0u) << "of " << size;
      array[i] = i + 1;
    }
  }
  EXPECT_GT(checked, 1'000'000u);
}

TEST(PagedArrayTest, HoldsNothingAtFirst) {
  PagedArray<uint64_t> array;
  EXPECT_EQ(array.size(), 0u);
  EXPECT_EQ(array.bytes(), 0u);
}

}  // namespace
}  // namespace timerd::wheel
