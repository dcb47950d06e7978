// Namespace and id in one string.
#include "server/base/handle_key.h"

#include "gtest/gtest.h"

namespace timerd {
namespace {

TEST(HandleKeyTest, GivesBackWhatItWasMadeOf) {
  for (const std::string& id : {std::string("invoice-42"), std::string("a/b/c"), std::string("/"),
                                std::string(), std::string("\0/", 2)}) {
    const std::string key = HandleKey("billing", id);
    EXPECT_EQ(NamespaceOf(key), "billing");
    EXPECT_EQ(IdOf(key), id);
  }
}

TEST(HandleKeyTest, TellsNamespacesApartWhateverTheIdsLookLike) {
  EXPECT_NE(HandleKey("a", "b/c"), HandleKey("a.b", "c"));
  EXPECT_EQ(NamespaceOf(HandleKey("a", "b/c")), "a");
}

TEST(HandleKeyTest, SortsTheHandlesOfANamespaceByIdAndTogether) {
  EXPECT_LT(HandleKey("a", "1"), HandleKey("a", "2"));
  EXPECT_LT(HandleKey("a", "~"), HandleKey("b", "1"));
}

}  // namespace
}  // namespace timerd
