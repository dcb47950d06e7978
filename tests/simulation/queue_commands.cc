// Of QueueSimulation: what is asked of the shard, by clients and by workers, and what is left to
// chance.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulation/queue_describe.h"
#include "tests/simulation/queue_workers.h"
#include "tests/simulation/units.h"

namespace timerd::simulation {
namespace {

using timer::Kind;

std::string TextOf(const std::string& key) { return absl::StrCat("\"", key, "\""); }
template <typename T>
std::string TextOf(const T& answer) {
  return Describe(answer);
}
template <typename T>
std::string TextOf(const absl::StatusOr<T>& answer) {
  return answer.ok() ? TextOf(*answer) : DescribeRefusal(answer.status());
}

}  // namespace

template <typename T>
reactor::Reply<T> QueueSimulation::Expect(const std::string& stream, const std::string& command,
                                          const absl::StatusOr<T>& answer) {
  const std::string text = TextOf(answer);
  Trace(absl::StrCat(command, " -> ", text));
  tally_.refused += answer.ok() ? 0 : 1;
  ExpectLeasesOver();
  expected_[stream].push_back({text, model_.version()});
  return [this, stream](absl::StatusOr<T> actual) { OnOutput(stream, TextOf(actual)); };
}

std::string QueueSimulation::NewStream(const std::string& what) {
  return absl::StrCat(what, " #", next_stream_++);
}

void QueueSimulation::ExecuteSome() {
  for (uint64_t n = 1 + Below(8); n > 0 && !Failed(); --n) {
    ++tally_.commands;
    switch (Below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
        DoCreate();
        break;
      case 4:
        DoCancel();
        break;
      case 5:
        DoMove();
        break;
      case 6:
        DoPurge();
        break;
      case 7:
        DoTakeLetter();
        break;
      case 8:
      case 9:
        DoWorkers();
        break;
      default:
        DoSettle();
        break;
    }
  }
  DoOwed();
}

// ---- Of clients --------------------------------------------------------------------------------

void QueueSimulation::DoCreate() {
  const std::string key = AnyKey();
  keys_.insert(key);
  Reach(key);
  timer::Spec spec;
  spec.kind = OneIn(4) ? Kind::kLoop : Kind::kTimer;
  spec.reported = true;
  spec.span = AnyDelay();
  if (spec.kind == Kind::kLoop) {
    spec.span = std::max(spec.span, Span(10 * kMilli));
    spec.start_now = OneIn(3);
  }
  spec.payload = absl::StrCat("p", next_payload_++);  // so that no request is one made before
  spec.queue = OneIn(2) ? "mail" : "fax";
  if (OneIn(3)) {
    spec.delivery.Edit().lease = Span(kMilli) + AnyDelay();
    spec.delivery.Edit().retry.max_attempts = static_cast<uint32_t>(1 + Below(4));
  }
  auto reply = Expect<reactor::Opened>(key, absl::StrCat("create ", key, " for ", spec.queue),
                                       model_.Create(key, spec, clock_.now));
  shard_->Execute(reactor::Create{key, spec, /*replace=*/true, std::move(reply)});
}

void QueueSimulation::DoCancel() {
  const std::string key = AnyKey();
  Reach(key);
  auto reply = Expect(key, absl::StrCat("cancel ", key), model_.Cancel(key, clock_.now));
  shard_->Execute(reactor::Cancel{key, std::move(reply)});
}

void QueueSimulation::DoMove() {
  const std::string key = AnyKey();
  Reach(key);
  const Span delay = AnyDelay();
  auto reply =
      Expect(key, absl::StrCat("move ", key), model_.Move(key, clock_.now + delay, clock_.now));
  shard_->Execute(reactor::Reschedule{key, timer::FromNow{delay}, std::move(reply)});
}

void QueueSimulation::DoPurge() {
  if (purge_ || !OneIn(3)) {
    return;
  }
  purge_ = {NewStream("purge"), AnyQueue(), clock_.now, model_.next_place()};
  shard_->Execute(
      reactor::PurgeQueue{purge_->queue, [this](const absl::StatusOr<uint64_t>& purged) {
                            CheckOk(purged.status(), "purging");
                            OnPurged(purged.value_or(0));
                          }});
}

// It is carried out in the next turn of Dispatch(), or here where there never was such a queue.
void QueueSimulation::OnPurged(uint64_t purged) {
  if (purge_->done) {
    OnOutput(purge_->stream, absl::StrCat(purged));
  } else {
    Check(purged == 0, absl::StrCat("purged ", purged, " before its turn"));
  }
  purge_.reset();
}

void QueueSimulation::DoTakeLetter() {
  if (letters_.empty()) {
    return;
  }
  const KnownLetter letter =
      std::next(letters_.begin(), static_cast<int64_t>(Below(letters_.size())))->second;
  const bool replay = OneIn(2);
  const std::string stream = NewStream("take");
  const std::string new_key = absl::StrCat("default/", stream);
  keys_.insert(new_key);
  // A letter is taken when the store has all that came before. So is this list, right before it.
  shard_->Execute(reactor::ListLetters{
      letter.queue, std::nullopt, 1,
      [this, letter, replay, stream, new_key](const absl::StatusOr<reactor::Letters>& listed) {
        CheckOk(listed.status(), "listing letters");
        for (const QueueModel::Letter& each : model_.LettersOf(letter.queue)) {
          if (replay && each.lease == letter.lease) {
            Reach(std::string(each.key));  // who has the id may be overdue
            break;
          }
        }
        const absl::StatusOr<std::string> taken =
            model_.TakeLetter(letter.queue, letter.lease, replay, new_key, clock_.now);
        tally_.replayed += taken.ok() && replay ? 1 : 0;
        Trace(absl::StrCat(stream, " letter ", letter.lease, " -> ", TextOf(taken)));
        // A refusal rests on nothing.
        expected_[stream].push_back({TextOf(taken), taken.ok() ? model_.version() : 0});
      }});
  shard_->Execute(reactor::TakeLetter{
      letter.queue, letter.key, replay, new_key,
      [this, stream](const absl::StatusOr<std::string>& key) { OnOutput(stream, TextOf(key)); }});
}

// ---- Of workers --------------------------------------------------------------------------------

void QueueSimulation::DoSettle() {
  std::vector<Held> all = remembered_;
  for (const std::shared_ptr<Worker>& worker : workers_) {
    all.insert(all.end(), worker->held.begin(), worker->held.end());
  }
  if (all.empty() || OneIn(20)) {
    return DoSettle({.key = AnyKey(), .lease = 1 + Below(1000)}, AnyVerdict());
  }
  // Mostly what has just come, sometimes what is long over.
  const uint64_t back = OneIn(3) ? Below(all.size()) : Below(std::min<uint64_t>(all.size(), 4));
  DoSettle(all[all.size() - 1 - back], AnyVerdict());
}

void QueueSimulation::DoSettle(const Held& held, const timer::Verdict& verdict) {
  Reach(held.key);
  const size_t buried =
      model_.LettersOf("default/mail").size() + model_.LettersOf("default/fax").size();
  const absl::StatusOr<reactor::Settled> answer =
      model_.Settle(held.key, held.number, verdict, clock_.now);
  tally_.settled += answer.ok() ? 1 : 0;
  tally_.settled_over_a_crash += answer.ok() && held.over_a_crash ? 1 : 0;
  tally_.buried +=
      model_.LettersOf("default/mail").size() + model_.LettersOf("default/fax").size() - buried;
  constexpr const char* kVerdicts[] = {"success", "failure", "extend", "release"};
  auto reply = Expect(
      held.key,
      absl::StrCat("settle ", held.key, " lease ", held.number, " ", kVerdicts[verdict.index()]),
      answer);
  shard_->Execute(reactor::Settle{held.key, held.lease, verdict, std::move(reply)});
  remembered_.push_back(held);
  if (remembered_.size() > 40) {
    remembered_.erase(remembered_.begin());
  }
}

void QueueSimulation::DoWorkers() {
  const std::string name = AnyQueue();
  Queue& queue = *queues_.at(name);
  switch (Below(6)) {
    case 0:
      if (!workers_.empty()) {
        // Its stream is gone: what it had is delivered again, unless it comes back with it in time.
        const auto gone = workers_.begin() + static_cast<int64_t>(Below(workers_.size()));
        (*gone)->gone = true;
        for (const Held& held : std::exchange((*gone)->held, {})) {
          to_abandon_.push_back(held);
          remembered_.push_back(held);
        }
        workers_.erase(gone);
      }
      break;
    case 1:
      queue.paused = OneIn(3);
      if (!queue.paused && queue.asleep) {
        to_wake_.insert(name);
      }
      break;
    default:
      AddWorker(name);
  }
}

void QueueSimulation::AddWorker(const std::string& queue) {
  if (workers_.size() < 5) {
    workers_.push_back(std::make_shared<Worker>(*this, queue, static_cast<uint32_t>(1 + Below(5))));
    if (queues_.at(queue)->asleep) {
      to_wake_.insert(queue);
    }
  }
}

void QueueSimulation::DoOwed() {
  for (const std::string& queue : std::exchange(to_wake_, {})) {
    queues_.at(queue)->asleep = false;
    shard_->Execute(reactor::Dispatch{queue});
  }
  for (const Held& held : std::exchange(to_abandon_, {})) {
    Reach(held.key);
    model_.Abandon(held.key, held.number, clock_.now + options_.lease_grace);
    shard_->Execute(reactor::Abandon{held.key, held.lease});
    Trace(absl::StrCat("abandon ", held.key, " lease ", held.number));
  }
}

// ---- Choices -----------------------------------------------------------------------------------

// Often the same, so that deadlines meet.
Span QueueSimulation::AnyDelay() {
  switch (Below(6)) {
    case 0:
      return Span(0);
    case 1:
      return Span(static_cast<int64_t>(Below(4 * kMilli)));
    case 2:
    case 3:
      return Span(static_cast<int64_t>(1 + Below(5)) * 100 * kMilli);
    case 4:
      return Span(static_cast<int64_t>(Below(60 * kSecond)));
    default:
      return Span(kSecond);
  }
}

Span QueueSimulation::AnyStep() {
  switch (Below(7)) {
    case 0:
    case 1:
    case 2:
      return Span(0);
    case 3:
      return Span(static_cast<int64_t>(Below(3 * kMilli)));
    case 4:
      return Span(static_cast<int64_t>(Below(6)) * 100 * kMilli);
    case 5:
      return OneIn(5) ? Span(static_cast<int64_t>(Below(400 * kSecond))) : Span(kSecond);
    default:
      // To a deadline, or one nanosecond short of it.
      if (const std::optional<uint64_t> tick = model_.NextTick()) {
        return std::max(Span(0), TickStart(*tick) - clock_.now - Span(Below(2)));
      }
      return Span(0);
  }
}

std::string QueueSimulation::AnyKey() { return absl::StrCat("default/t", Below(ids_)); }

std::string QueueSimulation::AnyQueue() { return OneIn(2) ? "default/mail" : "default/fax"; }

timer::Verdict QueueSimulation::AnyVerdict() {
  switch (Below(8)) {
    case 0:
    case 1:
    case 2:
      return timer::Success{OneIn(2) ? "result" : ""};
    case 3:
    case 4: {
      timer::Failure failure{.payload = "failure", .final = OneIn(4)};
      if (OneIn(2)) {
        failure.retry_after = AnyDelay();
      }
      return failure;
    }
    case 5:
      return timer::Release{};
    default:
      return timer::Extend{Span(kMilli) + AnyDelay()};
  }
}

}  // namespace timerd::simulation
