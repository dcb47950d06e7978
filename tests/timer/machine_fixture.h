// A state machine with a clock in its hand.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "server/timer/machine.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_time.h"

namespace timerd::timer {

using ::timerd::testing::At;
using ::timerd::testing::IsRefused;
using ::timerd::testing::Seconds;

class MachineTest : public ::testing::Test {
 protected:
  // Sets the time for what follows and hands out a context for one step; its events replace those
  // of the step before.
  Context& At(double seconds) {
    now_ = ::timerd::testing::At(seconds);
    events_.clear();
    context_.emplace(Context{.now = now_,
                             .wall_ahead = wall_ahead_,
                             .limits = limits_,
                             .next_place = next_place_,
                             .events = events_,
                             .followed = followed_,
                             .serving_since = serving_since_});
    return *context_;
  }

  Handle MakeTimer(double delay, bool reported, double now = 0) {
    return Create("space/t", {.kind = Kind::kTimer, .reported = reported, .span = Seconds(delay)},
                  nullptr, At(now));
  }
  Handle MakeLoop(double interval, bool start_now, double now = 0) {
    return Create(
        "space/l",
        {.kind = Kind::kLoop, .reported = true, .span = Seconds(interval), .start_now = start_now},
        nullptr, At(now));
  }
  Handle MakeTask(double timeout, std::optional<Outcome> fallback = std::nullopt, double now = 0) {
    return Create("space/k",
                  {.kind = Kind::kTask,
                   .reported = true,
                   .span = Seconds(timeout),
                   .fallback = std::move(fallback)},
                  nullptr, At(now));
  }

  const std::vector<Event>& events() const { return events_; }
  // The one event of the last step.
  const Event& event() const {
    EXPECT_EQ(events_.size(), 1u);
    static const Event kNone;
    return events_.empty() ? kNone : events_.front();
  }
  size_t event_count() const { return events_.size(); }

  // When `handle` is due next, in seconds after the start; -1 if never.
  double NextDueOf(const Handle& handle) const {
    const std::optional<DueKey> due = NextDue(handle, wall_ahead_);
    return due ? SecondsOf(due->deadline) : -1;
  }
  static double DueOf(const Handle& handle) { return handle.due ? SecondsOf(handle.due->at) : -1; }
  static double SecondsOf(Instant instant) {
    return static_cast<double>((instant - ::timerd::testing::kStart).count()) / 1e9;
  }

  Limits limits_;
  // What the context of the next step says.
  Span wall_ahead_{};
  bool followed_ = false;
  Instant serving_since_ = ::timerd::testing::kStart;
  uint64_t next_place_ = 1;

 private:
  Instant now_;
  std::vector<Event> events_;
  std::optional<Context> context_;
};

inline const Outcome kSuccess{true, "result"};
inline const Outcome kFailure{false, "broken"};

}  // namespace timerd::timer
