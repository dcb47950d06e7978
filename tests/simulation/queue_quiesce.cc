// Of QueueSimulation: everything brought to its end, and compared with the model.
#include "absl/strings/str_cat.h"
#include "tests/simulation/queue_describe.h"
#include "tests/simulation/queue_workers.h"

namespace timerd::simulation {

void QueueSimulation::Quiesce() {
  Trace("quiesce");
  bool more = true;
  for (int turn = 0; more && !Failed(); ++turn) {
    if (turn == 10'000) {
      return Fail("the shard does not come to rest");
    }
    Begin();
    const uint64_t version = model_.version();
    Fire(1 + Below(1000));
    DoOwed();
    Dispatch(1000);
    CheckOk(shard_->Forget().status(), "forgetting");
    TakeFrame();
    while (disk_.durable() < disk_.taken() && !Failed()) {
      CheckOk(disk_.AppendNext(), "appending");
      disk_.TellDurable(*shard_);
    }
    while (disk_.applied() < disk_.taken() && !Failed()) {
      CheckOk(disk_.ApplyNext(), "applying");
    }
    disk_.TellApplied(*shard_);
    Release();
    more = model_.version() != version || !disk_.IsIdle() || shard_->waiting() > 0 ||
           shard_->HasBacklog() || !to_wake_.empty() || !to_abandon_.empty() ||
           shard_->NextWake() <= clock_.now;
  }
  if (Failed()) {
    return;
  }
  for (const auto& [stream, expected] : expected_) {
    Check(expected.empty(),
          absl::StrCat(stream, ": is missing: ", expected.empty() ? "" : expected.front().text));
  }
  const std::optional<uint64_t> next = model_.NextTick();
  Check(!next || *next > TickReached(clock_.now), "a deadline is due and has not fired");
  Check(!next || shard_->NextWake() <= TickStart(*next), "wakes up after the next deadline");
  CheckHandles();
  for (const auto& [name, queue] : queues_) {
    CheckQueue(name);
  }
}

void QueueSimulation::CheckHandles() {
  for (const std::string& key : keys_) {
    std::string found;
    shard_->Execute(reactor::Get{key, [&found](const absl::StatusOr<reactor::Got>& got) {
                                   found = got.ok() ? DescribeQueued(got->handle)
                                                    : DescribeRefusal(got.status());
                                 }});
    Release();
    const absl::StatusOr<QueueModel::Sight> expected = model_.Get(key, clock_.now);
    const std::string text =
        expected.ok() ? DescribeQueued(*expected) : DescribeRefusal(expected.status());
    Check(found == text, absl::StrCat(key, " is    ", found, "\nwhere ", text, " was due"));
  }
}

void QueueSimulation::CheckQueue(const std::string& name) {
  const Queue& queue = *queues_.at(name);
  Check(queue.counts == model_.CountsOf(name),
        absl::StrCat("what is in ", name, " is counted as ", queue.counts.scheduled, " ",
                     queue.counts.waiting, " ", queue.counts.leased, " ", queue.counts.dead));
  bool has_credit = false;
  for (const std::shared_ptr<Worker>& worker : workers_) {
    has_credit |= worker->queue() == name && worker->HasCredit();
  }
  Check(queue.paused || !has_credit || !model_.HasWaiting(name),
        absl::StrCat("a worker of ", name, " has credit, and something waits"));

  std::vector<reactor::Letter> letters;
  std::optional<DueKey> after;
  for (bool more = true; more && !Failed();) {
    shard_->Execute(reactor::ListLetters{name, after, static_cast<size_t>(1 + Below(5)),
                                         [&](absl::StatusOr<reactor::Letters> page) {
                                           CheckOk(page.status(), "listing letters");
                                           more = page.ok() && page->more;
                                           for (reactor::Letter& letter : page->letters) {
                                             letters.push_back(std::move(letter));
                                           }
                                         }});
    Release();
    if (!letters.empty()) {
      after = letters.back().key;
    }
  }
  const std::vector<QueueModel::Letter>& expected = model_.LettersOf(name);
  Check(letters.size() == expected.size(),
        absl::StrCat(name, " has ", letters.size(), " letters, not ", expected.size()));
  for (size_t i = 0; i < letters.size() && !Failed(); ++i) {
    Check(DescribeQueued(letters[i]) == DescribeQueued(expected[i]),
          absl::StrCat("letter ", DescribeQueued(letters[i]), "\nwhere  ",
                       DescribeQueued(expected[i]), " was due"));
    letters_.insert_or_assign(expected[i].lease,
                              KnownLetter{name, letters[i].key, expected[i].lease});
  }
}

// No occurrence is lost: who asks for work long enough gets all of it.
void QueueSimulation::Drain() {
  Trace("drain");
  Quiesce();
  for (const auto& [name, queue] : queues_) {
    queue->paused = false;
    to_wake_.insert(name);
    workers_.push_back(std::make_shared<Worker>(*this, name, 1000));
  }
  for (int turn = 0; !model_.Live().empty() && !Failed(); ++turn) {
    if (turn == 1000) {
      return Fail(absl::StrCat(model_.Live().front(), " does not come to its end"));
    }
    Quiesce();
    std::vector<Held> all;
    for (const std::shared_ptr<Worker>& worker : workers_) {
      all.insert(all.end(), worker->held.begin(), worker->held.end());
    }
    for (const Held& held : all) {
      DoSettle(held, timer::Failure{.payload = "the end", .final = true});
    }
    Quiesce();
    if (const std::optional<uint64_t> next = model_.NextTick()) {
      const Span step = std::max(Span(0), TickStart(*next) - clock_.now);
      clock_.now += step;
      clock_.unix_ns += step.count();
    }
  }
}

}  // namespace timerd::simulation
