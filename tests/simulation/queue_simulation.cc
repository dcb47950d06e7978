#include "tests/simulation/queue_simulation.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/reactor/codec.h"
#include "tests/simulation/queue_describe.h"
#include "tests/simulation/queue_workers.h"
#include "tests/simulation/units.h"
#include "tests/support/test_time.h"

namespace timerd::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kTraceLines = 80;

// One queue whose occurrences fail soon, and one that has the defaults.
std::map<std::string, timer::DeliveryPolicy> Policies() {
  return {{"mail",
           {.lease = seconds(2),
            .retry = {.initial_backoff = milliseconds(100),
                      .factor = 3,
                      .max_backoff = seconds(1),
                      .max_attempts = 3}}},
          {"fax", timer::kDefaultDelivery}};
}

reactor::ShardOptions AnyOptions(Chances& chances) {
  constexpr int64_t kWindows[] = {10 * kMilli, kSecond, 30 * kSecond, 600 * kSecond};
  constexpr size_t kRooms[] = {1, 2, 5, 20, 1000};  // for so many handles
  constexpr int64_t kRetentions[] = {0, kSecond, 60 * kSecond, 24 * kHour};
  constexpr int64_t kGraces[] = {0, 100 * kMilli, 2 * kSecond};
  reactor::ShardOptions options;
  options.window = Span(kWindows[Below(chances, std::size(kWindows))]);
  options.max_resident_bytes =
      kRooms[Below(chances, std::size(kRooms))] * reactor::ResidentBytes({.timeouts = {{}}});
  options.limits.retention = Span(kRetentions[Below(chances, std::size(kRetentions))]);
  options.lease_grace = Span(kGraces[Below(chances, std::size(kGraces))]);
  options.dead_letter_retention = Span(100'000 * kHour);  // shard_queue_test.cc lets it pass
  options.lease_salt = Below(chances, 1'000'000);
  return options;
}

}  // namespace

QueueTally& QueueTally::operator+=(const QueueTally& other) {
  commands += other.commands;
  deliveries += other.deliveries;
  redeliveries += other.redeliveries;
  lapses += other.lapses;
  settled += other.settled;
  settled_over_a_crash += other.settled_over_a_crash;
  refused += other.refused;
  buried += other.buried;
  replayed += other.replayed;
  purged += other.purged;
  due_again += other.due_again;
  fired_for_a_command += other.fired_for_a_command;
  crashes += other.crashes;
  frames_lost += other.frames_lost;
  return *this;
}

QueueSimulation::QueueSimulation(uint64_t seed)
    : Experiment(seed, AnyOptions, kTraceLines),
      ids_(2 + Below(30)),
      slowness_(1 + Below(6)),
      disk_(random_(), options_.index),
      model_(options_.limits.retention, Policies()) {
  options_.queues = this;
  const int64_t start = ToNanos(testing::kStart);
  clock_ = {InstantFromNanos(start), start + static_cast<int64_t>(Below(kHour))};
  Start();
  // A frame, so that the timeline stands from here on.
  Begin();
  disk_.Take(*shard_->TakeFrameEvenEmpty());
  after_frame_.insert_or_assign(disk_.taken(), model_);
  CheckOk(disk_.AppendNext(), "appending");
  disk_.TellDurable(*shard_);
}

QueueSimulation::~QueueSimulation() = default;

void QueueSimulation::Run(int steps) {
  for (int i = 0; i < steps && !Failed(); ++i) {
    Step();
  }
  if (!Failed()) {
    Drain();
  }
}

void QueueSimulation::Step() {
  const Span step = AnyStep();
  clock_.now += step;
  clock_.unix_ns += step.count();
  Begin();
  if (!OneIn(4)) {
    Fire(OneIn(3) ? 1 + Below(4) : 1000);
  }
  if (OneIn(2)) {
    ExecuteSome();
  }
  if (!OneIn(4)) {
    Dispatch(OneIn(3) ? 1 + Below(4) : 1000);
  }
  if (OneIn(2)) {
    TakeFrame();
  }
  // The disk goes at its own pace: none to many frames of each kind.
  if (OneIn(slowness_)) {
    for (uint64_t n = 1 + Below(4); n > 0; --n) {
      CheckOk(disk_.AppendNext(), "appending");
    }
  }
  if (OneIn(2)) {
    disk_.TellDurable(*shard_);
  }
  if (OneIn(slowness_)) {
    for (uint64_t n = 1 + Below(4); n > 0; --n) {
      CheckOk(disk_.ApplyNext(), "applying");
    }
  }
  if (OneIn(2)) {
    disk_.TellApplied(*shard_);
  }
  if (!OneIn(5)) {
    Release();
  }
  if (OneIn(40)) {
    CheckOk(disk_.Checkpoint(), "a checkpoint");
  }
  if (OneIn(15)) {
    Quiesce();
  }
  if (OneIn(50) && !Failed()) {
    Crash();
  }
}

// ---- Turns -------------------------------------------------------------------------------------

void QueueSimulation::Begin() { shard_->Begin(clock_); }

