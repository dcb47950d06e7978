#include "server/reactor/lines.h"

#include <algorithm>

#include "absl/hash/hash.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/handle_key.h"

namespace timerd::reactor {
namespace {

// Before all keys.
constexpr DueKey kNothing = {InstantFromNanos(-1), 0};

struct Counts {
  int scheduled = 0;
  int waiting = 0;
  int leased = 0;
};

void Add(Counts& counts, std::optional<timer::Stage> stage, int by) {
  if (stage == timer::Stage::kWaiting) {
    counts.waiting += by;
  } else if (stage == timer::Stage::kLeased) {
    counts.leased += by;
  } else if (Lines::IsScheduled(stage)) {
    counts.scheduled += by;
  }
}

uint64_t Plus(uint64_t value, int by) {
  TIMERD_CHECK(by >= 0 || value >= static_cast<uint64_t>(-by));
  return value + static_cast<uint64_t>(by);
}

}  // namespace

size_t LineNameHash::operator()(const LineName& name) const {
  return absl::HashOf(name.name_space, name.queue);
}

size_t LineNameHash::operator()(absl::string_view name) const {
  return (*this)(LineName{NamespaceOf(name), IdOf(name)});
}

bool LineNameEq::operator()(absl::string_view joined, const LineName& name) const {
  // Namespaces have no slash: where one stands behind the whole namespace, it is the first.
  const size_t slash = name.name_space.size();
  return joined.size() == slash + 1 + name.queue.size() && joined[slash] == '/' &&
         absl::StartsWith(joined, name.name_space) && absl::EndsWith(joined, name.queue);
}

Lines::Lines(const std::vector<store::QueueCount>& stored, QueueDirectory* directory)
    : directory_(directory) {
  for (const store::QueueCount& count : stored) {
    if (count.scheduled() + count.waiting() + count.leased() + count.dead_letters() == 0) {
      continue;
    }
    Line& line = Of(count.name(),
                    absl::string_view(count.name()).substr(NamespaceOf(count.name()).size() + 1));
    line.count = count;
    line.loaded = count.waiting() > 0 ? kNothing : Line::kEverything;
    if (line.queue != nullptr) {
      line.queue->Count(static_cast<int>(count.scheduled()), static_cast<int>(count.waiting()),
                        static_cast<int>(count.leased()), static_cast<int>(count.dead_letters()));
    }
    SetReady(line);
  }
}

Line& Lines::Of(absl::string_view key, absl::string_view queue) {
  const LineName wanted{NamespaceOf(key), queue};
  if (last_ != nullptr && LineNameEq()(last_->name, wanted)) {
    return *last_;
  }
  if (Line* const line = Find(wanted)) {
    last_ = line;
    return *line;
  }
  const std::string name = HandleKey(NamespaceOf(key), queue);
  std::unique_ptr<Line>& line = by_name_[name];
  line = std::make_unique<Line>();
  line->name = name;
  line->count.set_name(name);
  line->loaded = Line::kEverything;
  line->queue = directory_ == nullptr ? nullptr : directory_->Get(name);
  return *line;
}

Line* Lines::Find(absl::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second.get();
}

Line* Lines::Find(const LineName& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second.get();
}

void Lines::DropIfEmpty(absl::string_view name) {
  const Line* const line = Find(name);
  if (line != nullptr && !line->changed && !line->ready && line->count.scheduled() == 0 &&
      line->count.waiting() == 0 && line->count.leased() == 0 && line->count.dead_letters() == 0) {
    last_ = nullptr;
    by_name_.erase(name);
  }
}

void Lines::Move(Line& line, std::optional<timer::Stage> from, std::optional<timer::Stage> to) {
  Counts by;
  Add(by, from, -1);
  Add(by, to, 1);
  if (by.scheduled == 0 && by.waiting == 0 && by.leased == 0) {
    return;
  }
  line.count.set_scheduled(Plus(line.count.scheduled(), by.scheduled));
  line.count.set_waiting(Plus(line.count.waiting(), by.waiting));
  line.count.set_leased(Plus(line.count.leased(), by.leased));
  if (line.count.waiting() == 0) {
    line.loaded = Line::kEverything;  // what comes next is not behind anything on disk
  }
  if (line.queue != nullptr) {
    line.queue->Count(by.scheduled, by.waiting, by.leased, 0);
  }
  Touch(line);
}

void Lines::WaitUnwritten(Line& line) {
  line.count.set_scheduled(Plus(line.count.scheduled(), -1));
  line.count.set_waiting(Plus(line.count.waiting(), 1));
  ++line.unwritten;
  if (line.queue != nullptr) {
    line.queue->Count(-1, 1, 0, 0);
  }
}

void Lines::Write(Line& line) {
  TIMERD_CHECK(line.unwritten > 0);
  --line.unwritten;
  Touch(line);
}

void Lines::Enter(Line& line) {
  line.count.set_scheduled(line.count.scheduled() + 1);
  Touch(line);
}

bool Lines::IsScheduled(std::optional<timer::Stage> stage) {
  return stage == timer::Stage::kIdle || stage == timer::Stage::kBackoff;
}

void Lines::AddLetters(Line& line, int by) {
  line.count.set_dead_letters(Plus(line.count.dead_letters(), by));
  if (line.queue != nullptr) {
    line.queue->Count(0, 0, 0, by);
  }
  Touch(line);
}

void Lines::Touch(Line& line) {
  if (!line.changed) {
    line.changed = true;
    changed_.push_back(&line);
  }
}

void Lines::SetReady(Line& line) {
  if (!line.ready && !line.asleep && line.count.waiting() > 0) {
    line.ready = true;
    ready_.push_back(&line);
  }
}

Line* Lines::TakeReady() {
  if (next_ready_ == ready_.size()) {
    ready_.clear();
    next_ready_ = 0;
    return nullptr;
  }
  Line* const line = ready_[next_ready_++];
  line->ready = false;
  return line;
}

void Lines::TakeChanged(store::Frame& frame) {
  for (Line* const line : changed_) {
    line->changed = false;
    store::QueueCount& stored = *frame.add_queues();
    stored = line->count;
    stored.set_scheduled(stored.scheduled() + line->unwritten);
    stored.set_waiting(stored.waiting() - line->unwritten);
  }
  changed_.clear();
}

std::vector<Line*> Lines::All() {
  std::vector<Line*> all;
  for (const auto& [name, line] : by_name_) {
    all.push_back(line.get());
  }
  return all;
}

std::vector<std::string> Lines::Waiting(absl::string_view name_space) const {
  std::vector<std::string> names;
  for (const auto& [name, line] : by_name_) {
    if (line->count.waiting() > 0 && NamespaceOf(name) == name_space) {
      names.push_back(name);
    }
  }
  return names;
}

}  // namespace timerd::reactor
