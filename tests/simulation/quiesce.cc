// Of Simulation: everything brought to its end, and compared with the model.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/simulation/describe.h"
#include "tests/simulation/simulation.h"
#include "tests/simulation/units.h"

namespace timerd::simulation {
namespace {

using timer::Kind;
using timer::Phase;

}  // namespace

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
    more = *loaded || model_.version() != version || !disk_.IsIdle() ||
           shard_->NextWake() <= clock_.now;
    while (disk_.appended() < disk_.taken() && !Failed()) {
      AppendNext();
    }
    TellDurable();
    while (disk_.applied() < disk_.taken() && !Failed()) {
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

}  // namespace timerd::simulation
