// Loops in tests: what is told of each tick, and where the next one lies.
#pragma once

#include <utility>

#include "tests/timer/machine_fixture.h"

namespace timerd::timer {

// What a loop is besides its policy.
struct LoopShape {
  double interval = 1;  // seconds; not with cron
  bool start_now = false;
  bool plain = false;
};
inline constexpr LoopShape kEachSecond;

class LoopFixture : public MachineTest {
 protected:
  Handle MakeLoopOf(LoopPolicy policy, const LoopShape& shape = kEachSecond, double now = 0) {
    return Create("space/l", SpecOf(std::move(policy), shape), nullptr, At(now));
  }
  static Spec SpecOf(LoopPolicy policy, const LoopShape& shape = kEachSecond) {
    return {.kind = Kind::kLoop,
            .reported = !shape.plain,
            .span = policy.cron == nullptr ? Seconds(shape.interval) : Span::zero(),
            .start_now = shape.start_now,
            .loop = std::move(policy)};
  }

  // Fires at `seconds` and checks what the TICK says.
  void ExpectTick(Handle& loop, double seconds, uint64_t run, uint64_t count) {
    ASSERT_NE(NextDueOf(loop), -1);
    ASSERT_LE(NextDueOf(loop), seconds);
    ASSERT_EQ(Fire(loop, At(seconds)), Fired::kEvent);
    ASSERT_GE(event_count(), 1u);
    EXPECT_EQ(events()[0].type, EventType::kTick);
    EXPECT_EQ(events()[0].run, run);
    EXPECT_EQ(events()[0].count, count);
    EXPECT_EQ(events()[0].time, ::timerd::testing::At(seconds));
  }
  // The same, and that the tick is the one for `deadline`.
  void ExpectTickFor(Handle& loop, double seconds, uint64_t run, uint64_t count, double deadline) {
    ExpectTick(loop, seconds, run, count);
    EXPECT_EQ(SecondsOf(*events()[0].deadline), deadline);
  }
  // Reports the run under way a success, and checks where the next tick lies then.
  void ReportSuccess(Handle& loop, double seconds, double next) {
    const auto reported = Report(loop, loop.run, kSuccess, At(seconds));
    TIMERD_ASSERT_OK(reported);
    EXPECT_TRUE(reported->accepted);
    EXPECT_EQ(reported->next_deadline, ::timerd::testing::At(next));
    EXPECT_EQ(DueOf(loop), next);
  }
  // The same, and that the loop is then over.
  void ReportEnds(Handle& loop, double seconds, EventType end) {
    const auto reported = Report(loop, loop.run, kSuccess, At(seconds));
    TIMERD_ASSERT_OK(reported);
    EXPECT_EQ(reported->end, end);
    EXPECT_EQ(reported->next_deadline, std::nullopt);
    EXPECT_EQ(event().type, end);
    EXPECT_EQ(loop.phase, Phase::kEnded);
  }
};

}  // namespace timerd::timer
