#include "server/reactor/shard.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/handle_key.h"
#include "server/base/status.h"
#include "server/reactor/codec.h"

namespace timerd::reactor {
namespace {

// Readings of the two clocks are never of one moment. A wall clock that seems to have gone forward
// by no more than this has not been set.
constexpr Span kReadingNoise = std::chrono::milliseconds(20);
// Before all deadlines.
constexpr DueKey kNothingLoaded = {InstantFromNanos(-1), 0};

void SetDueKeys(const timer::IndexKeys& keys, const timer::IndexKeys& without,
                google::protobuf::RepeatedPtrField<storage::v1::DueKey>* to) {
  for (const IndexKey& key : keys) {
    if (std::find(without.begin(), without.end(), key) == without.end()) {
      storage::v1::DueKey* added = to->Add();
      added->set_deadline_ns(ToNanos(key.due.deadline));
      added->set_place(key.due.place);
      added->set_timeline(static_cast<storage::v1::Timeline>(key.timeline));
    }
  }
}

// The queue that a deadline in `keys` waits in; empty when none does.
std::string QueueNamed(const timer::IndexKeys& keys, const timer::Handle& handle) {
  const bool waits = std::any_of(keys.begin(), keys.end(), [](const IndexKey& key) {
    return key.timeline == Timeline::kQueue;
  });
  return waits ? HandleKey(NamespaceOf(handle.key), handle.spec.queue) : std::string();
}

}  // namespace

Shard::Shard(const ShardOptions& options, const Recovered& recovered, Instant now,
             store::StateStore& state, EventSink& sink)
    : options_(options),
      state_(state),
      sink_(sink),
      recovered_at_(now),
      first_place_(recovered.position.next_place()),
      reading_{now, ToNanos(now)},
      next_place_(first_place_),
      last_taken_at_(now),
      taken_(recovered.position.sequence()),
      durable_(taken_),
      applied_(taken_),
      wheel_(TickReached(now)),
      loaded_{kNothingLoaded, kNothingLoaded},
      window_{.span = options.window},
      shrink_above_(options.max_resident_bytes),
      overdue_{Overdue{kNothingLoaded, now}, Overdue{kNothingLoaded, now}},
      // A clock that stands still has not gone on meanwhile.
      backlog_(!options.is_virtual),
      namespaces_(recovered.namespaces, options.usage, options.namespaces),
      feeds_(recovered.feeds, options.feed, options.usage),
      forgotten_(kNothingLoaded),
      lines_(recovered.queues, options.queues) {}

void Shard::Begin(const clock::Reading& reading) {
  reading_ = {std::max(reading_.now, reading.now), reading.unix_ns};
  const Span ahead = WallAhead(reading_.now, reading_.unix_ns);
  if (!begun_ && backlog_) {
    OverdueOn(Timeline::kWall).last += ahead;
    for (const Timeline timeline : kFiringTimelines) {
      Loaded(timeline) = {OverdueOn(timeline).last, kLastPlace};
    }
  }
  if (!begun_ || ahead < wall_ahead_ || ahead > wall_ahead_ + kReadingNoise) {
    begun_ = true;
    FollowWallClock(ahead);
  }
  if (residents_.bytes() <= options_.max_resident_bytes) {
    shrink_above_ = options_.max_resident_bytes;
  } else if (residents_.bytes() > shrink_above_) {
    ShrinkWindow();
    // Where that did not help, it tries again only when there is a quarter more: it looks at all.
    shrink_above_ = residents_.bytes() + residents_.bytes() / 4;
  }
}

void Shard::Execute(Command command) {
  std::visit([this](auto& each) { Do(std::move(each)); }, command);
}

// ---- Handles -----------------------------------------------------------------------------------

absl::StatusOr<std::optional<Slot>> Shard::Lookup(absl::string_view key) {
  TIMERD_ASSIGN_OR_RETURN(const std::optional<Slot> slot, Load(key));
  if (slot && backlog_) {
    FireOverdueOf(*slot, {recovered_at_, kLastPlace});
  }
  return slot;
}

absl::StatusOr<std::optional<Slot>> Shard::Load(absl::string_view key) {
  if (const std::optional<Slot> slot = residents_.Find(key)) {
    return slot;
  }
  TIMERD_ASSIGN_OR_RETURN(const std::optional<store::Record> record, state_.Get(key));
  if (!record) {
    return std::optional<Slot>();
  }
  TIMERD_ASSIGN_OR_RETURN(const Slot slot, Add(key, *record));
  return std::optional<Slot>(slot);
}

absl::StatusOr<Slot> Shard::Add(absl::string_view key, const store::Record& record) {
  TIMERD_ASSIGN_OR_RETURN(timer::Handle handle, Decode(key, record.spec, record.state));
  timer::IndexKeys indexed = timer::AllDue(handle);
  const Slot slot = residents_.Add(std::move(handle));
  residents_[slot].indexed = std::move(indexed);
  residents_[slot].in_store = true;
  residents_[slot].spec_stored = true;
  if (const timer::Handle& loaded = residents_[slot].handle;
      !loaded.spec.queue.empty() && loaded.phase != timer::Phase::kEnded) {
    residents_[slot].stage = timer::StageOf(loaded);
    residents_[slot].lease = loaded.delivery.lease;
  }
  return slot;
}

bool Shard::IsGone(const Resident& resident) const {
  return resident.erased || timer::IsForgotten(resident.handle, reading_.now);
}

absl::StatusOr<Slot> Shard::Find(absl::string_view key) {
  TIMERD_ASSIGN_OR_RETURN(const std::optional<Slot> slot, Lookup(key));
  if (!slot || IsGone(residents_[*slot])) {
    if (slot) {
      Settle(*slot);
    }
    return Refuse(Reason::kUnknownId,
                  absl::StrCat("id \"", IdOf(key), "\": unknown in namespace \"", NamespaceOf(key),
                               "\", or ended longer ago than --retention; "
                               "use the id that an acknowledgement named"));
  }
  return *slot;
}

timer::Context Shard::MakeContext() {
  events_.clear();
  return {.now = reading_.now,
          .wall_ahead = wall_ahead_,
          .limits = options_.limits,
          .next_place = next_place_,
          .events = events_,
          .serving_since = recovered_at_};
}

void Shard::Emit(Slot slot, uint64_t after, bool redelivery) {
  const timer::Handle& handle = residents_[slot].handle;
  for (const timer::Event& event : events_) {
    namespaces_.OnEvent(handle, event);
    if (event.type == timer::EventType::kFailed && !event.by_timeout &&
        !handle.spec.queue.empty()) {
      Bury(handle, event);
    }
    auto notice = std::make_unique<Notice>(MakeNotice(handle, event, redelivery));
    feeds_.Append(*notice, *next_frame_);
    if (after > taken_ || options_.is_virtual) {  // told when it is durable
      notice->feed.durable = notice->feed.sequence;
    }
    outputs_.push_back({after, [this, notice = std::move(notice)]() mutable {
                          sink_.OnEvent(std::move(notice));
                        }});
  }
  events_.clear();
}

void Shard::MarkDirty(Slot slot) {
  Resident& resident = residents_[slot];
  if (!resident.dirty) {
    resident.dirty = true;
    gathered_.push_back(slot);
  }
  if (std::exchange(resident.unwritten, false)) {
    lines_.Write(LineOf(resident.handle));
  }
  residents_.Measure(slot);
  TrackDelivery(slot);
  Rearm(slot);
}

void Shard::Rearm(Slot slot) {
  const Resident& resident = residents_[slot];
  const std::optional<DueKey> key = timer::NextDue(resident.handle, wall_ahead_);
  if (key && !resident.erased &&
      (IsWithinWindow(resident.handle) || timer::HasReservation(resident.handle))) {
    wheel_.Arm(slot, TickOf(key->deadline), key->place);
  } else {
    wheel_.Disarm(slot);
  }
  LineUp(slot);
}

void Shard::Settle(Slot slot) {
  Resident& resident = residents_[slot];
  if (resident.unwritten && !resident.lined) {
    return MarkDirty(slot);  // its line has left it to the disk
  }
  if (resident.dirty || resident.last_frame > applied_) {
    return Rearm(slot);
  }
  if (!resident.erased && timer::HasReservation(resident.handle)) {
    // What is in memory is not what is stored. Rather than keep too many such, it is written down.
    if (residents_.bytes() > options_.max_resident_bytes && !IsWithinWindow(resident.handle)) {
      DropReservations(resident.handle);
      return MarkDirty(slot);
    }
    return Rearm(slot);
  }
  if (resident.erased || !IsWithinWindow(resident.handle)) {
    wheel_.Disarm(slot);
    LineUp(slot);
    residents_.Remove(slot);
  } else {
    Rearm(slot);
  }
}

void Shard::DropReservations(timer::Handle& handle) {
  for (timer::Timeout& timeout : handle.timeouts) {
    timeout.reserved.reset();
  }
}

void Shard::WriteReservations() {
  for (const Slot slot : residents_.All()) {
    if (timer::HasReservation(residents_[slot].handle)) {
      DropReservations(residents_[slot].handle);
      MarkDirty(slot);
    }
  }
}

Opened Shard::Open(const timer::Handle& handle, uint64_t after) const {
  Opened opened{
      .key = handle.key, .generation = handle.generation, .now = reading_.now, .existed = true};
  for (const timer::Event& event : timer::RetainedAfter(handle, after)) {
    opened.retained.push_back(MakeNotice(handle, event, /*redelivery=*/true));
  }
  opened.ended = handle.phase == timer::Phase::kEnded;
  return opened;
}

Notice Shard::MakeNotice(const timer::Handle& handle, const timer::Event& event,
                         bool redelivery) const {
  Notice notice{handle.key,
                handle.spec.kind,
                handle.generation,
                handle.spec.queue,
                event,
                redelivery,
                handle.end && handle.end->sequence == event.sequence};
  if (event.type == timer::EventType::kFired || event.type == timer::EventType::kTick) {
    notice.event.payload = handle.spec.payload;
  }
  return notice;
}

void Shard::LeaveQueue(Slot slot, const timer::Handle& next) {
  Resident& resident = residents_[slot];
  const timer::Handle& handle = resident.handle;
  if (handle.spec.queue.empty() || handle.spec.queue == next.spec.queue || !resident.in_store) {
    return;
  }
  // The next record cannot say where this one waited.
  storage::v1::Erase& erase = *next_frame_->add_operations()->mutable_erase();
  erase.set_key(handle.key);
  erase.set_queue(HandleKey(NamespaceOf(handle.key), handle.spec.queue));
  SetDueKeys(resident.indexed, {}, erase.mutable_disarmed());
  resident.indexed.clear();
  resident.in_store = false;
}

// ---- Frames ------------------------------------------------------------------------------------

std::shared_ptr<const store::Frame> Shard::TakeFrame() {
  if (!HasChanges()) {
    return nullptr;
  }
  return TakeFrameEvenEmpty();
}

std::shared_ptr<const store::Frame> Shard::TakeFrameEvenEmpty() {
  const std::shared_ptr<store::Frame> taken = std::exchange(next_frame_, store::NewFrame());
  store::Frame& frame = *taken;
  frame.set_shard(options_.index);
  frame.set_epoch(1);
  frame.set_sequence(++taken_);
  frame.set_time_ns(ToNanos(reading_.now));
  frame.set_wall_ns(reading_.unix_ns);
  frame.set_next_place(next_place_);
  namespaces_.TakeChanged(frame);
  lines_.TakeChanged(frame);
  feeds_.TakeChanged(frame);
  for (const Slot slot : gathered_) {
    Resident& resident = residents_[slot];
    const timer::Handle& handle = resident.handle;
    if (resident.erased) {
      if (resident.in_store) {
        storage::v1::Erase* erase = frame.add_operations()->mutable_erase();
        erase->set_key(handle.key);
        SetDueKeys(resident.indexed, {}, erase->mutable_disarmed());
        erase->set_queue(QueueNamed(resident.indexed, handle));
      }
      resident.indexed.clear();
      resident.in_store = false;
      resident.spec_stored = false;
    } else {
      storage::v1::Put* put = frame.add_operations()->mutable_put();
      put->set_key(handle.key);
      if (!resident.spec_stored) {
        put->set_spec(EncodeSpec(handle));
        put->set_replaces(resident.in_store);
      }
      put->set_state(EncodeState(handle));
      timer::IndexKeys due = timer::AllDue(handle);
      SetDueKeys(due, resident.indexed, put->mutable_armed());
      SetDueKeys(resident.indexed, due, put->mutable_disarmed());
      put->set_queue(QueueNamed(due, handle));
      if (put->queue().empty()) {
        put->set_queue(QueueNamed(resident.indexed, handle));
      }
      resident.indexed = std::move(due);
      resident.in_store = true;
      resident.spec_stored = true;
    }
    resident.dirty = false;
    resident.last_frame = taken_;
  }
  flying_ += gathered_.size();
  in_flight_.push_back({taken_, last_taken_at_, std::exchange(gathered_, {})});
  last_taken_at_ = reading_.now;
  return taken;
}

void Shard::OnDurable(uint64_t sequence) {
  TIMERD_CHECK(sequence > durable_ && sequence <= taken_);
  durable_ = sequence;
  feeds_.OnDurable(sequence, [this](absl::string_view name) { sink_.OnFeedGrown(name); });
}

size_t Shard::OnApplied(uint64_t sequence) {
  TIMERD_CHECK(!in_flight_.empty() && in_flight_.front().sequence == sequence);
  TIMERD_CHECK(sequence <= durable_);
  applied_ = sequence;
  std::erase_if(unburied_, [sequence](const auto& each) { return each.second <= sequence; });
  const std::vector<Slot> slots = std::move(in_flight_.front().slots);
  in_flight_.pop_front();
  flying_ -= slots.size();
  for (const Slot slot : slots) {
    if (residents_[slot].last_frame == sequence) {  // not part of a later frame too
      Settle(slot);
    }
  }
  feeds_.OnApplied(sequence);
  return slots.size();
}

void Shard::ReadStore(absl::AnyInvocable<void()> give) {
  Want(LatestFrame());
  reads_.push_back({LatestFrame(), std::move(give)});
}

void Shard::Release() {
  while (!outputs_.empty() && outputs_.front().after <= durable_) {
    Output output = std::move(outputs_.front());
    outputs_.pop_front();
    output.give();
  }
  while (!reads_.empty() && reads_.front().after <= applied_) {
    StoreRead read = std::move(reads_.front());
    reads_.pop_front();
    read.give();
  }
  ReadFeeds();
}

}  // namespace timerd::reactor
