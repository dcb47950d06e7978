#include "tests/simulation/model.h"

#include <algorithm>
#include <set>

#include "server/base/check.h"
#include "server/base/status.h"

namespace timerd::simulation {
namespace {

using timer::Event;
using timer::EventType;
using timer::Kind;
using timer::Phase;

// The first whole millisecond not before `at`.
uint64_t TickFor(Instant at) {
  const int64_t ns = std::max<int64_t>(0, ToNanos(at));
  return static_cast<uint64_t>(ns / 1'000'000 + (ns % 1'000'000 != 0 ? 1 : 0));
}

absl::Status Refused(Reason reason, absl::string_view detail = "") {
  return Refuse(reason, "", detail);
}

absl::Status EndedAlready(const Event& end) {
  return end.type == EventType::kCancelled
             ? Refused(Reason::kAlreadyCancelled)
             : Refused(Reason::kAlreadyCalled, timer::EventTypeName(end.type));
}

// The one field of this simulation's requests that differs first, in the order of the API.
std::optional<std::string> Difference(const timer::Spec& a, const timer::Spec& b) {
  if (a.kind != b.kind) return "kind";
  if (a.at != b.at) return "at";
  if (a.span != b.span) {
    return a.kind == Kind::kTimer ? "delay" : a.kind == Kind::kLoop ? "interval" : "timeout";
  }
  if (a.reported != b.reported) return a.kind == Kind::kLoop ? "plain" : "reported";
  if (a.start_now != b.start_now) return "start_now";
  if (a.payload != b.payload) return "payload";
  if (a.fallback != b.fallback) return "fallback";
  const auto text = [](const timer::Spec& spec) {
    return spec.loop->cron == nullptr ? std::string() : spec.loop->cron->expression();
  };
  if (text(a) != text(b)) return "cron";
  if (a.loop->pacing != b.loop->pacing) return "pacing";
  if (!(a.loop->missed == b.loop->missed)) return "missed_ticks";
  if (a.loop->max_runs != b.loop->max_runs) return "max_runs";
  return std::nullopt;
}

}  // namespace

// ---- Commands ----------------------------------------------------------------------------------

absl::StatusOr<reactor::Opened> Model::Create(const std::string& id, const timer::Spec& spec,
                                              bool replace, const clock::Reading& now) {
  uint64_t sequence = 0;  // goes on where that of a handle that is replaced ended
  if (const auto found = entries_.find(id);
      found != entries_.end() && !IsForgotten(found->second, now.now)) {
    Entry& entry = found->second;
    const auto field = Difference(entry.spec, spec);
    if (!replace && field) {
      return Refused(Reason::kIdInUse, *field);
    }
    if (!replace || (!field && !entry.end)) {
      reactor::Opened opened = Open(id, entry, 0, entry.created);
      opened.deadline = entry.first_deadline;
      return opened;
    }
    if (!entry.end) {
      Event event = MakeEvent(entry, EventType::kCancelled, now.now);
      event.reason = timer::EndReason::kReplaced;
      End(id, entry, event, now.now);
    }
    sequence = entry.sequence;
  }
  Entry& entry = entries_[id];
  entry = Entry();
  entry.incarnation = next_incarnation_++;
  entry.sequence = sequence;
  entry.spec = spec;
  entry.created = now.now;
  ++version_;
  if (spec.kind == Kind::kTask) {
    entry.phase = Phase::kRunning;
    entry.run = 1;
    entry.first_deadline = now.now + spec.span;
    Arm({id, Role::kTimeout, *entry.first_deadline, false, spec.span, spec.fallback, true});
  } else if (spec.kind == Kind::kLoop) {
    StartLoop(id, entry, now.now);
  } else {
    const Armed armed{.id = id,
                      .at = spec.at ? InstantFromNanos(*spec.at) : now.now + spec.span,
                      .wall = spec.at.has_value()};
    entry.first_deadline = ServiceTime(armed);
    Arm(armed);
  }
  entry.changed = version_;
  return reactor::Opened{.key = id, .now = now.now, .deadline = entry.first_deadline};
}

void Model::SetClock(const clock::Reading& now, bool fresh) {
  const int64_t ahead_ns = now.unix_ns - ToNanos(now.now);
  int64_t ahead_ms = ahead_ns / 1'000'000;
  if (ahead_ms * 1'000'000 > ahead_ns) {
    --ahead_ms;
  }
  const Span ahead(ahead_ms * 1'000'000);
  if (!fresh && ahead >= ahead_ && ahead <= ahead_ + std::chrono::milliseconds(20)) {
    return;
  }
  FollowClock(ahead);
}

Model Model::WithClockOf(const Model& other) const {
  Model model = *this;
  model.FollowClock(other.ahead_);
  return model;
}

void Model::FollowClock(Span ahead) {
  ahead_ = ahead;
  std::map<Key, Armed> order;
  for (auto& [key, armed] : order_) {
    order.emplace(Key{TickFor(ServiceTime(armed)), key.second}, armed);
  }
  order_ = std::move(order);
}

absl::StatusOr<reactor::Opened> Model::Bound(const std::string& id, Span timeout,
                                             const std::optional<timer::Outcome>& fallback,
                                             const clock::Reading& now) {
  TIMERD_ASSIGN_OR_RETURN(Entry* const entry, Find(id, now.now));
  if (entry->end) {
    return Open(id, *entry, entry->end->sequence - 1, now.now);
  }
  const auto armed = std::count_if(order_.begin(), order_.end(), [&id](const auto& each) {
    return each.second.id == id && each.second.role == Role::kTimeout;
  });
  if (static_cast<size_t>(armed) >= limits_.max_timeouts) {
    return Refused(Reason::kLimitExceeded, "max-timeouts");
  }
  ++version_;
  entry->changed = version_;
  Arm({id, Role::kTimeout, now.now + timeout, false, timeout, fallback, false});
  reactor::Opened opened = Open(id, *entry, entry->sequence, now.now);
  opened.deadline = now.now + timeout;
  return opened;
}

absl::StatusOr<reactor::Opened> Model::Watch(const std::string& id, uint64_t after,
                                             const clock::Reading& now) const {
  TIMERD_ASSIGN_OR_RETURN(const Entry* const entry, Find(id, now.now));
  return Open(id, *entry, after, now.now);
}

absl::StatusOr<reactor::Cancelled> Model::Cancel(const std::string& id, const clock::Reading& now) {
  TIMERD_ASSIGN_OR_RETURN(Entry* const entry, Find(id, now.now));
  if (entry->end) {
    return EndedAlready(*entry->end);
  }
  End(id, *entry, MakeEvent(*entry, EventType::kCancelled, now.now), now.now);
  return reactor::Cancelled{now.now};
}

absl::StatusOr<reactor::Stopped> Model::Stop(const std::string& id, const clock::Reading& now) {
  TIMERD_ASSIGN_OR_RETURN(Entry* const entry, Find(id, now.now));
  if (entry->spec.kind != Kind::kLoop) {
    return Refused(Reason::kWrongKind);
  }
  if (entry->phase == Phase::kStopping || entry->end) {
    return Refused(Reason::kNotRunning);
  }
  if (entry->phase == Phase::kPending || entry->phase == Phase::kPaused) {
    End(id, *entry, MakeEvent(*entry, EventType::kStopped, now.now), now.now);
    return reactor::Stopped{now.now, Phase::kEnded};
  }
  entry->changed = ++version_;
  entry->phase = Phase::kStopping;
  return reactor::Stopped{now.now, Phase::kStopping};
}

absl::StatusOr<reactor::Reported> Model::Report(const std::string& id, uint64_t run,
                                                const timer::Outcome& outcome,
                                                const clock::Reading& now) {
  TIMERD_ASSIGN_OR_RETURN(Entry* const entry, Find(id, now.now));
  if (!entry->spec.reported) {
    return Refused(Reason::kWrongKind);
  }
  if (run > entry->run) {
    return Refused(Reason::kNotFired);
  }
  reactor::Reported reported{now.now, {}};
  const bool awaited =
      run == entry->run && (entry->phase == Phase::kRunning || entry->phase == Phase::kStopping);
  if (!awaited) {
    if (entry->end) {
      reported.result.end = entry->end->type;
    }
    if (const auto before = entry->reports.find(run); before != entry->reports.end()) {
      if (before->second != outcome.success) {
        return Refused(Reason::kAlreadyReported);
      }
      if (const auto due = ArmedOf(id, Role::kOwn)) {
        reported.result.next_deadline = ServiceTime(due->second);
      }
    }
    return reported;
  }
  reported.result.accepted = true;
  entry->reports[run] = outcome.success;
  const bool loop = entry->spec.kind == Kind::kLoop;
  if (loop && outcome.success && entry->phase == Phase::kRunning) {
    EndRun(id, *entry, outcome.payload, now.now);
    if (entry->end) {
      reported.result.end = entry->end->type;
    } else if (const auto due = ArmedOf(id, Role::kOwn)) {
      reported.result.next_deadline = ServiceTime(due->second);
    }
    return reported;
  }
  Event event = MakeEvent(*entry,
                          !outcome.success ? EventType::kFailed
                          : loop           ? EventType::kStopped
                                           : EventType::kCompleted,
                          now.now);
  event.payload = outcome.payload;
  End(id, *entry, event, now.now);
  reported.result.end = event.type;
  return reported;
}

absl::StatusOr<reactor::Moved> Model::Move(const std::string& id, std::optional<Instant> to,
                                           bool wall, Span by, const clock::Reading& now) {
  TIMERD_ASSIGN_OR_RETURN(Entry* const entry, Find(id, now.now));
  if (entry->spec.kind == Kind::kLoop) {
    return Refused(Reason::kWrongKind);
  }
  if (entry->end) {
    return EndedAlready(*entry->end);
  }
  const bool task = entry->spec.kind == Kind::kTask;
  if (!task && entry->phase == Phase::kRunning) {
    return Refused(Reason::kAlreadyCalled);
  }
  auto [key, armed] = *ArmedOf(id, task ? Role::kTimeout : Role::kOwn, task);
  const Instant old_deadline = ServiceTime(armed);
  armed.at = to ? *to : armed.at + by;
  armed.wall = to ? wall : armed.wall;
  const Instant deadline = ServiceTime(armed);
  if (deadline - now.now > limits_.max_delay) {
    return Refused(Reason::kInvalidField, "delay_by");
  }
  if (to) {
    armed.span = deadline - now.now;
  }
  entry->changed = ++version_;
  order_.erase(key);
  Arm(std::move(armed));
  return reactor::Moved{now.now, {old_deadline, deadline}};
}

std::optional<uint64_t> Model::NextTick() const {
  return order_.empty() ? std::nullopt : std::optional<uint64_t>(order_.begin()->first.first);
}

void Model::Fire(const clock::Reading& now) {
  TIMERD_CHECK(!order_.empty());
  FireAt(order_.begin(), now);
}

bool Model::FireOverdue(const std::string& id, uint64_t tick, uint64_t place,
                        const clock::Reading& now) {
  std::set<std::string> seen;
  const auto next = std::find_if(order_.begin(), order_.end(), [&](const auto& each) {
    const auto& [key, armed] = each;
    const bool first = seen.insert(armed.id).second;  // nothing of a handle overtakes
    return first && key.first <= tick && key.second < place && (id.empty() || armed.id == id);
  });
  if (next == order_.end()) {
    return false;
  }
  FireAt(next, now);
  return true;
}

void Model::FireAt(std::map<Key, Armed>::iterator next, const clock::Reading& now) {
  const Armed armed = next->second;
  order_.erase(next);
  ++version_;
  Entry& entry = entries_.at(armed.id);
  FireNext(armed, entry, now);
  entry.changed = version_;
}

void Model::FireNext(const Armed& armed, Entry& entry, const clock::Reading& now) {
  if (armed.role == Role::kTimeout) {
    const EventType type = !armed.fallback           ? EventType::kTimedOut
                           : armed.fallback->success ? EventType::kCompleted
                                                     : EventType::kFailed;
    Event event = MakeEvent(entry, type, now.now);
    event.deadline = ServiceTime(armed);
    event.timeout = armed.span;
    event.by_timeout = armed.fallback.has_value();
    event.payload = armed.fallback ? armed.fallback->payload : "";
    return End(armed.id, entry, event, now.now);
  }
  if (entry.spec.kind == Kind::kLoop) {
    return FireLoop(armed.id, entry, armed, now.now);
  }
  Event event = MakeEvent(entry, EventType::kFired, now.now);
  event.deadline = ServiceTime(armed);
  if (armed.wall) {
    event.wall_deadline = ToNanos(armed.at);
  }
  if (entry.spec.reported) {
    return BeginRun(armed.id, entry, event);
  }
  entry.run = 1;
  event.run = 1;
  End(armed.id, entry, event, now.now);
}

// ---- Parts -------------------------------------------------------------------------------------

bool Model::IsForgotten(const Entry& entry, Instant now) {
  return entry.forgotten_at && TickStart(TickFor(*entry.forgotten_at)) <= now;
}

absl::StatusOr<Model::Entry*> Model::Find(const std::string& id, Instant now) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || IsForgotten(found->second, now)) {
    return Refused(Reason::kUnknownId);
  }
  return &found->second;
}

