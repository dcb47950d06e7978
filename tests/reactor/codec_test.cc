// Handles as bytes and back.
#include "server/reactor/codec.h"

#include <cstdlib>
#include <iostream>
#include <random>

#include "gtest/gtest.h"
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
    handle.id = Bytes();
    handle.spec = {.kind = static_cast<timer::Kind>(random_() % 3),
                   .reported = Flip(),
                   .span = Span(Number()),
                   .at = Maybe([this] { return Number(); }),
                   .start_now = Flip(),
                   .payload = Bytes(),
                   .fallback = Maybe([this] { return AnyOutcome(); })};
    handle.created = AnyInstant();
    handle.first_deadline = Maybe([this] { return AnyInstant(); });
    handle.phase = static_cast<timer::Phase>(random_() % 4);
    handle.due = Maybe([this] { return AnyDeadline(); });
    for (uint64_t n = random_() % 4; n > 0; --n) {
      handle.timeouts.push_back(
          {AnyDeadline(), Span(Number()), Maybe([this] { return AnyOutcome(); }), Flip()});
    }
    handle.retention = Maybe([this] { return AnyDeadline(); });
    handle.run = random_();
    handle.sequence = random_();
    handle.origin = AnyInstant();
    handle.previous_tick = AnyInstant();
    handle.interval = Span(Number());
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
  Deadline AnyDeadline() { return {AnyInstant(), random_()}; }
  std::string Bytes() {
    std::string bytes(random_() % 20, '\0');
    for (char& byte : bytes) {
      byte = static_cast<char>(random_());
    }
    return bytes;
  }
  timer::Outcome AnyOutcome() { return {Flip(), Bytes()}; }
  timer::Event AnyEvent() {
    return {.type = static_cast<timer::EventType>(random_() % 7),
            .sequence = random_(),
            .time = AnyInstant(),
            .deadline = Maybe([this] { return AnyInstant(); }),
            .run = random_(),
            .count = random_(),
            .timeout = Maybe([this] { return Span(Number()); }),
            .by_timeout = Flip(),
            .payload = Bytes()};
  }
  template <typename Make>
  auto Maybe(Make make) -> std::optional<decltype(make())> {
    return Flip() ? std::optional(make()) : std::nullopt;
  }

  std::mt19937_64 random_;
};

void ExpectSame(const timer::Handle& a, const timer::Handle& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.spec, b.spec);
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
  }
  EXPECT_EQ(a.retention, b.retention);
  EXPECT_EQ(a.run, b.run);
  EXPECT_EQ(a.sequence, b.sequence);
  EXPECT_EQ(a.origin, b.origin);
  EXPECT_EQ(a.previous_tick, b.previous_tick);
  EXPECT_EQ(a.interval, b.interval);
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
    const auto decoded = Decode(handle.id, EncodeSpec(handle), EncodeState(handle));
    ASSERT_THAT(decoded, IsOk());
    ExpectSame(handle, *decoded);
  }
  EXPECT_EQ(compared, 2000);
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
