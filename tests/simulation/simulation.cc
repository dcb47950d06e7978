#include "tests/simulation/simulation.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/reactor/recovery.h"
#include "tests/simulation/describe.h"
#include "tests/simulation/units.h"
#include "tests/support/test_time.h"

namespace timerd::simulation {
namespace {

constexpr size_t kTraceLines = 60;

reactor::ShardOptions AnyOptions(Chances& chances) {
  constexpr int64_t kWindows[] = {10 * kMilli, kSecond, 30 * kSecond, 600 * kSecond, 2 * kHour};
  constexpr size_t kRooms[] = {1, 2, 3, 5, 8, 20, 1000};  // for so many handles
  constexpr int64_t kRetentions[] = {0, kSecond, 60 * kSecond, kHour, 24 * kHour};
  reactor::ShardOptions options;
  options.index = static_cast<uint32_t>(Below(chances, 3));
  options.window = Span(kWindows[Below(chances, std::size(kWindows))]);
  options.max_resident_bytes =
      kRooms[Below(chances, std::size(kRooms))] * reactor::ResidentBytes({.timeouts = {{}}});
  options.limits.retention = Span(kRetentions[Below(chances, std::size(kRetentions))]);
  options.limits.max_timeouts = 1 + Below(chances, 4);
  options.limits.max_delay = Span(1000 * kHour);
  return options;
}

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
  commands += other.commands;
  refusals += other.refusals;
  events += other.events;
  redeliveries += other.redeliveries;
  crashes += other.crashes;
  frames += other.frames;
  unacknowledged_kept += other.unacknowledged_kept;
  frames_lost += other.frames_lost;
  rows += other.rows;
  shrunk += other.shrunk;
  fired_for_a_command += other.fired_for_a_command;
  wall_steps += other.wall_steps;
  replaced += other.replaced;
  return *this;
}

Simulation::Simulation(uint64_t seed)
    : Experiment(seed, AnyOptions, kTraceLines),
      ids_(3 + Below(40)),
      slowness_(1 + Below(6)),
      wall_offset_ns_(static_cast<int64_t>(Below(2 * kHour)) - kHour),
      disk_(random_(), options_.index),
      model_(options_.limits) {
  const int64_t start = ToNanos(testing::kStart) + static_cast<int64_t>(Below(3) * kMilli / 2);
  clock_ = {InstantFromNanos(start), start + wall_offset_ns_};
  Start();
  // A frame, so that the timeline stands from here on.
  Begin();
  TakeFrame(/*even_empty=*/true);
  AppendNext();
  TellDurable();
}

Simulation::~Simulation() = default;

void Simulation::Run(int steps) {
  for (int i = 0; i < steps && !Failed(); ++i) {
    Step();
  }
  if (!Failed()) {
    Quiesce();
  }
}

void Simulation::Step() {
  // What was told before a crash comes again, unless the clock is set before it can: then other
  // deadlines may have become the earlier ones.
  MoveClock(/*may_be_set=*/!shard_->HasBacklog());
  Begin();
  if (!OneIn(4)) {
    LoadWindow();
  }
  if (!OneIn(4)) {
    Fire(OneIn(3) ? 1 + Below(4) : 1000);
  }
  if (OneIn(2)) {
    ExecuteSome();
  }
  if (OneIn(6)) {
    Fire(1 + Below(10));  // time-outs and the like, between commands of one turn
  }
  if (OneIn(2)) {
    TakeFrame(/*even_empty=*/OneIn(20));
  }
  // The disk goes at its own pace: none to many frames of each kind.
  if (OneIn(slowness_)) {
    for (uint64_t n = 1 + Below(4); n > 0; --n) {
      AppendNext();
    }
  }
  if (OneIn(2)) {
    TellDurable();
  }
  if (OneIn(slowness_)) {
    for (uint64_t n = 1 + Below(4); n > 0; --n) {
      ApplyNext();
    }
  }
  if (OneIn(2)) {
    TellApplied();
  }
  if (!OneIn(5)) {
    Release();
  }
  if (OneIn(40)) {
    Checkpoint();
  }
  if (OneIn(15)) {
    Quiesce();
  }
  if (OneIn(50)) {
    Crash();
  }
}

// ---- Turns -------------------------------------------------------------------------------------

void Simulation::MoveClock(bool may_be_set) {
  const Span step = AnyStep();
  clock_.now += step;
  clock_.unix_ns += step.count();
  if (may_be_set && OneIn(30)) {
    const int64_t most = OneIn(2) ? kHour : 60 * kMilli;
    const auto by = static_cast<int64_t>(Below(static_cast<uint64_t>(2 * most))) - most;
    clock_.unix_ns += by;
    ++tally_.wall_steps;
    wall_was_set_ = true;
    Trace(absl::StrCat("wall clock set, now ahead by ",
                       (clock_.unix_ns - ToNanos(clock_.now)) / kMilli, "ms"));
  }
}

void Simulation::Begin() {
  shard_->Begin(clock_);
  model_.SetClock(clock_, std::exchange(fresh_, false));
  if (std::exchange(wall_was_set_, false)) {
    // As the reactor does: a restart measures its gap from the clock as it goes now.
    TakeFrame(/*even_empty=*/true);
    while (disk_.appended() < disk_.taken() && !Failed()) {
      AppendNext();
    }
    TellDurable();
  }
}

void Simulation::LoadWindow() {
  const absl::StatusOr<bool> more = shard_->LoadWindow();
  CheckOk(more.status(), "loading the window");
}

void Simulation::Fire(size_t limit) {
  if (shard_->HasBacklog()) {
    return FireOverdue(limit);
  }
  const size_t fired = shard_->Fire(limit);
  const uint64_t reached = TickReached(clock_.now);
  for (size_t i = 0; i < fired; ++i) {
    const std::optional<uint64_t> tick = model_.NextTick();
    if (!tick || *tick > reached) {
      return Fail(absl::StrCat("fired ", fired, " deadlines, of which only ", i, " are due"));
    }
    model_.Fire(clock_);
    ExpectFiring(/*redelivery=*/false);
  }
  if (fired > 0) {
    Trace(absl::StrCat("fired ", fired));
  }
}

// What became due while the server was down. Nothing else fires meanwhile, so that all that fires
// does so in the model's order.
void Simulation::FireOverdue(size_t limit) {
  const absl::StatusOr<size_t> fired = shard_->FireOverdue(limit);
  CheckOk(fired.status(), "firing what is overdue");
  for (size_t i = 0; i < fired.value_or(0); ++i) {
    if (!model_.FireOverdue("", TickReached(started_at_), first_place_, clock_)) {
      return Fail(absl::StrCat("fired ", *fired, " deadlines, of which only ", i, " are overdue"));
    }
    ExpectFiring(/*redelivery=*/true);
  }
  Trace(absl::StrCat("fired ", fired.value_or(0), " of what was overdue"));
  if (!shard_->HasBacklog() && !Failed()) {
    if (model_.FireOverdue("", TickReached(started_at_), first_place_, clock_)) {
      ExpectFiring(/*redelivery=*/true);
      return Fail("the backlog is said to be over, but that is of it");
    }
    Check(taken_back_.empty(), "an event that was told before the crash has not come again");
  }
}

void Simulation::Reach(const std::string& id) {
  while (shard_->HasBacklog() &&
         model_.FireOverdue(id, TickReached(started_at_), first_place_, clock_)) {
    ++tally_.fired_for_a_command;
    ExpectFiring(/*redelivery=*/true);
  }
}

void Simulation::TakeFrame(bool even_empty) {
  const std::shared_ptr<const store::Frame> frame =
      even_empty ? shard_->TakeFrameEvenEmpty() : shard_->TakeFrame();
  if (!frame) {
    return;
  }
  Check(frame->sequence() == disk_.taken() + 1, "frames are not numbered in sequence");
  Trace(absl::StrCat("frame ", frame->sequence(), " of ", frame->operations_size()));
  ++tally_.frames;
  disk_.Take(*frame);
  after_frame_.insert_or_assign(disk_.taken(), model_);
}

void Simulation::AppendNext() { CheckOk(disk_.AppendNext(), "appending"); }

void Simulation::TellDurable() {
  disk_.TellDurable(*shard_);
  Trace(absl::StrCat("durable ", disk_.durable()));
}

void Simulation::ApplyNext() {
  CheckOk(disk_.ApplyNext(), "applying");
  after_frame_.erase(after_frame_.begin(), after_frame_.find(disk_.applied()));
}

void Simulation::TellApplied() { disk_.TellApplied(*shard_); }

void Simulation::Release() {
  shard_->Release();
  // Nothing waits that need not: the outputs go in order, an event as soon as it is first, a reply
  // as soon as what it rests on is durable.
  const uint64_t durable_version = after_frame_.contains(disk_.durable())
                                       ? after_frame_.at(disk_.durable()).version()
                                       : after_frame_.begin()->second.version();
  if (!expected_.empty() && expected_.front().version <= durable_version &&
      expected_.front().frame <= disk_.durable()) {
    Fail(absl::StrCat("still waits although it need not: ", expected_.front().text));
  }
}

void Simulation::Checkpoint() { CheckOk(disk_.Checkpoint(), "a checkpoint"); }

// ---- Crashes -----------------------------------------------------------------------------------

void Simulation::Start() {
  const uint64_t taken = disk_.taken();
  const uint64_t durable = disk_.durable();
  const absl::StatusOr<reactor::Recovered> found = disk_.Open();
  CheckOk(found.status(), "recovering");
  if (Failed()) {
    return;
  }
  const uint64_t recovered = found->position.sequence();
  if (recovered > 0) {
    Check(recovered >= durable, "a durable frame was lost");
    Check(after_frame_.contains(recovered), "recovered to a frame that was never taken");
    const clock::Reading last = found->reading();
    // Between two lives of a server the wall clock is all there is.
    clock_.now = clock::ResumeTimeline(&last, clock_.unix_ns);
    Check(clock_.now == last.now + Span(std::max<int64_t>(0, clock_.unix_ns - last.unix_ns)),
          "the timeline does not go on where the last frame and the wall clock say");
    if (Failed()) {
      return;
    }
    tally_.unacknowledged_kept += recovered - durable;
    tally_.frames_lost += taken - recovered;
    model_ = Model(after_frame_.at(recovered));
  }
  model_.TakeEvents();
  after_frame_.clear();
  after_frame_.emplace(recovered, model_);
  for (const auto& [key, told] : told_) {
    if (told.version > model_.version()) {
      taken_back_.emplace(key, told);
    }
  }
  started_at_ = clock_.now;
  first_place_ = model_.next_place();
  reactor::EventSink& sink = *this;
  shard_ = std::make_unique<reactor::Shard>(options_, *found, clock_.now, disk_.state(), sink);
  fresh_ = true;
  Trace(absl::StrCat("started at frame ", recovered));
}

void Simulation::Crash() {
  ++tally_.crashes;
  Trace("crash");
  shard_.reset();
  disk_.Crash(OneIn(2) ? store::CrashingKv::CrashKind::kProcess
                       : store::CrashingKv::CrashKind::kPower);
  expected_.clear();
  lists_waiting_ = 0;
  const uint64_t known = after_frame_.at(disk_.durable()).version();
  const bool all_known = std::all_of(told_.begin(), told_.end(), [known](const auto& each) {
    return each.second.version <= known;
  });
  MoveClock(/*may_be_set=*/all_known);
  Start();
  if (!Failed()) {
    Begin();
  }
}

}  // namespace timerd::simulation
