#include "server/reactor/namespace_counts.h"

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/handle_key.h"
#include "server/base/status.h"

namespace timerd::reactor {

NamespaceCounts::NamespaceCounts(const std::vector<store::NamespaceCount>& stored,
                                 UsageRegistry* usage, const NamespaceLimits& limits)
    : usage_(usage),
      max_handles_(limits.max_handles),
      max_rate_(limits.max_rate),
      rate_(Rate::PerSecond(limits.max_rate)) {
  for (const store::NamespaceCount& count : stored) {
    Entry& entry = Find(HandleKey(count.name(), ""));
    entry.stored = count;
    if (entry.usage != nullptr) {
      entry.usage->OnFound(timer::Kind::kTimer, static_cast<int64_t>(count.timers()));
      entry.usage->OnFound(timer::Kind::kLoop, static_cast<int64_t>(count.loops()));
      entry.usage->OnFound(timer::Kind::kTask, static_cast<int64_t>(count.tasks()));
    }
  }
}

absl::Status NamespaceCounts::Admit(absl::string_view key, timer::Kind kind, Instant now) {
  Entry& entry = Find(key);
  if (usage_ != nullptr && entry.usage == nullptr) {
    if (!entry.changed &&
        entry.stored.timers() + entry.stored.loops() + entry.stored.tasks() == 0) {
      entries_.erase(NamespaceOf(key));  // or names that are refused would pile up
    }
    return Refuse(
        Reason::kLimitExceeded,
        absl::StrCat("namespace \"", NamespaceOf(key),
                     "\" would be one more than "
                     "--max-namespaces=",
                     usage_->max_namespaces(), " allows; use one that is there, or raise the flag"),
        "max-namespaces");
  }
  TIMERD_RETURN_IF_ERROR(TakeTurn(entry, now));
  if (entry.usage != nullptr && !entry.usage->TryCreate(kind, static_cast<int64_t>(max_handles_))) {
    entry.usage->creations().GiveBack(rate_);
    return RetryAfter(
        kRetryLater,
        Refuse(Reason::kLimitExceeded,
               absl::StrCat("namespace \"", NamespaceOf(key), "\" has ", max_handles_,
                            " handles that have not ended, as many as --max-handles allows; "
                            "cancel some, wait for some to end, or raise the flag"),
               "max-handles"));
  }
  Change(entry, kind, 1);
  return absl::OkStatus();
}

absl::Status NamespaceCounts::AdmitReplacement(absl::string_view key, Instant now) {
  return TakeTurn(Find(key), now);
}

absl::Status NamespaceCounts::TakeTurn(const Entry& entry, Instant now) const {
  const Span wait =
      entry.usage == nullptr ? Span::zero() : entry.usage->creations().Take(now, rate_);
  if (wait == Span::zero()) {
    return absl::OkStatus();
  }
  return RetryAfter(
      wait, Refuse(Reason::kLimitExceeded,
                   absl::StrCat("namespace \"", entry.stored.name(),
                                "\" is above --max-rate-per-namespace=", max_rate_,
                                " new handles per second; make fewer, wait, or raise the flag"),
                   "max-rate-per-namespace"));
}

void NamespaceCounts::CountReplacement(absl::string_view key, timer::Kind kind) {
  Entry& entry = Find(key);
  if (entry.usage != nullptr) {
    entry.usage->OnCreated(kind);
  }
  Change(entry, kind, 1);
}

void NamespaceCounts::OnEvent(const timer::Handle& handle, const timer::Event& event) {
  Entry& entry = Find(handle.key);
  const bool end = handle.end && handle.end->sequence == event.sequence;
  if (entry.usage != nullptr) {
    entry.usage->OnEvent(handle.spec.kind, event, end);
  }
  if (end) {
    Change(entry, handle.spec.kind, -1);
  }
}

NamespaceCounts::Entry& NamespaceCounts::Find(absl::string_view key) {
  const absl::string_view name = NamespaceOf(key);
  const auto found = entries_.find(name);
  if (found != entries_.end()) {
    return found->second;
  }
  Entry& entry = entries_[std::string(name)];
  entry.stored.set_name(std::string(name));
  entry.usage = usage_ == nullptr ? nullptr : usage_->Get(name);
  return entry;
}

void NamespaceCounts::Change(Entry& entry, timer::Kind kind, int by) {
  const auto moved = [by](uint64_t value) {
    TIMERD_CHECK(by > 0 || value > 0);
    return value + static_cast<uint64_t>(by);
  };
  store::NamespaceCount& stored = entry.stored;
  switch (kind) {
    case timer::Kind::kTimer:
      stored.set_timers(moved(stored.timers()));
      break;
    case timer::Kind::kLoop:
      stored.set_loops(moved(stored.loops()));
      break;
    case timer::Kind::kTask:
      stored.set_tasks(moved(stored.tasks()));
      break;
  }
  if (!entry.changed) {
    entry.changed = true;
    changed_.push_back(stored.name());
  }
}

void NamespaceCounts::TakeChanged(store::Frame& frame) {
  for (const std::string& name : changed_) {
    Entry& entry = entries_[name];
    entry.changed = false;
    *frame.add_namespaces() = entry.stored;
  }
  changed_.clear();
}

}  // namespace timerd::reactor
