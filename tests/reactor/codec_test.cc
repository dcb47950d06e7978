// Handles as bytes and back.
#include "server/reactor/codec.h"

#include <cstdlib>
#include <iostream>
#include <random>

#include "gtest/gtest.h"
#include "server/timer/machine.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_time.h"

namespace timerd::reactor {
namespace {

using ::timerd::testing::HasStatus;
using ::timerd::testing::IsOk;

class RandomHandles {
 public:
  explicit RandomHandles(uint64_t seed) : random_(seed) {}

  timer::Handle Next() {
    timer::Handle handle;
    handle.key = Bytes();
    handle.spec = {.kind = static_cast<timer::Kind>(random_() % 3),
                   .reported = Flip(),
                   .span = Span(Number()),
                   .at = Maybe([this] { return Number(); }),
                   .start_now = Flip(),
                   .payload = Bytes(),
                   .fallback = Maybe([this] { return AnyOutcome(); }),
                   .client_lost_after = Span(Number()),
                   .idempotency_key = Text()};
    if (handle.spec.kind == timer::Kind::kLoop) {
      handle.spec.loop = AnyPolicy();
    }
    handle.generation = random_();
    handle.created = AnyInstant();
    handle.first_deadline = Maybe([this] { return AnyInstant(); });
    handle.phase = static_cast<timer::Phase>(random_() % 5);
    handle.due = Maybe([this] { return AnyDeadline(); });
    for (uint64_t n = random_() % 4; n > 0; --n) {
      handle.timeouts.push_back({.due = AnyDeadline(),
                                 .span = Span(Number()),
                                 .fallback = Maybe([this] { return AnyOutcome(); }),
                                 .own = Flip(),
                                 .key = Text()});
    }
    handle.lost = Maybe([this] { return AnyDeadline(); });
    handle.retention = Maybe([this] { return AnyDeadline(); });
    handle.run = random_();
    handle.sequence = random_();
    handle.loop.Edit().origin = AnyInstant();
    handle.loop.Edit().boundary = AnyInstant();
    handle.loop.Edit().previous_tick = AnyInstant();
    handle.loop.Edit().interval = Span(Number());
    handle.loop.Edit().paused = Flip();
    handle.loop.Edit().missed_ticks = random_();
    handle.reported_run = random_();
    handle.reported_success = Flip();
    handle.last_firing = Maybe([this] { return AnyEvent(); });
    if (handle.phase == timer::Phase::kEnded) {
      handle.end = AnyEvent();
    }
    return handle;
  }

 private:
  bool Flip() { return random_() % 2 == 0; }
  // Of every size and sign; often 0.
  int64_t Number() {
    const auto number = static_cast<int64_t>(random_() >> (random_() % 64));
    return Flip() ? number : -number;
  }
  Instant AnyInstant() { return InstantFromNanos(Number()); }
  Deadline AnyDeadline() { return {AnyInstant(), random_(), static_cast<Timeline>(random_() % 3)}; }
  timer::LoopPolicy AnyPolicy() {
    timer::LoopPolicy policy;
    if (Flip()) {
      policy.cron = *timer::CronSchedule::Parse(Flip() ? "*/5 * * * *" : "30 0 9 * * MON",
                                                Flip() ? "" : "UTC");
    }
    policy.pacing = static_cast<timer::Pacing>(random_() % 2);
    policy.missed = {.policy = static_cast<timer::MissedTicks::Policy>(random_() % 3),
                     .max_runs = static_cast<uint32_t>(random_()),
                     .window = Span(Number())};
    policy.max_runs = Maybe([this] { return random_(); });
    policy.until = Maybe([this] { return Number(); });
    policy.jitter = Span(Number());
    return policy;
  }
  std::string Bytes() {
    std::string bytes(random_() % 20, '\0');
    for (char& byte : bytes) {
      byte = static_cast<char>(random_());
    }
    return bytes;
  }
  // Keys come as strings, so in UTF-8.
  std::string Text() {
    return std::string(random_() % 20, static_cast<char>('a' + random_() % 26));
  }
  timer::Outcome AnyOutcome() { return {Flip(), Bytes()}; }
  timer::Event AnyEvent() {
    return {.type = static_cast<timer::EventType>(random_() % 7),
            .sequence = random_(),
            .time = AnyInstant(),
            .deadline = Maybe([this] { return AnyInstant(); }),
            .run = random_(),
            .count = random_(),
            .triggered = Flip(),
            .timeout = Maybe([this] { return Span(Number()); }),
            .by_timeout = Flip(),
            .reason = static_cast<timer::EndReason>(random_() % 3),
            .wall_deadline = Maybe([this] { return Number(); }),
            .payload = Bytes()};
  }
  template <typename Make>
  auto Maybe(Make make) -> std::optional<decltype(make())> {
    return Flip() ? std::optional(make()) : std::nullopt;
  }

