// Counting what was there before.
#include "server/reactor/census.h"

#include <chrono>
#include <future>

#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {
namespace {

using timer::Kind;

constexpr auto kPatience = std::chrono::seconds(60);

// A state whose walks the test accompanies.
class AccompaniedState : public store::StateStore {
 public:
  explicit AccompaniedState(store::StateStore& state) : state_(state) {}

  absl::Status Walk(
      absl::string_view prefix, absl::string_view after,
      absl::FunctionRef<bool(absl::string_view id, absl::string_view spec, absl::string_view state)>
          visit) const override {
    const absl::Status status = state_.Walk(prefix, after, [&](auto id, auto spec, auto bytes) {
      const bool more = visit(id, spec, bytes);
      EXPECT_EQ(may_go_on.wait_for(kPatience), std::future_status::ready);
      return more;
    });
    walked.set_value();
    return status;
  }

  absl::Status Apply(const store::Frame& frame) override { return state_.Apply(frame); }
  absl::StatusOr<store::Position> position() const override { return state_.position(); }
  absl::StatusOr<uint64_t> Checkpoint() override { return state_.Checkpoint(); }
  absl::StatusOr<std::optional<store::Record>> Get(absl::string_view id) const override {
    return state_.Get(id);
  }
  absl::Status ScanDue(
      const std::optional<DueKey>& after, Instant last,
      absl::FunctionRef<bool(const DueKey& due, absl::string_view id)> visit) const override {
    return state_.ScanDue(after, last, visit);
  }

  std::promise<void> go_on;
  std::shared_future<void> may_go_on = go_on.get_future().share();
  mutable std::promise<void> walked;

 private:
  store::StateStore& state_;
};

class CensusTest : public ShardTest {
 protected:
  // What a census finds that begins now, while `meanwhile` happens.
  template <typename Meanwhile>
  NamespaceUsage::Reading Take(Meanwhile meanwhile) {
    AccompaniedState state(*state_);
    NamespaceUsage usage;
    {
      const Census census(state, usage);
      meanwhile();
      state.go_on.set_value();
      EXPECT_EQ(state.walked.get_future().wait_for(kPatience), std::future_status::ready);
    }
    return usage.Read();
  }
  NamespaceUsage::Reading Take() {
    return Take([] {});
  }
};

TEST_F(CensusTest, CountsTheHandlesOfEachKindThatHaveNotEnded) {
  Start();
  CreateTimer("pending", 10);
  CreateTimer("running", 1, /*reported=*/true);
  CreateTimer("fired", 1);
  CreateLoop("waiting", 10);
  CreateLoop("ticking", 10, /*start_now=*/true);
  CreateLoop("failed", 10, /*start_now=*/true);
  Report("failed", 1, /*success=*/false);
  Create("task", {.kind = Kind::kTask, .reported = true, .span = Seconds(10)});
  Create("late", {.kind = Kind::kTask, .reported = true, .span = Seconds(1)});
  CreateTimer("cancelled", 10);
  Cancel("cancelled");
  Settle();
  SettleAt(1);
  EXPECT_THAT(Take().live, ElementsAre(2, 2, 1));
  EXPECT_THAT(Take().created, ElementsAre(0, 0, 0));
}

TEST_F(CensusTest, FindsNothingInAnEmptyState) {
  Start();
  EXPECT_THAT(Take().live, ElementsAre(0, 0, 0));
}

TEST_F(CensusTest, SeesTheStateAsItWasWhenItBegan) {
  Start();
  for (const char* id : {"a", "b", "c"}) {
    CreateTimer(id, 10);
  }
  Settle();
  EXPECT_THAT(Take([this] {
                CreateTimer("d", 10);
                Cancel("c");
                Settle();
              }).live,
              ElementsAre(3, 0, 0));
  EXPECT_THAT(Take().live, ElementsAre(3, 0, 0));  // a, b, d
}

// A state with no end to its handles.
class EndlessState final : public AccompaniedState {
 public:
  using AccompaniedState::AccompaniedState;
  absl::Status Walk(
      absl::string_view, absl::string_view,
      absl::FunctionRef<bool(absl::string_view id, absl::string_view spec, absl::string_view state)>
          visit) const override {
    const absl::StatusOr<std::optional<store::Record>> record = Get("a");
    EXPECT_THAT(record, IsOk());
    while (visit("a", (*record)->spec, (*record)->state)) {
    }
    return absl::OkStatus();
  }
};

TEST_F(CensusTest, GivesUpWhenItIsNoLongerWanted) {
  Start();
  CreateTimer("a", 10);
  Settle();
  const EndlessState state(*state_);
  NamespaceUsage usage;
  { const Census census(state, usage); }
  EXPECT_GT(usage.live(), 0);
}

}  // namespace
}  // namespace timerd::reactor
