#include "server/timer/handle.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/handle_key.h"

namespace timerd::timer {

std::optional<DueKey> NextDue(const Handle& handle, Span wall_ahead) {
  std::optional<DueKey> next;
  const auto consider = [&next, wall_ahead](const Deadline& deadline) {
    if (const DueKey key = deadline.key(wall_ahead); !next || key < *next) {
      next = key;
    }
  };
  const std::optional<Deadline>& delivery = handle.delivery.due;
  const bool waits = delivery && delivery->timeline == Timeline::kQueue;
  if (handle.due && !waits) {
    consider(*handle.due);
  }
  if (delivery && !waits) {
    consider(*delivery);
  }
  for (const Timeout& timeout : handle.timeouts) {
    consider(timeout.due);
  }
  if (handle.lost) {
    consider(*handle.lost);
  }
  return next;
}

IndexKeys AllDue(const Handle& handle) {
  IndexKeys keys;
  const auto add = [&keys](const auto& deadline) {
    if (deadline) {
      keys.push_back(deadline->index_key());
    }
  };
  if (!WaitingKey(handle)) {
    add(handle.due);
  }
  add(handle.delivery.due);
  add(handle.lost);
  add(handle.retention);
  for (const Timeout& timeout : handle.timeouts) {
    keys.push_back(timeout.reserved.value_or(timeout.due).index_key());
  }
  return keys;
}

void SortTimeouts(Handle& handle, Span wall_ahead) {
  std::sort(handle.timeouts.begin(), handle.timeouts.end(),
            [wall_ahead](const Timeout& a, const Timeout& b) {
              return a.due.key(wall_ahead) < b.due.key(wall_ahead);
            });
}

bool HasReservation(const Handle& handle) {
  return std::any_of(handle.timeouts.begin(), handle.timeouts.end(),
                     [](const Timeout& timeout) { return timeout.reserved.has_value(); });
}

bool IsForgotten(const Handle& handle, Instant now) {
  return handle.retention && handle.retention->key().deadline <= now;
}

std::vector<Event> RetainedAfter(const Handle& handle, uint64_t after) {
  std::vector<Event> events;
  for (const Boxed<Event>* event : {&handle.last_firing, &handle.end}) {
    if (*event && (*event)->sequence > after) {
      events.push_back(**event);
    }
  }
  return events;
}

std::string Describe(const Handle& handle) {
  const absl::string_view kind = handle.spec.kind == Kind::kTimer  ? "timer"
                                 : handle.spec.kind == Kind::kLoop ? "loop"
                                                                   : "task";
  return absl::StrCat(kind, " \"", IdOf(handle.key), "\"");
}

absl::string_view EventTypeName(EventType type) {
  switch (type) {
    case EventType::kFired:
      return "FIRED";
    case EventType::kTick:
      return "TICK";
    case EventType::kTimedOut:
      return "TIMED_OUT";
    case EventType::kCompleted:
      return "COMPLETED";
    case EventType::kStopped:
      return "STOPPED";
    case EventType::kFailed:
      return "FAILED";
    case EventType::kCancelled:
      return "CANCELLED";
  }
  return "";
}

absl::string_view EndReasonName(EndReason reason) {
  switch (reason) {
    case EndReason::kNone:
      break;
    case EndReason::kClientLost:
      return "CLIENT_LOST";
    case EndReason::kReplaced:
      return "REPLACED";
    case EndReason::kLeaseLapsed:
      return "LEASE_LAPSED";
    case EndReason::kPurged:
      return "PURGED";
  }
  return "";
}

}  // namespace timerd::timer
