#include "server/store/table_parts.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace timerd::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TablePartsTest : public testing::Test {
 protected:
  // Each key and value together has ten bytes.
  void New(const std::string& key) { batch_.PutNew(key, std::string(10 - key.size(), 'v')); }
  void Old(const std::string& key) { batch_.Put(key, std::string(10 - key.size(), 'v')); }

  std::vector<TablePart> Divide(size_t least_bytes) {
    batch_.Compact();
    auto parts = DivideIntoParts(
        batch_, least_bytes,
        [this](absl::string_view first,
               absl::string_view last) -> absl::StatusOr<std::optional<std::string>> {
          if (!failure_.ok()) {
            return failure_;
          }
          const auto behind = stored_.upper_bound(std::string(last));
          if (behind == stored_.begin() || *std::prev(behind) < first) {
            return std::nullopt;
          }
          return *std::prev(behind);
        });
    failure_ = parts.status();
    return parts.ok() ? *std::move(parts) : std::vector<TablePart>();
  }

  WriteBatch batch_;
  std::set<std::string> stored_;
  absl::Status failure_;
};

TEST_F(TablePartsTest, TakesWhatLiesBehindAllThatIsStored) {
  stored_ = {"D1", "Z1"};
  Old("A1");
  New("Z2");
  New("Z3");
  EXPECT_THAT(Divide(20), ElementsAre(TablePart{0, 1, false}, TablePart{1, 3, true}));
}

TEST_F(TablePartsTest, LeavesStragglersToTheOthers) {
  stored_ = {"Z2"};
  New("Z1");
  New("Z3");
  New("Z4");
  EXPECT_THAT(Divide(20), ElementsAre(TablePart{0, 1, false}, TablePart{1, 3, true}));
}

TEST_F(TablePartsTest, LooksOnlyBetweenTheNewKeys) {
  stored_ = {"Z0", "Z9"};
  New("Z1");
  New("Z2");
  EXPECT_THAT(Divide(20), ElementsAre(TablePart{0, 2, true}));
}

TEST_F(TablePartsTest, MakesNoTableOfLittle) {
  New("Z1");
  New("Z2");
  EXPECT_THAT(Divide(21), ElementsAre(TablePart{0, 2, false}));
  stored_ = {"Z1"};
  EXPECT_THAT(Divide(20), ElementsAre(TablePart{0, 2, false}));
}

TEST_F(TablePartsTest, PartsKindsAndWhatWasThereBefore) {
  New("D1");
  New("D2");
  New("E1");
  New("E2");
  Old("E3");
  New("E4");
  New("E5");
  batch_.Delete("F1");
  EXPECT_THAT(Divide(20),
              ElementsAre(TablePart{0, 2, true}, TablePart{2, 4, true}, TablePart{4, 5, false},
                          TablePart{5, 7, true}, TablePart{7, 8, false}));
}

TEST_F(TablePartsTest, HasNoPartsOfNothingAndPassesFailuresOn) {
  EXPECT_THAT(Divide(1), IsEmpty());
  New("Z1");
  failure_ = absl::DataLossError("planned");
  EXPECT_THAT(Divide(1), IsEmpty());
  EXPECT_EQ(failure_, absl::DataLossError("planned"));
}

}  // namespace
}  // namespace timerd::store
