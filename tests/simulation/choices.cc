// Of Simulation: what is left to chance.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/simulation/simulation.h"
#include "tests/simulation/units.h"

namespace timerd::simulation {
namespace {

using timer::Kind;
using timer::Phase;

}  // namespace

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
  timer::LoopPolicy& loop = spec.loop.Edit();
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

}  // namespace timerd::simulation
