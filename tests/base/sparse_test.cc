#include "server/base/sparse.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace timerd {
namespace {

struct Part {
  int number = 7;
  std::string text;
  friend bool operator==(const Part&, const Part&) = default;
};

TEST(SparseTest, IsNoLargerThanAPointerAndReadsAsTheDefault) {
  static_assert(sizeof(Sparse<Part>) == sizeof(void*));
  const Sparse<Part> sparse;
  EXPECT_EQ(sparse->number, 7);
  EXPECT_EQ(*sparse, Part());
  EXPECT_EQ(sparse.bytes_behind(), 0U);
}

TEST(SparseTest, KeepsWhatIsNotTheDefault) {
  Sparse<Part> sparse = Part{.number = 8};
  EXPECT_EQ(sparse->number, 8);
  EXPECT_EQ(sparse.bytes_behind(), sizeof(Part));
  sparse.Edit().text = "edited";
  EXPECT_EQ(*sparse, (Part{8, "edited"}));
  sparse = Part();
  EXPECT_EQ(sparse.bytes_behind(), 0U);
  sparse.Edit().number = 9;
  EXPECT_EQ(sparse->number, 9);
}

TEST(SparseTest, CopiesDeepAndComparesByValue) {
  Sparse<Part> a = Part{.text = "a"};
  Sparse<Part> b = a;
  EXPECT_EQ(a, b);
  b.Edit().text = "b";
  EXPECT_EQ(a->text, "a");
  EXPECT_FALSE(a == b);
  a = b;
  EXPECT_EQ(a->text, "b");
  const Sparse<Part> moved = std::move(b);
  EXPECT_EQ(moved->text, "b");
  Sparse<Part> edited_back;
  edited_back.Edit();
  EXPECT_EQ(edited_back, Sparse<Part>());
}

}  // namespace
}  // namespace timerd
