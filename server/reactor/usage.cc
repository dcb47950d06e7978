#include "server/reactor/usage.h"

#include <algorithm>

namespace timerd::reactor {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

template <typename Enum>
constexpr size_t Index(Enum value) {
  return static_cast<size_t>(value);
}

template <typename Counters, typename Values>
void ReadAll(const Counters& counters, Values& values) {
  std::transform(counters.begin(), counters.end(), values.begin(),
                 [](const auto& counter) { return counter.load(kRelaxed); });
}

}  // namespace

void NamespaceUsage::OnCreated(timer::Kind kind) {
  live_.fetch_add(1, kRelaxed);
  live_by_kind_[Index(kind)].fetch_add(1, kRelaxed);
  created_[Index(kind)].fetch_add(1, kRelaxed);
}

bool NamespaceUsage::TryCreate(timer::Kind kind, int64_t max_live) {
  int64_t live = live_.load(kRelaxed);
  do {
    if (live >= max_live) {
      return false;
    }
  } while (!live_.compare_exchange_weak(live, live + 1, kRelaxed));
  live_by_kind_[Index(kind)].fetch_add(1, kRelaxed);
  created_[Index(kind)].fetch_add(1, kRelaxed);
  return true;
}

void NamespaceUsage::OnFound(timer::Kind kind, int64_t count) {
  live_.fetch_add(count, kRelaxed);
  live_by_kind_[Index(kind)].fetch_add(count, kRelaxed);
}

void NamespaceUsage::OnEvent(timer::Kind kind, const timer::Event& event, bool end) {
  events_[Index(event.type)].fetch_add(1, kRelaxed);
  if (end) {
    live_.fetch_sub(1, kRelaxed);
    live_by_kind_[Index(kind)].fetch_sub(1, kRelaxed);
  }
  if (event.deadline) {
    const Span late = event.time - *event.deadline;
    const auto* const bound =
        std::lower_bound(kLatenessBounds.begin(), kLatenessBounds.end(), late);
    lateness_[static_cast<size_t>(bound - kLatenessBounds.begin())].fetch_add(1, kRelaxed);
    lateness_sum_us_.fetch_add(
        static_cast<uint64_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(std::max(late, Span::zero()))
                .count()),
        kRelaxed);
  }
}

void NamespaceUsage::OnFeed(int64_t events, int64_t bytes) {
  feed_events_.fetch_add(events, kRelaxed);
  feed_bytes_.fetch_add(bytes, kRelaxed);
}

NamespaceUsage::Reading NamespaceUsage::Read() const {
  Reading reading;
  ReadAll(live_by_kind_, reading.live);
  ReadAll(created_, reading.created);
  ReadAll(events_, reading.events);
  ReadAll(lateness_, reading.lateness);
  reading.lateness_sum = std::chrono::microseconds(lateness_sum_us_.load(kRelaxed));
  reading.feed_events = feed_events_.load(kRelaxed);
  reading.feed_bytes = feed_bytes_.load(kRelaxed);
  return reading;
}

NamespaceUsage* UsageRegistry::Get(absl::string_view name) {
  const MutexLock lock(mutex_);
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) {
    return &found->second;
  }
  return by_name_.size() >= max_namespaces_ ? nullptr : &by_name_[std::string(name)];
}

std::vector<std::pair<std::string, const NamespaceUsage*>> UsageRegistry::All() const {
  const MutexLock lock(mutex_);
  std::vector<std::pair<std::string, const NamespaceUsage*>> all;
  all.reserve(by_name_.size());
  for (const auto& [name, usage] : by_name_) {
    all.emplace_back(name, &usage);
  }
  return all;
}

}  // namespace timerd::reactor
