#include "server/memory_plan.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace timerd {
namespace {

using testing::HasStatus;
using testing::IsOk;

constexpr uint64_t kMiB = 1 << 20;

TEST(MemoryPlanTest, SharesOutTheBudgetAndNoMore) {
  for (const uint64_t budget : {kLeastMemoryBudget, uint64_t{12'345'678'901}, kMostMemoryBudget}) {
    const absl::StatusOr<MemoryPlan> plan = PlanMemory(budget, 3);
    ASSERT_THAT(plan, IsOk());
    EXPECT_EQ(2 * plan->write_buffer_bytes + plan->block_cache_bytes +
                  2 * 3 * plan->gathered_bytes + plan->resident_bytes,
              budget - 112 * kMiB);
  }
}

TEST(MemoryPlanTest, GivesMostOfItToHandles) {
  const absl::StatusOr<MemoryPlan> plan = PlanMemory(400 * kMiB, 2);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->resident_bytes, 162 * kMiB);
  EXPECT_EQ(plan->block_cache_bytes, 54 * kMiB);
  EXPECT_EQ(plan->write_buffer_bytes, 12 * kMiB);
  EXPECT_EQ(plan->gathered_bytes, 12 * kMiB);
}

TEST(MemoryPlanTest, KeepsWhatIsGatheredAtASizeThatIsAppliedInTime) {
  const absl::StatusOr<MemoryPlan> plan = PlanMemory(uint64_t{64} << 30, 2);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->write_buffer_bytes, 16 * kMiB);
  EXPECT_EQ(plan->gathered_bytes, 16 * kMiB);
  EXPECT_GT(plan->resident_bytes, uint64_t{50} << 30);
}

TEST(MemoryPlanTest, PlansForShardsThatAreNotYetThere) {
  const absl::StatusOr<MemoryPlan> plan = PlanMemory(kDefaultMemoryBudget, 0);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->write_buffer_bytes, 16 * kMiB);
}

TEST(MemoryPlanTest, NamesTheLeastThatIsEnough) {
  EXPECT_THAT(PlanMemory(kLeastMemoryBudget, 1), IsOk());
  EXPECT_THAT(PlanMemory(kLeastMemoryBudget - 1, 1),
              HasStatus(absl::StatusCode::kInvalidArgument, "use 144MiB or more"));
  const absl::StatusOr<MemoryPlan> refused = PlanMemory(kLeastMemoryBudget, 64);
  EXPECT_THAT(refused, HasStatus(absl::StatusCode::kInvalidArgument,
                                 "--memory-budget=144MiB is too little for 64 shards"));
  EXPECT_THAT(refused, HasStatus(absl::StatusCode::kInvalidArgument, "use 226MiB or more"));
  EXPECT_THAT(PlanMemory(226 * kMiB, 64), IsOk());
  EXPECT_FALSE(PlanMemory(225 * kMiB, 64).ok());
}

}  // namespace
}  // namespace timerd
