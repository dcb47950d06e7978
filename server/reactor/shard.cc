#include "server/reactor/shard.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status.h"
#include "server/reactor/codec.h"
#include "server/reactor/listing.h"

namespace timerd::reactor {
namespace {

// Due-index entries read at a time: a few milliseconds of work.
constexpr size_t kPage = 512;
// The window never shrinks below this: what is due so soon is worth its memory.
constexpr Span kSmallestWindow = std::chrono::seconds(1);

void SetDueKeys(const std::vector<DueKey>& keys, const std::vector<DueKey>& without,
                google::protobuf::RepeatedPtrField<storage::v1::DueKey>* to) {
  for (const DueKey& key : keys) {
    if (std::find(without.begin(), without.end(), key) == without.end()) {
      storage::v1::DueKey* added = to->Add();
      added->set_deadline_ns(ToNanos(key.deadline));
      added->set_place(key.place);
    }
  }
}

}  // namespace

Shard::Shard(const ShardOptions& options, const store::Position& recovered, Instant now,
             store::StateStore& state, EventSink& sink)
    : options_(options),
      state_(state),
      sink_(sink),
      recovered_at_(now),
      reading_{now, 0},
      next_place_(recovered.next_place()),
      taken_(recovered.sequence()),
      durable_(taken_),
      applied_(taken_),
      wheel_(TickReached(now)),
      horizon_{Instant::min(), 0},
      window_(options.window),
      shrink_above_(options.max_residents) {}

void Shard::Begin(const clock::Reading& reading) {
  reading_ = {std::max(reading_.now, reading.now), reading.unix_ns};
  if (residents_.size() <= options_.max_residents) {
    shrink_above_ = options_.max_residents;
  } else if (residents_.size() > shrink_above_) {
    ShrinkWindow();
    // Where that did not help, it tries again only when there is a quarter more: it looks at all.
    shrink_above_ = residents_.size() + residents_.size() / 4;
  }
}

void Shard::Execute(Command command) {
  std::visit([this](auto& each) { Do(std::move(each)); }, command);
}

// ---- Commands ----------------------------------------------------------------------------------

template <typename T>
void Shard::Answer(Reply<T> reply, absl::StatusOr<T> answer) {
  outputs_.push_back(
      {LatestFrame(), [reply = std::move(reply), answer = std::move(answer)]() mutable {
         reply(std::move(answer));
       }});
}

template <typename Result, typename Step, typename ToAnswer>
void Shard::Change(const std::string& id, Reply<Result> reply, Step step, ToAnswer to_answer) {
  const absl::StatusOr<Slot> slot = Find(id);
  if (!slot.ok()) {
    return Answer<Result>(std::move(reply), slot.status());
  }
  timer::Handle& handle = residents_[*slot].handle;
  timer::Context context = MakeContext();
  const timer::Phase phase_before = handle.phase;
  const uint64_t place_before = next_place_;
  auto result = step(handle, context);
  if (!result.ok()) {
    Settle(*slot);
    return Answer<Result>(std::move(reply), result.status());
  }
  Result answer = to_answer(*result, handle);
  if (handle.phase == phase_before && next_place_ == place_before) {
    Settle(*slot);  // nothing changed: every change sets a deadline or ends a phase
  } else {
    MarkDirty(*slot);
  }
  Answer<Result>(std::move(reply), std::move(answer));
  Emit(*slot, LatestFrame(), /*redelivery=*/false);
}

void Shard::Do(Create command) {
  const absl::StatusOr<std::optional<Slot>> found = Lookup(command.id);
  if (!found.ok()) {
    return Answer<Opened>(std::move(command.reply), found.status());
  }
  if (*found && !residents_[**found].erased) {
    const Slot slot = **found;
    const timer::Handle& handle = residents_[slot].handle;
    if (const auto field = timer::FindDifference(handle, command.spec)) {
      Answer<Opened>(std::move(command.reply),
                     Refuse(Reason::kIdInUse,
                            absl::StrCat(timer::Describe(handle), ": exists already with another ",
                                         *field, handle.end ? ", ended but retained" : "",
                                         "; use another id, or the same contents to attach to it"),
                            *field));
    } else {
      Opened opened = Open(handle, 0);
      opened.now = handle.created;
      opened.deadline = handle.first_deadline;
      Answer<Opened>(std::move(command.reply), std::move(opened));
    }
    return Settle(slot);
  }
  timer::Context context = MakeContext();
  timer::Handle handle =
      timer::Create(std::move(command.id), std::move(command.spec), reading_.unix_ns, context);
  Opened opened{.id = handle.id, .now = reading_.now, .deadline = handle.first_deadline};
  Slot slot;
  if (*found) {  // an id that was just forgotten: its record is replaced
    slot = **found;
    residents_[slot].handle = std::move(handle);
    residents_[slot].erased = false;
    residents_[slot].spec_stored = false;
  } else {
    slot = residents_.Add(std::move(handle));
  }
  MarkDirty(slot);
  Answer<Opened>(std::move(command.reply), std::move(opened));
  Emit(slot, LatestFrame(), /*redelivery=*/false);
}

void Shard::Do(Bound command) {
  Change(
      command.id, std::move(command.reply),
      [&command](timer::Handle& handle, timer::Context& context) {
        return timer::Bound(handle, command.timeout, std::move(command.fallback), context);
      },
      [this](std::optional<Instant> deadline, const timer::Handle& handle) {
        // From now on: of the past only the end is told.
        Opened opened = Open(handle, handle.end ? handle.end->sequence - 1 : handle.sequence);
        opened.deadline = deadline;
        return opened;
      });
}

void Shard::Do(Watch command) {
  Change(
      command.id, std::move(command.reply),
      [](timer::Handle&, timer::Context&) { return absl::StatusOr<bool>(true); },
      [this, &command](bool, const timer::Handle& handle) { return Open(handle, command.after); });
}

void Shard::Do(Cancel command) {
  Change(
      command.id, std::move(command.reply),
      [](timer::Handle& handle, timer::Context& context) -> absl::StatusOr<bool> {
        TIMERD_RETURN_IF_ERROR(timer::Cancel(handle, context));
        return true;
      },
      [this](bool, const timer::Handle&) { return Cancelled{reading_.now}; });
}

void Shard::Do(StopLoop command) {
  Change(
      command.id, std::move(command.reply),
      [](timer::Handle& handle, timer::Context& context) { return timer::Stop(handle, context); },
      [this](timer::Phase phase, const timer::Handle&) {
        return Stopped{reading_.now, phase};
      });
}

void Shard::Do(Report command) {
  Change(
      command.id, std::move(command.reply),
      [&command](timer::Handle& handle, timer::Context& context) {
        return timer::Report(handle, command.run, command.outcome, context);
      },
      [this](const timer::ReportResult& result, const timer::Handle&) {
        return Reported{reading_.now, result};
      });
}

void Shard::Do(Reschedule command) {
  Change(
      command.id, std::move(command.reply),
      [this, &command](timer::Handle& handle, timer::Context& context) {
        const timer::Move move = std::visit(
            [this](const auto& way) -> timer::Move {
              if constexpr (std::is_same_v<decltype(way), const MoveTo&>) {
                return timer::MoveTo{way.unix_ns, reading_.unix_ns};
              } else {
                return way;
              }
            },
            command.move);
        return timer::Reschedule(handle, move, context);
      },
      [this](const timer::MoveResult& result, const timer::Handle&) {
        return Moved{reading_.now, result};
      });
}

void Shard::Do(Get command) {
  Change(
      command.id, std::move(command.reply),
      [](timer::Handle&, timer::Context&) { return absl::StatusOr<bool>(true); },
      [this](bool, const timer::Handle& handle) {
        return Got{reading_.now, handle};
      });
}

void Shard::Do(List command) { reads_.push_back({LatestFrame(), std::move(command)}); }

void Shard::Do(Run command) { command.function(); }

// ---- Time --------------------------------------------------------------------------------------

size_t Shard::Fire(size_t limit) {
  size_t fired = 0;
  wheel::Expired expired;
  while (fired < limit && wheel_.PopExpired(TickReached(reading_.now), &expired)) {
    const Slot slot = expired.handle;
    timer::Context context = MakeContext();
    if (timer::Fire(residents_[slot].handle, context) == timer::Fired::kForget) {
      residents_[slot].erased = true;
    }
    MarkDirty(slot);
    Emit(slot, /*after=*/0,
         /*redelivery=*/backlog_ && TickStart(expired.deadline) <= recovered_at_);
    ++fired;
  }
  if (fired < limit && horizon_.deadline >= recovered_at_) {
    backlog_ = false;
  }
  return fired;
}

absl::StatusOr<bool> Shard::LoadWindow() {
  if (horizon_.deadline > reading_.now + window_ / 2 ||
      residents_.size() >= options_.max_residents) {
    return false;
  }
  if (residents_.size() < options_.max_residents / 2) {
    window_ = std::min(options_.window, window_ * 2);
  }
  const Instant until = reading_.now + window_;
  std::vector<std::pair<DueKey, std::string>> page;
  TIMERD_RETURN_IF_ERROR(state_.ScanDue(horizon_, until, [&page](const DueKey& due, auto id) {
    page.emplace_back(due, std::string(id));
    return page.size() < kPage;
  }));
  const bool full = page.size() == kPage;
  horizon_ = full ? page.back().first : DueKey{until, kLastPlace};
  for (const auto& [due, id] : page) {
    TIMERD_ASSIGN_OR_RETURN(const std::optional<Slot> slot, Lookup(id));
    if (!slot) {
      return absl::DataLossError(
          absl::StrCat("handle \"", id,
                       "\" has a deadline but no record; restore the data directory from a "
                       "backup"));
    }
    Settle(*slot);
  }
  // What is on its way to the store was not in the page.
  for (const InFlight& frame : in_flight_) {
    std::for_each(frame.slots.begin(), frame.slots.end(), [this](Slot slot) { Rearm(slot); });
  }
  std::for_each(gathered_.begin(), gathered_.end(), [this](Slot slot) { Rearm(slot); });
  return full;
}

void Shard::ShrinkWindow() {
  std::vector<DueKey> keys;
  const std::vector<Slot> slots = residents_.All();
  for (const Slot slot : slots) {
    if (const auto key = timer::NextDue(residents_[slot].handle); key && *key <= horizon_) {
      keys.push_back(*key);
    }
  }
  if (keys.size() <= options_.max_residents / 2) {
    return;  // the others leave as soon as they are stored
  }
  const auto middle = keys.begin() + static_cast<ptrdiff_t>(options_.max_residents / 2);
  std::nth_element(keys.begin(), middle, keys.end());
  const Span window = middle->deadline - reading_.now;
  if (window < kSmallestWindow) {
    return;
  }
  window_ = window;
  horizon_ = *middle;
  std::for_each(slots.begin(), slots.end(), [this](Slot slot) { Settle(slot); });
}

Instant Shard::NextWake() const {
  Instant wake = Instant::max();
  if (const wheel::Tick tick = wheel_.NextWake(); tick != wheel::kNever) {
    wake = TickStart(tick);
  }
  if (residents_.size() < options_.max_residents) {
    wake = std::min(wake, horizon_ == DueKey{Instant::min(), 0} ? reading_.now
                                                                : horizon_.deadline - window_ / 2);
  }
  return wake;
}

// ---- Handles -----------------------------------------------------------------------------------

absl::StatusOr<std::optional<Slot>> Shard::Lookup(absl::string_view id) {
  if (const std::optional<Slot> slot = residents_.Find(id)) {
    return slot;
  }
  TIMERD_ASSIGN_OR_RETURN(const std::optional<store::Record> record, state_.Get(id));
  if (!record) {
    return std::optional<Slot>();
  }
  TIMERD_ASSIGN_OR_RETURN(timer::Handle handle, Decode(id, record->spec, record->state));
  std::vector<DueKey> indexed = timer::AllDue(handle);
  const Slot slot = residents_.Add(std::move(handle));
  residents_[slot].indexed = std::move(indexed);
  residents_[slot].in_store = true;
  residents_[slot].spec_stored = true;
  return std::optional<Slot>(slot);
}

absl::StatusOr<Slot> Shard::Find(absl::string_view id) {
  TIMERD_ASSIGN_OR_RETURN(const std::optional<Slot> slot, Lookup(id));
  if (!slot || residents_[*slot].erased) {
    return Refuse(Reason::kUnknownId,
                  absl::StrCat("id \"", id,
                               "\": unknown, or ended longer ago than --retention; "
                               "use the id that an acknowledgement named"));
  }
  return *slot;
}

timer::Context Shard::MakeContext() {
  events_.clear();
  return {reading_.now, options_.limits, next_place_, events_};
}

void Shard::Emit(Slot slot, uint64_t after, bool redelivery) {
  const timer::Handle& handle = residents_[slot].handle;
  for (const timer::Event& event : events_) {
    outputs_.push_back({after, [this, notice = std::make_shared<const Notice>(MakeNotice(
                                          handle, event, redelivery))] { sink_.OnEvent(notice); }});
  }
  events_.clear();
}

void Shard::MarkDirty(Slot slot) {
  Resident& resident = residents_[slot];
  if (!resident.dirty) {
    resident.dirty = true;
    gathered_.push_back(slot);
  }
  Rearm(slot);
}

void Shard::Rearm(Slot slot) {
  const Resident& resident = residents_[slot];
  const std::optional<DueKey> key = timer::NextDue(resident.handle);
  if (key && *key <= horizon_ && !resident.erased) {
    wheel_.Arm(slot, TickOf(key->deadline), key->place);
  } else {
    wheel_.Disarm(slot);
  }
}

void Shard::Settle(Slot slot) {
  const Resident& resident = residents_[slot];
  const bool stored = !resident.dirty && resident.last_frame <= applied_;
  const std::optional<DueKey> key = timer::NextDue(resident.handle);
  if (stored && (resident.erased || !key || *key > horizon_)) {
    wheel_.Disarm(slot);
    residents_.Remove(slot);
  } else {
    Rearm(slot);
  }
}

Opened Shard::Open(const timer::Handle& handle, uint64_t after) const {
  Opened opened{.id = handle.id, .now = reading_.now, .existed = true};
  for (const timer::Event& event : timer::RetainedAfter(handle, after)) {
    opened.retained.push_back(MakeNotice(handle, event, /*redelivery=*/true));
  }
  opened.ended = handle.phase == timer::Phase::kEnded;
  return opened;
}

Notice Shard::MakeNotice(const timer::Handle& handle, const timer::Event& event,
                         bool redelivery) const {
  Notice notice{handle.id, handle.spec.kind, event, redelivery,
                handle.end && handle.end->sequence == event.sequence};
  if (event.type == timer::EventType::kFired || event.type == timer::EventType::kTick) {
    notice.event.payload = handle.spec.payload;
  }
  return notice;
}

// ---- Frames ------------------------------------------------------------------------------------

std::optional<store::Frame> Shard::TakeFrame() {
  if (gathered_.empty()) {
    return std::nullopt;
  }
  return TakeFrameEvenEmpty();
}

store::Frame Shard::TakeFrameEvenEmpty() {
  store::Frame frame;
  frame.set_shard(options_.index);
  frame.set_epoch(1);
  frame.set_sequence(++taken_);
  frame.set_time_ns(ToNanos(reading_.now));
  frame.set_wall_ns(reading_.unix_ns);
  frame.set_next_place(next_place_);
  for (const Slot slot : gathered_) {
    Resident& resident = residents_[slot];
    const timer::Handle& handle = resident.handle;
    if (resident.erased) {
      if (resident.in_store) {
        storage::v1::Erase* erase = frame.add_operations()->mutable_erase();
        erase->set_id(handle.id);
        SetDueKeys(resident.indexed, {}, erase->mutable_disarmed());
      }
      resident.indexed.clear();
      resident.in_store = false;
      resident.spec_stored = false;
    } else {
      storage::v1::Put* put = frame.add_operations()->mutable_put();
      put->set_id(handle.id);
      if (!resident.spec_stored) {
        put->set_spec(EncodeSpec(handle));
      }
      put->set_state(EncodeState(handle));
      std::vector<DueKey> due = timer::AllDue(handle);
      SetDueKeys(due, resident.indexed, put->mutable_armed());
      SetDueKeys(resident.indexed, due, put->mutable_disarmed());
      resident.indexed = std::move(due);
      resident.in_store = true;
      resident.spec_stored = true;
    }
    resident.dirty = false;
    resident.last_frame = taken_;
  }
  in_flight_.push_back({taken_, std::exchange(gathered_, {})});
  return frame;
}

void Shard::OnDurable(uint64_t sequence) {
  TIMERD_CHECK(sequence > durable_ && sequence <= taken_);
  durable_ = sequence;
}

void Shard::OnApplied(uint64_t sequence) {
  TIMERD_CHECK(!in_flight_.empty() && in_flight_.front().sequence == sequence);
  TIMERD_CHECK(sequence <= durable_);
  applied_ = sequence;
  const std::vector<Slot> slots = std::move(in_flight_.front().slots);
  in_flight_.pop_front();
  for (const Slot slot : slots) {
    if (residents_[slot].last_frame == sequence) {  // not part of a later frame too
      Settle(slot);
    }
  }
}

void Shard::Release() {
  while (!outputs_.empty() && outputs_.front().after <= durable_) {
    Output output = std::move(outputs_.front());
    outputs_.pop_front();
    output.give();
  }
  while (!reads_.empty() && reads_.front().after <= applied_) {
    List list = std::move(reads_.front().list);
    reads_.pop_front();
    list.reply(ListHandles(state_, list, reading_.now));
  }
}

}  // namespace timerd::reactor
