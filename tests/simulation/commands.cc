// Of Simulation: what is asked of the shard, and what the model says to it.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulation/describe.h"
#include "tests/simulation/simulation.h"

namespace timerd::simulation {
namespace {

using timer::Kind;
using timer::Phase;

}  // namespace

void Simulation::ExecuteSome() {
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
  std::vector<ModelEvent> events = model_.TakeEvents();
  // A handle that is replaced ends before the new one is acknowledged.
  const auto of_the_new = std::find_if(events.begin(), events.end(), [](const ModelEvent& event) {
    return event.notice.event.reason != timer::EndReason::kReplaced;
  });
  tally_.replaced += static_cast<uint64_t>(of_the_new - events.begin());
  std::for_each(events.begin(), of_the_new,
                [this](ModelEvent& event) { ExpectEvent(event, model_.version(), disk_.taken()); });
  expected_.push_back({text, model_.version(), disk_.taken(), std::nullopt});
  std::for_each(of_the_new, events.end(),
                [this](ModelEvent& event) { ExpectEvent(event, model_.version(), disk_.taken()); });
  return [this, number](absl::StatusOr<T> actual) { OnOutput(number + Describe(actual)); };
}

void Simulation::ExpectFiring(bool redelivery) {
  for (ModelEvent& event : model_.TakeEvents()) {
    event.notice.redelivery = redelivery;
    ExpectEvent(event, event.rests_on, 0);
  }
}

void Simulation::ExpectEvent(const ModelEvent& event, uint64_t version, uint64_t frame) {
  const timer::Event& what = event.notice.event;
  const EventKey key{event.incarnation, what.sequence};
  if (const auto before = told_.find(key); before != told_.end()) {
    Check(event.notice.redelivery, absl::StrCat("made twice: ", Describe(event.notice)));
    Check(before->second.type == what.type && before->second.run == what.run,
          absl::StrCat("comes again as something else: ", Describe(event.notice)));
    taken_back_.erase(key);
    before->second.version = model_.version();  // which a crash may undo once more
  }
  expected_.push_back({Describe(event.notice), version, frame,
                       std::make_pair(key, Told{what.type, what.run, model_.version()})});
  Trace(absl::StrCat("  ", expected_.back().text));
}

void Simulation::OnEvent(std::unique_ptr<const reactor::Notice> notice) {
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
  Check(expected.version <= after_frame_.at(disk_.durable()).version(),
        absl::StrCat("told before it was durable: ", text));
}

void Simulation::DoCreate() {
  const std::string id = AnyId();
  Reach(id);
  timer::Spec spec = AnySpec();
  if (const auto before = model_.SpecOf(id); before && OneIn(2)) {
    spec = *before;  // the same request again, perhaps but for one thing
    if (OneIn(3)) {
      spec.payload += "?";
    }
  }
  const bool replace = OneIn(4);
  auto reply = Expect(absl::StrCat(replace ? "replace " : "create ", id),
                      model_.Create(id, spec, replace, clock_));
  shard_->Execute(reactor::Create{id, spec, replace, std::move(reply)});
}

void Simulation::DoBound() {
  const std::string id = AnyKnownId();
  Reach(id);
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
  Reach(id);
  const uint64_t after = Below(4);
  auto reply = Expect(absl::StrCat("watch ", id), model_.Watch(id, after, clock_));
  shard_->Execute(reactor::Watch{id, after, std::move(reply)});
}

void Simulation::DoCancel() {
  const std::string id = AnyKnownId();
  Reach(id);
  auto reply = Expect(absl::StrCat("cancel ", id), model_.Cancel(id, clock_));
  shard_->Execute(reactor::Cancel{id, std::move(reply)});
}

void Simulation::DoStop() {
  const std::string id = AnyKnownId();
  Reach(id);
  auto reply = Expect(absl::StrCat("stop ", id), model_.Stop(id, clock_));
  shard_->Execute(reactor::StopLoop{id, std::move(reply)});
}

void Simulation::DoSteer() {
  const std::string id = AnyKnownId();
  Reach(id);
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
  Reach(id);
  const uint64_t last = std::max<uint64_t>(1, model_.RunOf(id));
  const uint64_t run = OneIn(5) ? 1 + Below(last + 2) : last;
  const timer::Outcome outcome = AnyOutcome();
  auto reply =
      Expect(absl::StrCat("report ", id, " run ", run), model_.Report(id, run, outcome, clock_));
  shard_->Execute(reactor::Report{id, run, outcome, std::move(reply)});
}

void Simulation::DoMove() {
  const std::string id = AnyKnownId();
  Reach(id);
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
  Reach(id);
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
        const Model stored = after_frame_.at(disk_.applied()).WithClockOf(model_);
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

}  // namespace timerd::simulation
