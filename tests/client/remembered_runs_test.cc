#include "client/src/remembered_runs.h"

#include "gtest/gtest.h"

namespace timerd {
namespace {

v1::Settlement Success(const std::string& result) {
  v1::Settlement verdict;
  verdict.set_success(result);
  return verdict;
}

TEST(RememberedRunsTest, ForgetTheOldestBeyondTheNumber) {
  RememberedRuns runs(/*max_runs=*/2, /*max_bytes=*/1000);
  runs.Add({"a", 1, 1}, Success("first"));
  runs.Add({"a", 1, 2}, Success("second"));
  ASSERT_NE(runs.Find({"a", 1, 1}), nullptr);
  EXPECT_EQ(runs.Find({"a", 1, 1})->success(), "first");
  EXPECT_EQ(runs.Find({"a", 2, 1}), nullptr);

  runs.Add({"a", 2, 1}, Success("third"));
  EXPECT_EQ(runs.Find({"a", 1, 1}), nullptr);
  EXPECT_NE(runs.Find({"a", 1, 2}), nullptr);
  EXPECT_NE(runs.Find({"a", 2, 1}), nullptr);
}

TEST(RememberedRunsTest, ForgetTheOldestBeyondTheBytes) {
  RememberedRuns runs(/*max_runs=*/100, /*max_bytes=*/250);
  runs.Add({"a", 1, 1}, Success(std::string(100, 'x')));
  runs.Add({"b", 1, 1}, Success(std::string(100, 'x')));
  EXPECT_NE(runs.Find({"a", 1, 1}), nullptr);
  runs.Add({"c", 1, 1}, Success(std::string(100, 'x')));
  EXPECT_EQ(runs.Find({"a", 1, 1}), nullptr);
  EXPECT_NE(runs.Find({"b", 1, 1}), nullptr);
  runs.Add({"d", 1, 1}, Success(std::string(300, 'x')));
  EXPECT_EQ(runs.Find({"c", 1, 1}), nullptr);
  EXPECT_EQ(runs.Find({"d", 1, 1}), nullptr);
}

TEST(RememberedRunsTest, KeepTheLatestVerdictOnARun) {
  RememberedRuns runs(/*max_runs=*/2, /*max_bytes=*/250);
  for (int i = 0; i < 10; ++i) {
    runs.Add({"a", 1, 1}, Success(std::string(100, 'x')));
  }
  runs.Add({"b", 1, 1}, Success(std::string(100, 'x')));
  runs.Add({"a", 1, 1}, Success("small"));
  ASSERT_NE(runs.Find({"a", 1, 1}), nullptr);
  EXPECT_EQ(runs.Find({"a", 1, 1})->success(), "small");
  EXPECT_NE(runs.Find({"b", 1, 1}), nullptr);
}

}  // namespace
}  // namespace timerd
