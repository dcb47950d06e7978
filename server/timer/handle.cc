#include "server/timer/handle.h"

#include "absl/strings/str_cat.h"

namespace timerd::timer {

std::optional<DueKey> NextDue(const Handle& handle) {
  std::optional<DueKey> next;
  const auto consider = [&next](const Deadline& deadline) {
    if (const DueKey key = deadline.key(); !next || key < *next) {
      next = key;
    }
  };
  if (handle.due) {
    consider(*handle.due);
  }
  if (!handle.timeouts.empty()) {
    consider(handle.timeouts.front().due);
  }
  if (handle.retention) {
    consider(*handle.retention);
  }
  return next;
}

std::vector<DueKey> AllDue(const Handle& handle) {
  std::vector<DueKey> keys;
  keys.reserve(handle.timeouts.size() + 1);
  if (handle.due) {
    keys.push_back(handle.due->key());
  }
  for (const Timeout& timeout : handle.timeouts) {
    keys.push_back(timeout.due.key());
  }
  if (handle.retention) {
    keys.push_back(handle.retention->key());
  }
  return keys;
}

std::vector<Event> RetainedAfter(const Handle& handle, uint64_t after) {
  std::vector<Event> events;
  for (const std::optional<Event>& event : {handle.last_firing, handle.end}) {
    if (event && event->sequence > after) {
      events.push_back(*event);
    }
  }
  return events;
}

std::string Describe(const Handle& handle) {
  const absl::string_view kind = handle.spec.kind == Kind::kTimer  ? "timer"
                                 : handle.spec.kind == Kind::kLoop ? "loop"
                                                                   : "task";
  return absl::StrCat(kind, " \"", handle.id, "\"");
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

}  // namespace timerd::timer