  std::mt19937_64 random_;
};

void ExpectSame(const timer::Handle& a, const timer::Handle& b) {
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(timer::FindDifference(a, b.spec), std::nullopt);
  EXPECT_EQ(a.spec.idempotency_key, b.spec.idempotency_key);
  EXPECT_EQ(a.generation, b.generation);
  EXPECT_EQ(a.created, b.created);
  EXPECT_EQ(a.first_deadline, b.first_deadline);
  EXPECT_EQ(a.phase, b.phase);
  EXPECT_EQ(a.due, b.due);
  ASSERT_EQ(a.timeouts.size(), b.timeouts.size());
  for (size_t i = 0; i < a.timeouts.size(); ++i) {
    EXPECT_EQ(a.timeouts[i].due, b.timeouts[i].due);
    EXPECT_EQ(a.timeouts[i].span, b.timeouts[i].span);
    EXPECT_EQ(a.timeouts[i].fallback, b.timeouts[i].fallback);
    EXPECT_EQ(a.timeouts[i].own, b.timeouts[i].own);
    EXPECT_EQ(a.timeouts[i].key, b.timeouts[i].key);
  }
  EXPECT_EQ(a.lost, b.lost);
  EXPECT_EQ(a.retention, b.retention);
  EXPECT_EQ(a.run, b.run);
  EXPECT_EQ(a.sequence, b.sequence);
  EXPECT_EQ(a.loop->origin, b.loop->origin);
  EXPECT_EQ(a.loop->boundary, b.loop->boundary);
  EXPECT_EQ(a.loop->previous_tick, b.loop->previous_tick);
  EXPECT_EQ(a.loop->interval, b.loop->interval);
  EXPECT_EQ(a.loop->paused, b.loop->paused);
  EXPECT_EQ(a.loop->missed_ticks, b.loop->missed_ticks);
  EXPECT_EQ(a.reported_run, b.reported_run);
  EXPECT_EQ(a.reported_success, b.reported_success);
  EXPECT_EQ(a.last_firing, b.last_firing);
  EXPECT_EQ(a.end, b.end);
}

TEST(CodecTest, GivesBackEveryFieldOfAnyHandle) {
  const char* replay = std::getenv("TIMERD_SEED");
  const uint64_t seed =
      replay != nullptr ? std::strtoull(replay, nullptr, 10) : std::random_device()();
  std::cout << "replay with TIMERD_SEED=" << seed << std::endl;
  RandomHandles handles(seed);
  int compared = 0;
  for (; compared < 2000 && !::testing::Test::HasFailure(); ++compared) {
    const timer::Handle handle = handles.Next();
    const auto decoded = Decode(handle.key, EncodeSpec(handle), EncodeState(handle));
    ASSERT_THAT(decoded, IsOk());
    ExpectSame(handle, *decoded);
  }
  EXPECT_EQ(compared, 2000);
}

// What is written down of a heartbeat is what was reserved, so that a crash acts no earlier.
TEST(CodecTest, WritesWhatIsReservedForATimeout) {
  timer::Handle handle;
  handle.key = "a/task";
  handle.timeouts.push_back({.due = {testing::At(5), 1}, .reserved = Deadline{testing::At(6), 2}});
  const auto decoded = Decode(handle.key, EncodeSpec(handle), EncodeState(handle));
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(decoded->timeouts[0].due, (Deadline{testing::At(6), 2}));
  EXPECT_FALSE(decoded->timeouts[0].reserved.has_value());
  EXPECT_EQ(timer::AllDue(handle), timer::AllDue(*decoded));
}

TEST(CodecTest, RefusesBytesThatItDidNotWriteAndNamesTheHandle) {
  const timer::Handle handle = RandomHandles(1).Next();
  const std::string spec = EncodeSpec(handle);
  const std::string state = EncodeState(handle);
  const auto refused = HasStatus(absl::StatusCode::kDataLoss, "\"some id\"");
  EXPECT_THAT(Decode("some id", "\xff", state), refused);
  EXPECT_THAT(Decode("some id", spec, "\xff"), refused);
  EXPECT_THAT(Decode("some id", "", state), refused);
  EXPECT_THAT(Decode("some id", spec, ""), refused);
}

TEST(CodecTest, RefusesAnEndThatIsNoEndAndAnEndedHandleWithoutOne) {
  timer::Handle handle;
  handle.phase = timer::Phase::kEnded;
  EXPECT_THAT(Decode("a", EncodeSpec(handle), EncodeState(handle)),
              HasStatus(absl::StatusCode::kDataLoss, "\"a\""));
  handle.phase = timer::Phase::kPending;
  handle.end.emplace();
  EXPECT_THAT(Decode("a", EncodeSpec(handle), EncodeState(handle)),
              HasStatus(absl::StatusCode::kDataLoss, "\"a\""));
}

}  // namespace
}  // namespace timerd::reactor
