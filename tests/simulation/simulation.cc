#include "tests/simulation/simulation.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/reactor/recovery.h"
#include "tests/simulation/describe.h"
#include "tests/support/test_time.h"

namespace timerd::simulation {
namespace {

using timer::Kind;
using timer::Phase;

constexpr size_t kTraceLines = 60;
constexpr int64_t kMilli = 1'000'000;
constexpr int64_t kSecond = 1'000 * kMilli;
constexpr int64_t kHour = 3'600 * kSecond;

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
  wall_steps += other.wall_steps;
  return *this;
}

Simulation::Simulation(uint64_t seed)
    : random_(seed),
      options_([this] {
        constexpr int64_t kWindows[] = {10 * kMilli, kSecond, 30 * kSecond, 600 * kSecond,
                                        2 * kHour};
        constexpr size_t kMaxResidents[] = {1, 2, 3, 5, 8, 20, 1000};
        constexpr int64_t kRetentions[] = {0, kSecond, 60 * kSecond, kHour, 24 * kHour};
        reactor::ShardOptions options;
        options.index = static_cast<uint32_t>(Below(3));
        options.window = Span(kWindows[Below(std::size(kWindows))]);
        options.max_residents = kMaxResidents[Below(std::size(kMaxResidents))];
        options.limits.retention = Span(kRetentions[Below(std::size(kRetentions))]);
        options.limits.max_timeouts = 1 + Below(4);
        options.limits.max_delay = Span(1000 * kHour);
        return options;
      }()),
      ids_(3 + Below(40)),
      slowness_(1 + Below(6)),
      wall_offset_ns_(static_cast<int64_t>(Below(2 * kHour)) - kHour),
      kv_(random_()),
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
    while (!to_append_.empty()) {
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
  const bool backlog = shard_->HasBacklog();
  const size_t fired = shard_->Fire(limit);
  const uint64_t reached = static_cast<uint64_t>(ToNanos(clock_.now) / kMilli);
  for (size_t i = 0; i < fired; ++i) {
    const std::optional<uint64_t> tick = model_.NextTick();
    if (!tick || *tick > reached) {
      return Fail(absl::StrCat("fired ", fired, " deadlines, of which only ", i, " are due"));
    }
    const bool overdue_at_start = *tick <= static_cast<uint64_t>(ToNanos(started_at_) / kMilli);
    model_.Fire(clock_);
    ExpectEvents(/*firing=*/true, backlog && overdue_at_start);
  }
  if (fired > 0) {
    Trace(absl::StrCat("fired ", fired));
  }
  if (backlog && !shard_->HasBacklog() && !Failed()) {
    const std::optional<uint64_t> tick = model_.NextTick();
    Check(!tick || TickStart(*tick) > started_at_,
          "the backlog is said to be over, but something of it is due");
    Check(taken_back_.empty(), "an event that was told before the crash has not come again");
  }
}

void Simulation::TakeFrame(bool even_empty) {
  std::optional<store::Frame> frame;
  if (even_empty) {
    frame = shard_->TakeFrameEvenEmpty();
  } else {
    frame = shard_->TakeFrame();
  }
  if (!frame) {
    return;
  }
  Check(frame->sequence() == ++taken_, "frames are not numbered in sequence");
  Trace(absl::StrCat("frame ", taken_, " of ", frame->operations_size()));
  ++tally_.frames;
  to_append_.push_back(*std::move(frame));
  after_frame_.insert_or_assign(taken_, model_);
}

void Simulation::AppendNext() {
  if (to_append_.empty()) {
    return;
  }
  CheckOk(log_->Append(to_append_.front()), "appending");
  appended_ = to_append_.front().sequence();
  to_apply_.push_back(std::move(to_append_.front()));
  to_append_.pop_front();
}

void Simulation::TellDurable() {
  while (durable_ < appended_) {
    shard_->OnDurable(++durable_);
    Trace(absl::StrCat("durable ", durable_));
  }
}

void Simulation::ApplyNext() {
  if (to_apply_.empty() || to_apply_.front().sequence() > durable_) {
    return;
  }
  CheckOk(state_->Apply(to_apply_.front()), "applying");
  applied_ = to_apply_.front().sequence();
  to_apply_.pop_front();
  after_frame_.erase(after_frame_.begin(), after_frame_.find(applied_));
}

void Simulation::TellApplied() {
  while (told_applied_ < applied_) {
    shard_->OnApplied(++told_applied_);
    Trace(absl::StrCat("applied ", told_applied_));
  }
}

void Simulation::Release() {
  shard_->Release();
  // Nothing waits that need not: the outputs go in order, an event as soon as it is first, a reply
  // as soon as what it rests on is durable.
  const uint64_t durable_version = after_frame_.contains(durable_)
                                       ? after_frame_.at(durable_).version()
                                       : after_frame_.begin()->second.version();
  if (!expected_.empty() && expected_.front().version <= durable_version &&
      expected_.front().frame <= durable_) {
    Fail(absl::StrCat("still waits although it need not: ", expected_.front().text));
  }
}

void Simulation::Checkpoint() {
  const absl::StatusOr<uint64_t> through = state_->Checkpoint();
  CheckOk(through.status(), "a checkpoint");
  if (through.ok() && OneIn(2)) {
    CheckOk(log_->Trim(*through), "trimming");
  }
}

void Simulation::Quiesce() {
  Trace("quiesce");
  bool more = true;
  for (int turn = 0; more; ++turn) {
    if (turn == 10'000) {
      return Fail("the shard does not come to rest");
    }
    Begin();
    const absl::StatusOr<bool> loaded = shard_->LoadWindow();
    CheckOk(loaded.status(), "loading the window");
    if (Failed()) {
      return;
    }
    const uint64_t version = model_.version();
    Fire(1 + Below(1000));
    const absl::StatusOr<size_t> forgotten = shard_->Forget();
    CheckOk(forgotten.status(), "forgetting");
    TakeFrame(/*even_empty=*/false);
    more = *loaded || model_.version() != version || told_applied_ != taken_ ||
           shard_->NextWake() <= clock_.now;
    while (!to_append_.empty()) {
      AppendNext();
    }
    TellDurable();
    while (!to_apply_.empty()) {
      ApplyNext();
    }
    TellApplied();
    Release();
    if (Failed()) {
      return;
    }
  }
  const uint64_t reached = static_cast<uint64_t>(ToNanos(clock_.now) / kMilli);
  const std::optional<uint64_t> next = model_.NextTick();
  Check(!next || *next > reached, "a deadline is due and has not fired");
  Check(expected_.empty() && lists_waiting_ == 0 && shard_->waiting() == 0,
        "replies or events are missing");
  Check(!shard_->HasBacklog(), "the backlog does not end");
  CheckNextWake();
  CheckResidents();
  CheckHandles();
  CheckListing({});
  CheckListing({.phase = Phase::kPending});
  CheckListing({.phase = static_cast<Phase>(Below(5)), .kind = static_cast<Kind>(Below(3))});
  CheckListing({.phase = Phase::kPending, .prefix = "default/a"});
}

// A thread that sleeps until NextWake() is never late and does not spin.
void Simulation::CheckNextWake() {
  const Instant wake = shard_->NextWake();
  Check(wake > clock_.now, "there is nothing to do, and yet it wants to wake up at once");
  if (const std::optional<uint64_t> next = model_.NextTick()) {
    Check(wake <= TickStart(*next),
          absl::StrCat("wakes up at ", Describe(wake), ", after the next deadline"));
  }
}

void Simulation::CheckResidents() {
  const size_t within = model_.CountDueBy(TickOf(clock_.now + options_.window));
  Check(shard_->residents() <= within, absl::StrCat(shard_->residents(), " are resident, but only ",
                                                    within, " are due within the window"));
  if (shard_->residents() < within) {
    ++tally_.shrunk;
  }
}

void Simulation::CheckHandles() {
  for (uint64_t i = 0; i < ids_ && !Failed(); ++i) {
    DoGet(absl::StrCat("default/", i % 2 == 0 ? "a" : "b", i));
  }
  Release();
  Check(expected_.empty(), "a Get of what is durable waits");
}

void Simulation::CheckListing(const reactor::ListFilter& filter) {
  std::vector<std::string> listed;
  reactor::ListCursor cursor;
  const size_t page = 1 + Below(7);
  for (bool more = true; more && !Failed();) {
    bool answered = false;
    shard_->Execute(reactor::List{
        filter, cursor, page, [&](absl::StatusOr<reactor::Listed> answer) {
          answered = true;
          CheckOk(answer.status(), "listing");
          if (Failed()) {
            return;
          }
          Check(answer->rows.size() <= page && (!answer->next || !answer->rows.empty()),
                "a page is too long or needlessly short");
          for (const reactor::Listed::Row& row : answer->rows) {
            listed.push_back(row.handle.key);
          }
          more = answer->next.has_value();
          if (more) {
            cursor = *answer->next;
          }
        }});
    Release();
    Check(answered, "a List of what is applied waits");
  }
  const std::vector<std::string> expected = model_.List(filter, clock_.now);
  tally_.rows += expected.size();
  Check(listed == expected, "the listing differs from the model's");
}

// ---- Crashes -----------------------------------------------------------------------------------

void Simulation::Start() {
  absl::StatusOr<std::unique_ptr<store::KvShardLog>> log =
      store::KvShardLog::Open(kv_, options_.index, store::Durability::kSync);
  CheckOk(log.status(), "opening the log");
  absl::StatusOr<std::unique_ptr<store::KvStateStore>> state =
      store::KvStateStore::Open(kv_, options_.index);
  CheckOk(state.status(), "opening the state");
  if (Failed()) {
    return;
  }
  log_ = *std::move(log);
  state_ = *std::move(state);
  const absl::StatusOr<reactor::Recovered> found = reactor::Recover(*log_, *state_);
  CheckOk(found.status(), "recovering");
  if (Failed()) {
    return;
  }
  const uint64_t recovered = found->position.sequence();
  if (recovered > 0) {
    Check(recovered >= durable_, "a durable frame was lost");
    Check(after_frame_.contains(recovered), "recovered to a frame that was never taken");
    const clock::Reading last = found->reading();
    // Between two lives of a server the wall clock is all there is.
    clock_.now = clock::ResumeTimeline(&last, clock_.unix_ns);
    Check(clock_.now == last.now + Span(std::max<int64_t>(0, clock_.unix_ns - last.unix_ns)),
          "the timeline does not go on where the last frame and the wall clock say");
    if (Failed()) {
      return;
    }
    tally_.unacknowledged_kept += recovered - durable_;
    tally_.frames_lost += taken_ - recovered;
    model_ = Model(after_frame_.at(recovered));
  }
  model_.TakeEvents();
  taken_ = appended_ = durable_ = applied_ = told_applied_ = recovered;
  after_frame_.clear();
  after_frame_.emplace(recovered, model_);
  for (const auto& [key, told] : told_) {
    if (told.version > model_.version()) {
      taken_back_.emplace(key, told);
    }
  }
  started_at_ = clock_.now;
  reactor::EventSink& sink = *this;
  shard_ = std::make_unique<reactor::Shard>(options_, *found, clock_.now, *state_, sink);
  fresh_ = true;
  Trace(absl::StrCat("started at frame ", recovered));
}

void Simulation::Crash() {
  ++tally_.crashes;
  Trace("crash");
  shard_.reset();
  kv_.Crash(OneIn(2) ? store::CrashingKv::CrashKind::kProcess
                     : store::CrashingKv::CrashKind::kPower);
  expected_.clear();
  to_append_.clear();
  to_apply_.clear();
  lists_waiting_ = 0;
  const uint64_t known = after_frame_.at(durable_).version();
  const bool all_known = std::all_of(told_.begin(), told_.end(), [known](const auto& each) {
    return each.second.version <= known;
  });
  MoveClock(/*may_be_set=*/all_known);
  Start();
  if (!Failed()) {
    Begin();
  }
}

// ---- Commands ----------------------------------------------------------------------------------

void Simulation::ExecuteSome() {
  if (shard_->HasBacklog()) {
    return;
  }
  for (uint64_t n = 1 + Below(8); n > 0 && !Failed(); --n) {
    ++tally_.commands;
    switch (Below(20)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
        DoCreate();
        break;
      case 6:
      case 7:
        DoBound();
        break;
      case 8:
        DoWatch();
        break;
      case 9:
        DoCancel();
        break;
      case 10:
        DoStop();
        DoSteer();
        break;
      case 11:
      case 12:
      case 13:
      case 14:
        DoReport();
        break;
      case 15:
      case 16:
        DoMove();
        break;
      case 17:
      case 18:
        DoGet(AnyKnownId());
        break;
      default:
        DoList();
        break;
    }
  }
}

template <typename T>
reactor::Reply<T> Simulation::Expect(const std::string& command, const absl::StatusOr<T>& answer) {
  const std::string number = absl::StrCat("#", next_command_++, " ");
  const std::string text = number + Describe(answer);
  Trace(absl::StrCat(command, " -> ", text));
  if (!answer.ok()) {
    ++tally_.refusals;
  }
  expected_.push_back({text, model_.version(), taken_, std::nullopt});
  ExpectEvents(/*firing=*/false, /*redelivery=*/false);
  return [this, number](absl::StatusOr<T> actual) { OnOutput(number + Describe(actual)); };
}

void Simulation::ExpectEvents(bool firing, bool redelivery) {
  for (ModelEvent& event : model_.TakeEvents()) {
    event.notice.redelivery = redelivery;
    const timer::Event& what = event.notice.event;
    const EventKey key{event.incarnation, what.sequence};
    if (const auto before = told_.find(key); before != told_.end()) {
      Check(redelivery, absl::StrCat("made twice: ", Describe(event.notice)));
      Check(before->second.type == what.type && before->second.run == what.run,
            absl::StrCat("comes again as something else: ", Describe(event.notice)));
      taken_back_.erase(key);
    }
    expected_.push_back({Describe(event.notice), firing ? event.rests_on : model_.version(),
                         firing ? 0 : taken_,
                         std::make_pair(key, Told{what.type, what.run, model_.version()})});
    Trace(absl::StrCat("  ", expected_.back().text));
  }
}

void Simulation::OnEvent(std::shared_ptr<const reactor::Notice> notice) {
  ++tally_.events;
  tally_.redeliveries += notice->redelivery ? 1 : 0;
  OnOutput(Describe(*notice));
}

void Simulation::OnOutput(const std::string& text) {
  if (Failed()) {
    return;
  }
  if (expected_.empty()) {
    return Fail(absl::StrCat("comes from nowhere: ", text));
  }
  const Expected expected = std::move(expected_.front());
  expected_.pop_front();
  if (expected.text != text) {
    return Fail(absl::StrCat("gave  ", text, "\nwhere ", expected.text, " was due"));
  }
  if (expected.event) {
    told_.insert_or_assign(expected.event->first, expected.event->second);
  }
  Check(expected.version <= after_frame_.at(durable_).version(),
        absl::StrCat("told before it was durable: ", text));
}

void Simulation::DoCreate() {
  const std::string id = AnyId();
  timer::Spec spec = AnySpec();
  if (const auto before = model_.SpecOf(id); before && OneIn(2)) {
    spec = *before;  // the same request again, perhaps but for one thing
    if (OneIn(3)) {
      spec.payload += "?";
    }
  }
  auto reply = Expect(absl::StrCat("create ", id), model_.Create(id, spec, clock_));
  shard_->Execute(reactor::Create{id, spec, /*replace=*/false, std::move(reply)});
}

void Simulation::DoBound() {
  const std::string id = AnyKnownId();
  const Span timeout = AnyDelay();
  std::optional<timer::Outcome> fallback;
  if (OneIn(2)) {
    fallback = AnyOutcome();
  }
  auto reply = Expect(absl::StrCat("bound ", id), model_.Bound(id, timeout, fallback, clock_));
  shard_->Execute(reactor::Bound{id, timeout, fallback, "", std::move(reply)});
}

void Simulation::DoWatch() {
  const std::string id = AnyKnownId();
  const uint64_t after = Below(4);
  auto reply = Expect(absl::StrCat("watch ", id), model_.Watch(id, after, clock_));
  shard_->Execute(reactor::Watch{id, after, std::move(reply)});
}

void Simulation::DoCancel() {
  const std::string id = AnyKnownId();
  auto reply = Expect(absl::StrCat("cancel ", id), model_.Cancel(id, clock_));
  shard_->Execute(reactor::Cancel{id, std::move(reply)});
}

void Simulation::DoStop() {
  const std::string id = AnyKnownId();
  auto reply = Expect(absl::StrCat("stop ", id), model_.Stop(id, clock_));
  shard_->Execute(reactor::StopLoop{id, std::move(reply)});
}

void Simulation::DoSteer() {
  const std::string id = AnyKnownId();
  switch (Below(3)) {
    case 0: {
      auto reply = Expect(absl::StrCat("pause ", id), model_.Pause(id, clock_));
      return shard_->Execute(reactor::Steer{id, reactor::PauseLoop{}, std::move(reply)});
    }
    case 1: {
      auto reply = Expect(absl::StrCat("resume ", id), model_.Resume(id, clock_));
      return shard_->Execute(reactor::Steer{id, reactor::ResumeLoop{}, std::move(reply)});
    }
    default: {
      auto reply = Expect(absl::StrCat("trigger ", id), model_.Trigger(id, clock_));
      return shard_->Execute(reactor::Steer{id, reactor::TriggerLoop{}, std::move(reply)});
    }
  }
}

void Simulation::DoReport() {
  std::string id = AnyKnownId();
  for (int i = 0; i < 3 && model_.PhaseOf(id) != Phase::kRunning; ++i) {
    id = AnyId();  // most reports are of something that runs
  }
  const uint64_t last = std::max<uint64_t>(1, model_.RunOf(id));
  const uint64_t run = OneIn(5) ? 1 + Below(last + 2) : last;
  const timer::Outcome outcome = AnyOutcome();
  auto reply =
      Expect(absl::StrCat("report ", id, " run ", run), model_.Report(id, run, outcome, clock_));
  shard_->Execute(reactor::Report{id, run, outcome, std::move(reply)});
}

void Simulation::DoMove() {
  const std::string id = AnyKnownId();
  const Span delay = AnyDelay();
  const Span by = OneIn(20) ? options_.limits.max_delay + delay : OneIn(2) ? delay : -delay;
  decltype(reactor::Reschedule::move) move;
  std::optional<Instant> to;
  bool wall = false;
  // Heartbeats are not written down one by one, which the model knows nothing of.
  const std::optional<timer::Spec> spec = model_.SpecOf(id);
  switch (spec && spec->kind == Kind::kTask ? 1 + Below(2) : Below(3)) {
    case 0:
      move = timer::FromNow{delay};
      to = clock_.now + delay;
      break;
    case 1:
      move = timer::DelayBy{by};
      break;
    default: {
      const Span ahead = OneIn(3) ? -delay : delay;
      move = timer::MoveTo{clock_.unix_ns + ahead.count()};
      to = InstantFromNanos(clock_.unix_ns + ahead.count());
      wall = true;
    }
  }
  auto reply = Expect(absl::StrCat("move ", id), model_.Move(id, to, wall, by, clock_));
  shard_->Execute(reactor::Reschedule{id, move, std::move(reply)});
}

void Simulation::DoGet(const std::string& id) {
  auto reply = Expect(absl::StrCat("get ", id), model_.Get(id, clock_));
  shard_->Execute(reactor::Get{id, std::move(reply)});
}

// A first page, some time after it was asked for: as the store has it by then.
void Simulation::DoList() {
  reactor::ListFilter filter;
  if (!OneIn(3)) {
    filter.phase = static_cast<Phase>(Below(5));
  }
  if (OneIn(3)) {
    filter.kind = static_cast<Kind>(Below(3));
  }
  const size_t page = 1 + Below(30);
  const uint64_t version = model_.version();
  ++lists_waiting_;
  const reactor::ListCursor from_start;
  shard_->Execute(reactor::List{
      filter, from_start, page,
      [this, filter, page, version](absl::StatusOr<reactor::Listed> answer) {
        --lists_waiting_;
        CheckOk(answer.status(), "listing");
        if (Failed()) {
          return;
        }
        const Model stored = after_frame_.at(applied_).WithClockOf(model_);
        Check(stored.version() >= version, "a listing does not show what came before it");
        std::vector<std::string> expected = stored.List(filter, clock_.now);
        Check(answer->next.has_value() || expected.size() <= page, "a listing ends too early");
        expected.resize(std::min(page, expected.size()));
        std::vector<std::string> listed;
        for (const reactor::Listed::Row& row : answer->rows) {
          listed.push_back(row.handle.key);
        }
        tally_.rows += listed.size();
        Check(listed == expected, "a page of a listing differs from the model's");
      }});
}

// ---- Choices -----------------------------------------------------------------------------------

std::string Simulation::AnyId() {
  const uint64_t i = Below(ids_);
  return absl::StrCat("default/", i % 2 == 0 ? "a" : "b", i);
}

std::string Simulation::AnyKnownId() {
  std::string id = AnyId();
  for (int i = 0; i < 3 && !model_.PhaseOf(id); ++i) {
    id = AnyId();  // most commands are for something that is there
  }
  return id;
}

// From nothing to hours; often the same, so that deadlines meet.
Span Simulation::AnyDelay() {
  switch (Below(6)) {
    case 0:
      return Span(0);
    case 1:
      return Span(static_cast<int64_t>(Below(4 * kMilli)));
    case 2:
      return Span(static_cast<int64_t>(1 + Below(5)) * 100 * kMilli);
    case 3:
      return Span(kSecond);
    case 4:
      return Span(static_cast<int64_t>(Below(600 * kSecond)));
    default:
      return Span(static_cast<int64_t>(Below(30 * kHour)));
  }
}

Span Simulation::AnyStep() {
  switch (Below(9)) {
    case 0:
    case 1:
      return Span(0);
    case 2:
      return Span(static_cast<int64_t>(Below(2 * kMilli)));
    case 3:
      return Span(static_cast<int64_t>(Below(6)) * 100 * kMilli);
    case 4:
      return Span(static_cast<int64_t>(Below(60 * kSecond)));
    case 5:
      return Span(static_cast<int64_t>(Below(20 * kHour)) / static_cast<int64_t>(1 + Below(1000)));
    case 6:
      // To a deadline, or one nanosecond short of it.
      if (const std::optional<uint64_t> tick = model_.NextTick()) {
        return std::max(Span(0), TickStart(*tick) - clock_.now - Span(Below(2)));
      }
      return Span(0);
    default:
      // As a thread that sleeps as long as it may.
      return shard_ == nullptr || shard_->NextWake() > clock_.now + Span(40 * kHour)
                 ? Span(kSecond)
                 : std::max(Span(0), shard_->NextWake() - clock_.now);
  }
}

std::string Simulation::AnyPayload() {
  return OneIn(2) ? "" : std::string(1, static_cast<char>('p' + Below(4)));
}

timer::Outcome Simulation::AnyOutcome() { return {!OneIn(4), AnyPayload()}; }

timer::Spec Simulation::AnySpec() {
  timer::Spec spec;
  spec.kind = static_cast<Kind>(Below(3));
  spec.payload = AnyPayload();
  spec.span = AnyDelay();
  switch (spec.kind) {
    case Kind::kTimer:
      spec.reported = OneIn(2);
      if (OneIn(4)) {
        spec.at = clock_.unix_ns + (OneIn(3) ? -1 : 1) * spec.span.count();
        spec.span = Span(0);
      }
      break;
    case Kind::kLoop:
      spec.reported = OneIn(2);
      spec.start_now = OneIn(2);
      if (spec.span < kTickDuration && (spec.span > Span(0) || !spec.reported)) {
        spec.span = kTickDuration;
      }
      AddPolicy(spec);
      break;
    case Kind::kTask:
      spec.reported = true;
      if (OneIn(2)) {
        spec.fallback = AnyOutcome();
      }
      break;
  }
  return spec;
}

void Simulation::AddPolicy(timer::Spec& spec) {
  constexpr const char* kExpressions[] = {"*/7 * * * *", "0 * * * *", "30 2,14 * * *"};
  timer::LoopPolicy& loop = spec.loop;
  if (OneIn(4)) {
    loop.max_runs = 1 + Below(6);
  }
  if (OneIn(5)) {
    spec.span = Span(0);
    loop.cron = *timer::CronSchedule::Parse(kExpressions[Below(std::size(kExpressions))], "");
  } else if (spec.span == Span(0)) {
    return;
  } else if (OneIn(4)) {
    loop.pacing = timer::Pacing::kFixedDelay;
    return;
  }
  loop.missed.policy = static_cast<timer::MissedTicks::Policy>(Below(3));
  if (loop.missed.policy == timer::MissedTicks::Policy::kRunAll) {
    loop.missed.max_runs = static_cast<uint32_t>(1 + Below(5));
  }
}

// ---- Verdicts ----------------------------------------------------------------------------------

void Simulation::Fail(const std::string& what) {
  if (Failed()) {
    return;
  }
  failure_ =
      absl::StrCat(what, "\nat ", Describe(clock_.now), ", window ",
                   options_.window.count() / kMilli, "ms, max_residents ", options_.max_residents,
                   ", retention ", options_.limits.retention.count() / kMilli, "ms, after");
  for (const std::string& line : trace_) {
    absl::StrAppend(&failure_, "\n  ", line);
  }
}

void Simulation::Check(bool holds, const std::string& what) {
  if (!holds) {
    Fail(what);
  }
}

void Simulation::CheckOk(const absl::Status& status, const std::string& doing) {
  if (!status.ok()) {
    Fail(absl::StrCat(doing, ": ", status.ToString()));
  }
}

void Simulation::Trace(std::string line) {
  trace_.push_back(absl::StrCat(Describe(clock_.now), "  ", line));
  if (trace_.size() > kTraceLines) {
    trace_.pop_front();
  }
}

}  // namespace timerd::simulation
