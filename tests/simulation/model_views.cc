// Of Model: what can be seen of it.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "server/base/status.h"
#include "tests/simulation/model.h"

namespace timerd::simulation {

using timer::Event;
using timer::EventType;
using timer::Phase;

absl::StatusOr<reactor::Got> Model::Get(const std::string& id, const clock::Reading& now) const {
  TIMERD_ASSIGN_OR_RETURN(const Entry* const entry, Find(id, now.now));
  return reactor::Got{now.now, ahead_, View(id, *entry)};
}

std::vector<std::string> Model::List(const reactor::ListFilter& filter, Instant now) const {
  std::vector<std::string> ids;
  const auto consider = [&](const std::string& id) {
    const Entry& entry = entries_.at(id);
    if (!IsForgotten(entry, now) && (!filter.phase || entry.phase == *filter.phase) &&
        (!filter.kind || entry.spec.kind == *filter.kind) && absl::StartsWith(id, filter.prefix)) {
      ids.push_back(id);
    }
  };
  if (filter.phase == Phase::kPending) {
    for (const auto& [key, armed] : order_) {
      if (armed.role == Role::kOwn) {
        consider(armed.id);
      }
    }
  } else {
    for (const auto& [id, entry] : entries_) {
      consider(id);
    }
  }
  return ids;
}

// ---- Time --------------------------------------------------------------------------------------

reactor::Notice Model::MakeNotice(const std::string& id, const Entry& entry,
                                  const Event& event) const {
  reactor::Notice notice{id,
                         entry.spec.kind,
                         1,
                         entry.spec.queue,
                         event,
                         false,
                         entry.end && entry.end->sequence == event.sequence};
  if (event.type == EventType::kFired || event.type == EventType::kTick) {
    notice.event.payload = entry.spec.payload;
  }
  return notice;
}

reactor::Opened Model::Open(const std::string& id, const Entry& entry, uint64_t after,
                            Instant now) const {
  reactor::Opened opened{.key = id, .now = now, .existed = true, .ended = entry.end.has_value()};
  for (const auto& event : {entry.last_firing, entry.end}) {
    if (event && event->sequence > after) {
      reactor::Notice notice = MakeNotice(id, entry, *event);
      notice.redelivery = true;
      opened.retained.push_back(std::move(notice));
    }
  }
  return opened;
}

timer::Handle Model::View(const std::string& id, const Entry& entry) const {
  timer::Handle handle;
  handle.key = id;
  handle.spec = entry.spec;
  handle.phase = entry.phase;
  handle.run = entry.run;
  handle.last_firing = entry.last_firing;
  handle.end = entry.end;
  for (const auto& [key, armed] : order_) {
    if (armed.id == id && armed.role == Role::kOwn) {
      handle.due = Deadline{ServiceTime(armed) + ahead_, key.second, Timeline::kWall};
    } else if (armed.id == id && armed.role == Role::kTimeout) {
      handle.timeouts.push_back(
          {{ServiceTime(armed), key.second}, armed.span, armed.fallback, armed.by_task});
    }
  }
  return handle;
}

std::optional<Phase> Model::PhaseOf(const std::string& id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? std::nullopt : std::optional<Phase>(found->second.phase);
}

uint64_t Model::RunOf(const std::string& id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? 0 : found->second.run;
}

std::optional<timer::Spec> Model::SpecOf(const std::string& id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? std::nullopt : std::optional<timer::Spec>(found->second.spec);
}

size_t Model::CountDueBy(uint64_t tick) const {
  std::set<std::string> ids;
  for (const auto& [key, armed] : order_) {
    if (key.first <= tick) {
      ids.insert(armed.id);
    }
  }
  return ids.size();
}

}  // namespace timerd::simulation
