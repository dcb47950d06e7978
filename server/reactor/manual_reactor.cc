#include "server/reactor/manual_reactor.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/log.h"
#include "server/base/status.h"

namespace timerd::reactor {
namespace {

// Firings after which what they changed is written down, to bound what a long Advance holds.
constexpr size_t kFireBatch = 1024;
// Sums of the farthest deadline and the time must stay within 64 bits of nanoseconds.
constexpr Instant kEndOfTime = InstantFromNanos(4'733'510'400'000'000'000);  // 2120-01-01

template <typename T>
T OrDie(absl::StatusOr<T> result, absl::string_view doing) {
  if (!result.ok()) {
    LogFatal(absl::StrCat(doing, ": ", result.status().ToString()));
  }
  return *std::move(result);
}

void OrDie(const absl::Status& status, absl::string_view doing) {
  if (!status.ok()) {
    LogFatal(absl::StrCat(doing, ": ", status.ToString()));
  }
}

absl::Status RefuseEndOfTime(Span by) {
  return Refuse(Reason::kInvalidField,
                absl::StrCat("Advance: by ", absl::FormatDuration(absl::FromChrono(by)),
                             " leads past 2120-01-01, where this clock ends; use a shorter time"),
                "by");
}

}  // namespace

// One shard with its clock. All but Post() on the reactor's thread.
class ManualReactor::Unit final : public CommandPort {
 public:
  Unit(ManualReactor& reactor, const ShardOptions& options, const Recovered& recovered, Instant now,
       store::ShardLog& log, store::StateStore& state, EventSink& sink)
      : reactor_(reactor),
        log_(log),
        state_(state),
        now_(now),
        shard_(options, recovered, now, state, sink) {
    Begin();
  }

  void Post(Command command) override { reactor_.Post(this, std::move(command), false); }
  void PostAlways(Command command) override { reactor_.Post(this, std::move(command), true); }

  void Execute(Command command) {
    if (auto* advance = std::get_if<Advance>(&command)) {
      Commit();  // what came before is handed out before
      absl::StatusOr<uint64_t> fired =
          std::visit([this](const auto& way) { return Go(way); }, advance->way);
      Commit();
      if (fired.ok()) {
        advance->reply(Advanced{now_, *fired});
      } else {
        advance->reply(fired.status());
      }
    } else {
      shard_.Execute(std::move(command));
    }
  }

  // Writes down what has changed, and gives out what waits for it. Some of that changes more.
  void Commit() {
    do {
      CommitOnce();
    } while (shard_.waiting() > 0);
  }

  // Writes down what a restart would otherwise have to make up for.
  void Stop() {
    shard_.WriteReservations();
    Commit();
    OrDie(state_.Checkpoint(), "writing a checkpoint");
  }

 private:
  void CommitOnce() {
    OrDie(shard_.Forget(), "reading the store");
    while (OrDie(shard_.Dispatch(kFireBatch), "reading the store") == kFireBatch) {
    }
    std::shared_ptr<const store::Frame> frame = shard_.TakeFrame();
    if (!frame && now_ != written_) {
      frame = shard_.TakeFrameEvenEmpty();
    }
    if (frame) {
      written_ = now_;
      OrDie(log_.Append(*frame), "writing to the log");
      shard_.OnDurable(frame->sequence());
      OrDie(state_.Apply(*frame), "applying a frame");
      shard_.OnApplied(frame->sequence());
      OrDie(log_.Trim(frame->sequence()), "trimming the log");
    }
    shard_.Release();
  }

  void Begin() { shard_.Begin({now_, ToNanos(now_)}); }

  // Fires what is due at now_, at most `limit` deadlines.
  uint64_t FireDue(uint64_t limit) {
    uint64_t fired = 0;
    Begin();
    while (fired < limit) {
      const bool more = OrDie(shard_.LoadWindow(), "reading the store");
      const uint64_t batch = std::min<uint64_t>(limit - fired, kFireBatch);
      const uint64_t now_fired = shard_.Fire(batch);
      fired += now_fired;
      if (now_fired == batch) {
        Commit();
      } else if (!more) {
        break;
      }
    }
    return fired;
  }