void QueueSimulation::Fire(size_t limit) {
  if (shard_->HasBacklog()) {
    return FireOverdue();
  }
  for (bool more = true; more && !Failed();) {
    const absl::StatusOr<bool> loaded = shard_->LoadWindow();
    CheckOk(loaded.status(), "loading the window");
    more = loaded.ok() && *loaded;
  }
  const size_t fired = shard_->Fire(limit);
  size_t counted = 0;
  while (counted < limit) {
    const std::optional<uint64_t> tick = model_.NextTick();
    if (!tick || *tick > TickReached(clock_.now)) {
      break;
    }
    counted += model_.Fire(clock_.now) ? 1 : 0;
    ExpectLeasesOver();
  }
  Check(counted == fired, absl::StrCat("fired ", fired, " deadlines instead of ", counted));
  if (fired > 0) {
    Trace(absl::StrCat("fired ", fired));
  }
}

// All at once: how far the shard comes with a part of it cannot be seen, as a lease that lapses and
// leads to another attempt is not counted.
void QueueSimulation::FireOverdue() {
  const absl::StatusOr<size_t> fired = shard_->FireOverdue(1000);
  CheckOk(fired.status(), "firing what is overdue");
  size_t counted = 0;
  while (const auto acted =
             model_.FireOverdue("", TickReached(started_at_), first_place_, clock_.now)) {
    counted += *acted ? 1 : 0;
    ExpectLeasesOver();
  }
  Check(counted == fired.value_or(0),
        absl::StrCat("fired ", fired.value_or(0), " overdue deadlines instead of ", counted));
  Check(!shard_->HasBacklog(), "the backlog does not end");
  Trace(absl::StrCat("fired ", counted, " of what was overdue"));
}

void QueueSimulation::Reach(const std::string& key) {
  while (shard_->HasBacklog() &&
         model_.FireOverdue(key, TickReached(started_at_), first_place_, clock_.now)) {
    ++tally_.fired_for_a_command;
    ExpectLeasesOver();
  }
}

void QueueSimulation::Dispatch(size_t limit) {
  if (purge_ && !purge_->done) {
    const size_t purged =
        model_.Purge(purge_->queue, purge_->until, purge_->place, limit, clock_.now);
    tally_.purged += purged;
    purge_->purged += purged;
    Trace(absl::StrCat("purged ", purged, " of ", purge_->queue));
    ExpectLeasesOver();
    if (purged < limit) {
      purge_->done = true;
      // Of nothing there is nothing to make durable.
      expected_[purge_->stream].push_back(
          {absl::StrCat(purge_->purged), purge_->purged > 0 ? model_.version() : 0});
    }
  }
  CheckOk(shard_->Dispatch(limit).status(), "dispatching");
}

void QueueSimulation::TakeFrame() {
  const std::shared_ptr<const store::Frame> frame = shard_->TakeFrame();
  if (!frame) {
    return;
  }
  Check(frame->sequence() == disk_.taken() + 1, "frames are not numbered in sequence");
  Trace(absl::StrCat("frame ", frame->sequence(), " of ", frame->operations_size()));
  disk_.Take(*frame);
  after_frame_.insert_or_assign(disk_.taken(), model_);
}

void QueueSimulation::Release() {
  after_frame_.erase(after_frame_.begin(), after_frame_.find(disk_.applied()));
  shard_->Release();
}

// ---- Crashes -----------------------------------------------------------------------------------

void QueueSimulation::Start() {
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
    if (Failed()) {
      return;
    }
    const clock::Reading last = found->reading();
    clock_.now = clock::ResumeTimeline(&last, clock_.unix_ns);
    model_ = QueueModel(after_frame_.at(recovered));
    FindWhatWaits();
  }
  after_frame_.clear();
  after_frame_.emplace(recovered, model_);
  started_at_ = clock_.now;
  first_place_ = model_.next_place();
  for (const auto& [name, policy] : Policies()) {
    const std::string queue = HandleKey(kDefaultNamespace, name);
    queues_[queue] = std::make_shared<Queue>(*this, queue, policy);
  }
  reactor::EventSink& sink = *this;
  shard_ = std::make_unique<reactor::Shard>(options_, *found, clock_.now, disk_.state(), sink);
  Trace(absl::StrCat("started at frame ", recovered));
}

void QueueSimulation::FindWhatWaits() {
  for (const std::string& key : model_.Live()) {
    if (model_.Get(key, clock_.now)->stage != timer::Stage::kWaiting) {
      continue;
    }
    const auto record = disk_.state().Get(key);
    Check(record.ok() && *record, absl::StrCat(key, " waited, and is not there after a crash"));
    if (Failed()) {
      return;
    }
    const auto handle = reactor::Decode(key, (*record)->spec, (*record)->state);
    CheckOk(handle.status(), "decoding");
    if (handle.ok() && timer::StageOf(*handle) != timer::Stage::kWaiting) {
      ++tally_.due_again;
      Check(model_.ComesDueAgain(key), absl::StrCat(key, " waited, and does not after a crash"));
    }
  }
}