absl::StatusOr<const Model::Entry*> Model::Find(const std::string& id, Instant now) const {
  const auto found = entries_.find(id);
  if (found == entries_.end() || IsForgotten(found->second, now)) {
    return Refused(Reason::kUnknownId);
  }
  return &found->second;
}

void Model::Arm(Armed armed) {
  const uint64_t tick = TickFor(ServiceTime(armed));
  order_.emplace(Key{tick, next_place_++}, std::move(armed));
}

void Model::Disarm(const std::string& id, Role role) {
  std::erase_if(order_,
                [&](const auto& each) { return each.second.id == id && each.second.role == role; });
}

std::optional<std::pair<Model::Key, Model::Armed>> Model::ArmedOf(const std::string& id, Role role,
                                                                  bool by_task) const {
  for (const auto& [key, armed] : order_) {
    if (armed.id == id && armed.role == role && armed.by_task == by_task) {
      return std::make_pair(key, armed);
    }
  }
  return std::nullopt;
}

Event Model::MakeEvent(Entry& entry, EventType type, Instant now) {
  Event event;
  event.type = type;
  event.sequence = ++entry.sequence;
  event.time = now;
  const bool running = entry.phase == Phase::kRunning || entry.phase == Phase::kStopping;
  event.run = running ? entry.run : 0;
  return event;
}

void Model::BeginRun(const std::string& id, Entry& entry, Event event) {
  event.run = ++entry.run;
  entry.phase = Phase::kRunning;
  entry.last_firing = event;
  Publish(id, entry, event);
}

void Model::End(const std::string& id, Entry& entry, Event event, Instant now) {
  ++version_;
  entry.phase = Phase::kEnded;
  entry.end = event;
  Disarm(id, Role::kOwn);
  Disarm(id, Role::kTimeout);
  entry.forgotten_at = now + limits_.retention;
  Publish(id, entry, event);
}

void Model::Publish(const std::string& id, const Entry& entry, const Event& event) {
  events_.push_back({entry.incarnation, entry.changed, MakeNotice(id, entry, event)});
}

}  // namespace timerd::simulation
