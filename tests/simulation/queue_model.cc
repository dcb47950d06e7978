#include "tests/simulation/queue_model.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/handle_key.h"
#include "server/base/status.h"
#include "server/timer/recurrence.h"

namespace timerd::simulation {
namespace {

using timer::EndReason;
using timer::EventType;
using timer::Kind;
using timer::Stage;

std::string QueueOf(const std::string& key, const timer::Spec& spec) {
  return HandleKey(NamespaceOf(key), spec.queue);
}

absl::Status Refused(Reason reason, absl::string_view detail = "") {
  return Refuse(reason, "", detail);
}

absl::Status EndedAlready(EventType end) {
  return end == EventType::kCancelled ? Refused(Reason::kAlreadyCancelled)
                                      : Refused(Reason::kAlreadyCalled, timer::EventTypeName(end));
}

// Boundaries of a loop in (origin, through].
int64_t BoundariesBy(Instant origin, Span interval, Instant through) {
  return (through - origin) / interval;
}

}  // namespace

// ---- Commands ----------------------------------------------------------------------------------

reactor::Opened QueueModel::Create(const std::string& key, const timer::Spec& spec, Instant now) {
  uint64_t generation = 1;
  if (IsThere(key, now)) {
    Entry& old = entries_.at(key);
    generation = old.generation + 1;
    if (!old.end) {
      End(key, old, EventType::kCancelled, EndReason::kReplaced, "", now);
    }
  }
  ++version_;
  Entry& entry = entries_[key];
  entry = Entry();
  entry.spec = spec;
  entry.generation = generation;
  entry.origin = entry.previous = now;
  reactor::Opened opened{.key = key, .generation = generation, .now = now};
  if (spec.kind == Kind::kLoop && spec.start_now) {
    Begin(entry, std::nullopt, now);
    entry.count = 1;
    Set(key, entry, Stage::kWaiting, now);
  } else {
    Set(key, entry, Stage::kIdle, now + spec.span);
    opened.deadline = now + spec.span;
  }
  return opened;
}

absl::StatusOr<reactor::Cancelled> QueueModel::Cancel(const std::string& key, Instant now) {
  TIMERD_ASSIGN_OR_RETURN(Entry* const entry, Find(key, now));
  if (entry->end) {
    return EndedAlready(*entry->end);
  }
  End(key, *entry, EventType::kCancelled, EndReason::kNone, "", now);
  return reactor::Cancelled{now};
}

absl::StatusOr<reactor::Moved> QueueModel::Move(const std::string& key, Instant to, Instant now) {
  TIMERD_ASSIGN_OR_RETURN(Entry* const entry, Find(key, now));
  if (entry->spec.kind == Kind::kLoop) {
    return Refused(Reason::kWrongKind);
  }
  if (entry->end) {
    return EndedAlready(*entry->end);
  }
  if (entry->running) {
    return Refused(Reason::kAlreadyCalled);
  }
  const Instant old = entry->due;  // the same while it waits
  Set(key, *entry, Stage::kIdle, to);
  return reactor::Moved{now, {old, to}};
}

absl::StatusOr<reactor::Settled> QueueModel::Settle(const std::string& key, uint64_t lease,
                                                    const timer::Verdict& verdict, Instant now) {
  TIMERD_ASSIGN_OR_RETURN(Entry* const entry, Find(key, now));
  if (entry->lease == 0) {
    return Refused(Reason::kNotLeased, entry->end ? timer::EventTypeName(*entry->end) : "");
  }
  if (entry->lease != lease) {
    return Refused(Reason::kNotYours);
  }
  reactor::Settled settled{.now = now};
  if (const auto* extend = std::get_if<timer::Extend>(&verdict)) {
    Set(key, *entry, Stage::kLeased, now + extend->span);
    settled.result.lease_end = entry->due;
    return settled;
  }
  if (const auto* failure = std::get_if<timer::Failure>(&verdict)) {
    FailAttempt(key, *entry, *failure, /*lapsed=*/false, now);
    if (!entry->end) {
      settled.result.next_attempt = entry->due;
    }
  } else if (const auto* success = std::get_if<timer::Success>(&verdict)) {
    DropLease(key, *entry, /*revoked=*/false);
    if (entry->spec.kind == Kind::kLoop) {
      Next(key, *entry, now);
    } else {
      End(key, *entry, EventType::kCompleted, EndReason::kNone, success->payload, now);
    }
  } else {
    DropLease(key, *entry, /*revoked=*/false);
    ++entry->released;
    Set(key, *entry, Stage::kWaiting, entry->deadline.value_or(entry->began));
  }
  settled.end = entry->end;
  return settled;
}

void QueueModel::Abandon(const std::string& key, uint64_t lease, Instant until) {
  const auto found = entries_.find(key);
  if (found != entries_.end() && lease != 0 && found->second.lease == lease &&
      found->second.due > until) {
    Set(key, found->second, Stage::kLeased, until);
  }
}

size_t QueueModel::Purge(const std::string& queue, Instant until, uint64_t place, size_t limit,
                         Instant now) {
  size_t purged = 0;
  std::map<Key, std::string>& line = lines_[queue];
  while (purged < limit && !line.empty() && TickStart(line.begin()->first.first) <= until &&
         line.begin()->first.second < place) {
    const std::string key = line.begin()->second;
    Entry& entry = entries_.at(key);
    if (entry.spec.kind == Kind::kLoop) {
      Next(key, entry, now);
    } else {
      End(key, entry, EventType::kCancelled, EndReason::kPurged, "", now);
    }
    ++purged;
  }
  return purged;
}

absl::StatusOr<std::string> QueueModel::TakeLetter(const std::string& queue, uint64_t lease,
                                                   bool replay, const std::string& new_key,
                                                   Instant now) {
  std::vector<Letter>& letters = letters_[queue];
  const auto found = std::find_if(letters.begin(), letters.end(),
                                  [lease](const Letter& each) { return each.lease == lease; });
  if (found == letters.end()) {
    return Refused(Reason::kUnknownDeadLetter);
  }
  ++version_;
  const Letter letter = *found;
  letters.erase(found);
  if (!replay) {
    return std::string();
  }
  timer::Spec spec;
  spec.kind = Kind::kTimer;
  spec.reported = true;
  spec.payload = letter.spec.payload;
  spec.queue = letter.spec.queue;
  spec.delivery = letter.spec.delivery;
  const bool lives = IsThere(letter.key, now) && !entries_.at(letter.key).end;
  return Create(lives ? new_key : letter.key, spec, now).key;
}

absl::StatusOr<QueueModel::Sight> QueueModel::Get(const std::string& key, Instant now) const {
  if (!IsThere(key, now)) {
    return Refused(Reason::kUnknownId);
  }
  const Entry& entry = entries_.at(key);
  Sight sight{.stage = entry.stage,
              .generation = entry.generation,
              .run = entry.run,
              .attempts = entry.end ? entry.end_attempts : entry.attempts,
              .end = entry.end,
              .reason = entry.reason,
              .payload = entry.payload};
  sight.phase = entry.end       ? timer::Phase::kEnded
                : entry.running ? timer::Phase::kRunning
                                : timer::Phase::kPending;
  if (!entry.end) {
    sight.deadline = entry.due;
  }
  return sight;
}

// ---- Time and workers --------------------------------------------------------------------------

bool QueueModel::HasWaiting(const std::string& queue) const {
  const auto found = lines_.find(queue);
  return found != lines_.end() && !found->second.empty();
}

reactor::Occurrence QueueModel::Claim(const std::string& queue, uint64_t lease, Instant now) {
  TIMERD_CHECK(HasWaiting(queue));
  const std::string key = lines_.at(queue).begin()->second;
  Entry& entry = entries_.at(key);
  if (!entry.running) {
    const Instant deadline = entry.due;
    Begin(entry, deadline, now);
    if (entry.spec.kind == Kind::kLoop) {
      entry.count =
          static_cast<uint64_t>(BoundariesBy(entry.origin, entry.spec.span, now) -
                                BoundariesBy(entry.origin, entry.spec.span, entry.previous));
      entry.previous = now;
    }
  }
  ++entry.attempts;
  entry.lease = lease;
  const timer::DeliveryPolicy policy = PolicyOf(entry);
  Set(key, entry, Stage::kLeased, now + policy.lease);
  return {.key = key,
          .kind = entry.spec.kind,
          .generation = entry.generation,
          .run = entry.run,
          .attempt = entry.attempts,
          .lease = lease,
          .lease_end = entry.due,
          .deadline = entry.deadline,
          .time = now,
          .count = entry.count,
          .payload = entry.spec.payload,
          .last_attempt = entry.attempts - entry.released >= policy.retry.max_attempts};
}

std::optional<uint64_t> QueueModel::NextTick() const {
  return order_.empty() ? std::nullopt : std::optional<uint64_t>(order_.begin()->first.first);
}

bool QueueModel::Fire(Instant now) {
  TIMERD_CHECK(!order_.empty());
  const std::string key = order_.begin()->second;
  return FireOf(key, now);
}

std::optional<bool> QueueModel::FireOverdue(const std::string& key, uint64_t tick, uint64_t place,
                                            Instant now) {
  const auto next = std::find_if(order_.begin(), order_.end(), [&](const auto& each) {
    return each.first.first <= tick && each.first.second < place &&
           (key.empty() || each.second == key);
  });
  if (next == order_.end()) {
    return std::nullopt;
  }
  const std::string overdue = next->second;
  return FireOf(overdue, now);
}

bool QueueModel::FireOf(const std::string& key, Instant now) {
  Entry& entry = entries_.at(key);
  if (entry.stage != Stage::kLeased) {
    Enqueue(key, entry);
    return true;
  }
  FailAttempt(key, entry, {}, /*lapsed=*/true, now);
  return entry.end.has_value();
}

bool QueueModel::ComesDueAgain(const std::string& key) {
  Entry& entry = entries_.at(key);
  if (!entry.before_waiting) {
    return false;
  }
  Unset(entry);
  entry.stage = *std::exchange(entry.before_waiting, std::nullopt);
  order_.emplace(entry.place, key);
  return true;
}

QueueModel::Counts QueueModel::CountsOf(const std::string& queue) const {
  Counts counts{.dead = static_cast<int>(LettersOf(queue).size())};
  for (const auto& [key, entry] : entries_) {
    if (!entry.end && QueueOf(key, entry.spec) == queue) {
      counts.waiting += entry.stage == Stage::kWaiting ? 1 : 0;
      counts.leased += entry.stage == Stage::kLeased ? 1 : 0;
      counts.scheduled += entry.stage == Stage::kIdle || entry.stage == Stage::kBackoff ? 1 : 0;
    }
  }
  return counts;
}

const std::vector<QueueModel::Letter>& QueueModel::LettersOf(const std::string& queue) const {
  static const auto* const kNone = new std::vector<Letter>();
  const auto found = letters_.find(queue);
  return found == letters_.end() ? *kNone : found->second;
}

std::vector<std::string> QueueModel::Live() const {
  std::vector<std::string> keys;
  for (const auto& [key, entry] : entries_) {
    if (!entry.end) {
      keys.push_back(key);
    }
  }
  return keys;
}

// ---- Parts -------------------------------------------------------------------------------------

bool QueueModel::IsThere(const std::string& key, Instant now) const {
  const auto found = entries_.find(key);
  return found != entries_.end() &&
         (!found->second.end || TickStart(TickOf(found->second.forgotten_at)) > now);
}

absl::StatusOr<QueueModel::Entry*> QueueModel::Find(const std::string& key, Instant now) {
  if (!IsThere(key, now)) {
    return Refused(Reason::kUnknownId);
  }
  return &entries_.at(key);
}

timer::DeliveryPolicy QueueModel::PolicyOf(const Entry& entry) const {
  timer::DeliveryPolicy policy = policies_.at(entry.spec.queue);
  const timer::DeliveryPolicy& own = *entry.spec.delivery;
  policy.lease = own.lease > Span::zero() ? own.lease : policy.lease;
  if (own.retry.max_attempts > 0) {
    policy.retry.max_attempts = own.retry.max_attempts;
  }
  if (own.retry.initial_backoff > Span::zero()) {
    policy.retry.initial_backoff = own.retry.initial_backoff;
  }
  return policy;
}

void QueueModel::Unset(Entry& entry) {
  order_.erase(entry.place);
  for (auto& [queue, line] : lines_) {
    line.erase(entry.place);
  }
}

void QueueModel::Set(const std::string& key, Entry& entry, Stage stage, Instant due) {
  ++version_;
  Unset(entry);
  entry.stage = stage;
  entry.before_waiting.reset();
  entry.due = due;
  entry.place = {TickOf(due), ++next_place_};
  if (stage == Stage::kWaiting) {
    lines_[QueueOf(key, entry.spec)].emplace(entry.place, key);
  } else {
    order_.emplace(entry.place, key);
  }
}

// It keeps its place: what is due first is delivered first. Nothing of it need be durable: it would
// come due again, and wait at the same place.
void QueueModel::Enqueue(const std::string& key, Entry& entry) {
  Unset(entry);
  entry.before_waiting = std::exchange(entry.stage, Stage::kWaiting);
  lines_[QueueOf(key, entry.spec)].emplace(entry.place, key);
}

void QueueModel::DropLease(const std::string& key, Entry& entry, bool revoked) {
  if (entry.lease != 0) {
    over_.emplace_back(key, std::exchange(entry.lease, 0), revoked);
  }
}

void QueueModel::Begin(Entry& entry, std::optional<Instant> deadline, Instant now) {
  entry.running = true;
  ++entry.run;
  entry.attempts = 0;
  entry.released = 0;
  entry.deadline = deadline;
  entry.began = now;
}

void QueueModel::Next(const std::string& key, Entry& entry, Instant now) {
  entry.running = false;
  const int64_t passed = BoundariesBy(entry.origin, entry.spec.span, now);
  Set(key, entry, Stage::kIdle, entry.origin + (passed + 1) * entry.spec.span);
}

void QueueModel::FailAttempt(const std::string& key, Entry& entry, const timer::Failure& failure,
                             bool lapsed, Instant now) {
  const timer::RetryPolicy retry = PolicyOf(entry).retry;
  const uint32_t tried = entry.attempts - entry.released;
  const uint64_t lease = entry.lease;
  DropLease(key, entry, /*revoked=*/lapsed);
  if (!failure.final && tried < retry.max_attempts) {
    const double grown = static_cast<double>(retry.initial_backoff.count()) *
                         std::pow(retry.factor, static_cast<double>(tried) - 1);
    const Span wait(std::min(static_cast<int64_t>(grown), retry.max_backoff.count()));
    // Which part of it is cut is the server's choice, up to one half.
    const Span cut = timer::JitterOf(absl::StrCat(key, "#", entry.run), now, wait / 2);
    TIMERD_CHECK(cut >= Span::zero() && cut <= wait / 2);
    return Set(key, entry, Stage::kBackoff, now + failure.retry_after.value_or(wait - cut));
  }
  letters_[QueueOf(key, entry.spec)].push_back({.lease = lease,
                                                .key = key,
                                                .spec = entry.spec,
                                                .generation = entry.generation,
                                                .run = entry.run,
                                                .attempts = entry.attempts,
                                                .deadline = entry.deadline,
                                                .failed = now,
                                                .failure = failure.payload,
                                                .lapsed = lapsed});
  End(key, entry, EventType::kFailed, lapsed ? EndReason::kLeaseLapsed : EndReason::kNone,
      failure.payload, now);
}

void QueueModel::End(const std::string& key, Entry& entry, EventType end, EndReason reason,
                     const std::string& payload, Instant now) {
  ++version_;
  ++next_place_;
  DropLease(key, entry, /*revoked=*/true);
  Unset(entry);
  entry.stage = Stage::kIdle;
  entry.end_attempts = entry.running ? entry.attempts : 0;
  entry.running = false;
  entry.end = end;
  entry.reason = reason;
  entry.payload = payload;
  entry.forgotten_at = now + retention_;
}

}  // namespace timerd::simulation