  absl::Status CheckFirings(uint64_t fired) const {
    if (fired < reactor_.options_.max_advance_firings) {
      return absl::OkStatus();
    }
    return Refuse(
        Reason::kLimitExceeded,
        absl::StrCat("Advance: ", fired,
                     " deadlines fired, as many as --max-advance-firings allows "
                     "in one call; the time stands at ",
                     absl::FormatTime(absl::RFC3339_full, absl::FromUnixNanos(ToNanos(now_)),
                                      absl::UTCTimeZone()),
                     ", advance again to go on"),
        "max-advance-firings");
  }

  absl::StatusOr<uint64_t> StepTo(Instant target) {
    uint64_t fired = 0;
    uint64_t committed = 0;
    while (true) {
      fired += FireDue(reactor_.options_.max_advance_firings - fired);
      TIMERD_RETURN_IF_ERROR(CheckFirings(fired));
      if (fired - committed >= kFireBatch) {
        committed = fired;
        Commit();
      }
      if (now_ == target) {
        return fired;
      }
      Instant next = shard_.NextLoaded();
      if (next > shard_.LoadedUntil() && target > shard_.LoadedUntil()) {
        Commit();
        next = std::min(next, OrDie(shard_.NextStored(), "reading the store"));
      }
      now_ = std::clamp(next, now_, target);
    }
  }

  absl::StatusOr<uint64_t> Go(StepBy step) {
    if (step.by > kEndOfTime - now_) {
      return RefuseEndOfTime(step.by);
    }
    return StepTo(now_ + step.by);
  }

  absl::StatusOr<uint64_t> Go(JumpBy jump) {
    if (jump.by > kEndOfTime - now_) {
      return RefuseEndOfTime(jump.by);
    }
    now_ += jump.by;
    if (jump.limit > 0) {
      return FireDue(std::min(jump.limit, reactor_.options_.max_advance_firings));
    }
    const uint64_t fired = FireDue(reactor_.options_.max_advance_firings);
    TIMERD_RETURN_IF_ERROR(CheckFirings(fired));
    return fired;
  }

  absl::StatusOr<uint64_t> Go(StepToNext) {
    const std::optional<Instant> next = OrDie(shard_.NextDeadline(), "reading the store");
    if (!next) {
      return 0;
    }
    if (*next > kEndOfTime) {
      return RefuseEndOfTime(*next - now_);
    }
    return StepTo(std::max(now_, *next));
  }

  ManualReactor& reactor_;
  store::ShardLog& log_;
  store::StateStore& state_;
  Instant now_;
  Instant written_ = now_;  // the time that the last frame has
  Shard shard_;
};

ManualReactor::ManualReactor(const ManualReactorOptions& options)
    : options_(options), thread_([this] { Loop(); }) {}

ManualReactor::~ManualReactor() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  waker_.Wake();
  thread_.join();
}

CommandPort& ManualReactor::Add(const ShardOptions& options, const Recovered& recovered,
                                Instant now, store::ShardLog& log, store::StateStore& state,
                                EventSink& sink) {
  auto unit = std::make_unique<Unit>(*this, options, recovered, now, log, state, sink);
  const MutexLock lock(mutex_);
  return *units_.emplace_back(std::move(unit));
}

void ManualReactor::Post(Unit* unit, Command command, bool always) {
  {
    const MutexLock lock(mutex_);
    if (always || inbox_.size() < options_.max_inbox) {
      inbox_.emplace_back(unit, std::move(command));
      unit = nullptr;
    }
  }
  if (unit == nullptr) {
    return waker_.Wake();
  }
  RefuseFull(command, options_.max_inbox);
}

void ManualReactor::Loop() {
  while (true) {
    std::vector<Item> items;
    bool stopping = false;
    {
      const MutexLock lock(mutex_);
      items.swap(inbox_);
      stopping = stopping_;
    }
    if (items.empty() && stopping) {
      break;
    }
    if (items.empty()) {
      waker_.Wait();
    } else {
      Turn(std::move(items));
    }
  }
  const MutexLock lock(mutex_);
  for (const std::unique_ptr<Unit>& unit : units_) {
    unit->Stop();
  }
}

void ManualReactor::Turn(std::vector<Item> items) {
  std::vector<Unit*> touched;
  for (Item& item : items) {
    item.first->Execute(std::move(item.second));
    touched.push_back(item.first);
  }
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  for (Unit* const unit : touched) {
    unit->Commit();
  }
}

}  // namespace timerd::reactor