void QueueSimulation::Crash() {
  ++tally_.crashes;
  Trace("crash");
  const uint64_t taken = disk_.taken();
  shard_.reset();
  disk_.Crash(OneIn(2) ? store::CrashingKv::CrashKind::kProcess
                       : store::CrashingKv::CrashKind::kPower);
  expected_.clear();
  purge_.reset();
  to_wake_.clear();
  to_abandon_.clear();
  claimed_here_.clear();
  held_by_.clear();
  // Workers live, and will say what became of what they have.
  for (const std::shared_ptr<Worker>& worker : workers_) {
    for (Held held : worker->held) {
      held.over_a_crash = true;
      remembered_.push_back(std::move(held));
    }
  }
  workers_.clear();
  const Span step = AnyDelay();
  clock_.now += step;
  clock_.unix_ns += step.count();
  Start();
  if (!Failed()) {
    tally_.frames_lost += taken - disk_.taken();
    Begin();
  }
}

// ---- What the shard says -----------------------------------------------------------------------

std::shared_ptr<reactor::Queue> QueueSimulation::Get(absl::string_view name) {
  return queues_.at(std::string(name));
}

absl::Status QueueSimulation::RefuseNew(absl::string_view name) const {
  return absl::InternalError(absl::StrCat("queue ", name, " is not refused here"));
}

std::shared_ptr<QueueSimulation::Worker> QueueSimulation::OnClaim(const std::string& queue) {
  const auto free = std::find_if(workers_.begin(), workers_.end(), [&queue](const auto& each) {
    return each->queue() == queue && each->HasCredit();
  });
  if (free == workers_.end()) {
    return nullptr;
  }
  std::shared_ptr<Worker> worker = *free;
  std::rotate(free, std::next(free), workers_.end());  // the others come first
  worker->Claim();
  if (!model_.HasWaiting(queue)) {
    Fail(absl::StrCat("takes a worker of ", queue, ", in which nothing waits"));
    return worker;
  }
  const uint64_t number = next_lease_++;
  const reactor::Occurrence occurrence = model_.Claim(queue, number, clock_.now);
  claimed_here_.insert(number);
  Trace(absl::StrCat("lease ", number, " of ", occurrence.key, " attempt ", occurrence.attempt));
  expected_[occurrence.key].push_back({Describe(occurrence), model_.version(), number});
  return worker;
}

void QueueSimulation::OnDelivered(Worker& worker, const reactor::Occurrence& occurrence) {
  ++tally_.deliveries;
  tally_.redeliveries += occurrence.attempt > 1 ? 1 : 0;
  const std::optional<Expected> expected = OnOutput(occurrence.key, Describe(occurrence));
  if (!expected) {
    return;
  }
  Check(occurrence.lease != 0 && numbers_.emplace(occurrence.lease, expected->number).second,
        absl::StrCat("a lease of ", occurrence.key, " is numbered as another was"));
  Check(held_by_.emplace(occurrence.key, occurrence.lease).second,
        absl::StrCat(occurrence.key, " is delivered while a worker has it"));
  const Held held{occurrence.key, occurrence.lease, expected->number};
  if (worker.gone) {
    to_abandon_.push_back(held);
    remembered_.push_back(held);
  } else {
    worker.held.push_back(held);
  }
}

void QueueSimulation::OnLeaseOver(Worker& worker, const std::string& key, uint64_t lease,
                                  bool revoked) {
  const uint64_t number = numbers_.at(lease);
  OnOutput(key, absl::StrCat("lease ", number, revoked ? " revoked" : " settled"));
  held_by_.erase(key);
  std::erase_if(worker.held, [lease](const Held& each) { return each.lease == lease; });
  Queue& queue = *queues_.at(worker.queue());
  if (queue.asleep && !queue.paused && worker.HasCredit()) {
    to_wake_.insert(worker.queue());
  }
}

void QueueSimulation::ExpectLeasesOver() {
  for (const auto& [key, number, revoked] : model_.TakeOver()) {
    tally_.lapses += revoked ? 1 : 0;
    // Of a lease that was given before a crash nobody is left to be told.
    if (claimed_here_.erase(number) > 0) {
      expected_[key].push_back(
          {absl::StrCat("lease ", number, revoked ? " revoked" : " settled"), model_.version()});
    }
  }
}

std::optional<QueueSimulation::Expected> QueueSimulation::OnOutput(const std::string& stream,
                                                                   const std::string& text) {
  if (Failed()) {
    return std::nullopt;
  }
  std::deque<Expected>& expected = expected_[stream];
  if (expected.empty()) {
    Fail(absl::StrCat(stream, ": comes from nowhere: ", text));
    return std::nullopt;
  }
  const Expected next = std::move(expected.front());
  expected.pop_front();
  if (next.text != text) {
    Fail(absl::StrCat(stream, " gave  ", text, "\nwhere ", next.text, " was due"));
    return std::nullopt;
  }
  Check(next.version <= after_frame_.at(disk_.durable()).version(),
        absl::StrCat(stream, ": told before it was durable: ", text));
  return next;
}

}  // namespace timerd::simulation
