// Of Shard: what waits in queues, and who gets it.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/handle_key.h"
#include "server/base/hash.h"
#include "server/base/status.h"
#include "server/reactor/codec.h"
#include "server/reactor/shard_change.h"

namespace timerd::reactor {
namespace {

// Entries read at a time, of what waits.
constexpr size_t kPage = 128;
// Handles that a line which takes too much memory leaves to the disk at a time: a millisecond.
constexpr size_t kCut = 1024;
// What one queue is given before the others have their turn.
constexpr size_t kTurnOfOne = 64;

}  // namespace

timer::DeliveryPolicy Shard::QueuePolicy(const timer::Handle& handle) {
  if (handle.spec.queue.empty()) {
    return timer::kDefaultDelivery;
  }
  const Line& line = LineOf(handle);
  return timer::WithDefaults(line.queue == nullptr ? timer::DeliveryPolicy() : line.queue->policy(),
                             timer::kDefaultDelivery);
}

absl::Status Shard::AdmitToQueue(absl::string_view key, const timer::Spec& spec,
                                 std::optional<Slot> replaced) {
  if (spec.queue.empty() || options_.queues == nullptr) {
    return absl::OkStatus();
  }
  const Line& line = lines_.Of(key, spec.queue);
  if (line.queue != nullptr) {
    const bool in_place = replaced && residents_[*replaced].handle.spec.queue == spec.queue &&
                          Lines::IsScheduled(residents_[*replaced].stage);
    return line.queue->Admit(reading_.now, in_place);
  }
  absl::Status refused = options_.queues->RefuseNew(line.name);
  lines_.DropIfEmpty(HandleKey(NamespaceOf(key), spec.queue));
  return refused;
}

void Shard::WithdrawFromQueue(absl::string_view key, const timer::Spec& spec) {
  if (!spec.queue.empty() && options_.queues != nullptr) {
    lines_.Of(key, spec.queue).queue->Withdraw();
  }
}

void Shard::EnterQueue(Slot slot) {
  const timer::Handle& handle = residents_[slot].handle;
  if (!handle.spec.queue.empty()) {
    lines_.Enter(LineOf(handle));
    residents_[slot].stage = timer::Stage::kIdle;
  }
}

// ---- Lines -------------------------------------------------------------------------------------

void Shard::TrackDelivery(Slot slot) {
  Resident& resident = residents_[slot];
  const timer::Handle& handle = resident.handle;
  if (handle.spec.queue.empty()) {
    return;
  }
  std::optional<timer::Stage> stage;
  if (!resident.erased && handle.phase != timer::Phase::kEnded) {
    stage = timer::StageOf(handle);
  }
  if (stage != resident.stage) {
    lines_.Move(LineOf(handle), std::exchange(resident.stage, stage), stage);
  }
  const uint64_t old = std::exchange(resident.lease, handle.delivery.lease);
  if (old != resident.lease) {
    DropHolder(handle.key, old, /*revoked=*/old != settling_ || !IsHeldBy(settling_by_, old));
  }
}

bool Shard::WaitUnwritten(Slot slot) {
  Resident& resident = residents_[slot];
  if (resident.dirty) {
    return false;  // it is written anyway
  }
  lines_.WaitUnwritten(LineOf(resident.handle));
  resident.stage = timer::Stage::kWaiting;
  resident.unwritten = true;
  Rearm(slot);
  return resident.lined.has_value();
}

bool Shard::IsHeldBy(const Worker* worker, uint64_t lease) const {
  const auto held = leases_.find(lease);
  return worker == nullptr || (held != leases_.end() && held->second.get() == worker);
}

void Shard::DropHolder(const std::string& key, uint64_t lease, bool revoked) {
  const auto held = leases_.find(lease);
  if (held == leases_.end()) {
    return;
  }
  outputs_.push_back({taken_ + 1, [worker = std::move(held->second), key, lease, revoked] {
                        worker->OnLeaseOver(key, lease, revoked);
                      }});
  leases_.erase(held);
}

void Shard::LineUp(Slot slot) {
  Resident& resident = residents_[slot];
  const timer::Handle& handle = resident.handle;
  if (handle.spec.queue.empty()) {
    return;
  }
  std::optional<DueKey> key = resident.erased ? std::nullopt : timer::WaitingKey(handle);
  if (!key && !resident.lined) {
    return;
  }
  Line& line = LineOf(handle);
  if (key && *key > line.loaded) {
    key.reset();
  }
  if (key == resident.lined) {
    return;
  }
  if (resident.lined) {
    line.front.erase(*resident.lined);
    --lined_;
  }
  resident.lined = key;
  if (!key) {
    return;
  }
  line.front.emplace(*key, slot);
  ++lined_;
  lines_.SetReady(line);
  if (line.front.size() > 2 * Lines::kFront && AreFrontsFull()) {
    // What is behind the front stays on disk, or goes there with the next frame. Others that come
    // are behind it too, so that is seldom much.
    const size_t cut = std::min(line.front.size() - Lines::kFront, kCut);
    const auto behind_front = std::prev(line.front.end(), static_cast<ptrdiff_t>(cut));
    line.loaded = std::prev(behind_front)->first;
    std::vector<Slot> behind;
    std::for_each(behind_front, line.front.end(),
                  [&behind](const auto& each) { behind.push_back(each.second); });
    line.front.erase(behind_front, line.front.end());
    lined_ -= behind.size();
    for (const Slot each : behind) {
      residents_[each].lined.reset();
      if (each != slot) {
        Settle(each);
      }
    }
  }
}

absl::Status Shard::LoadLine(Line& line) {
  if (!line.front.empty() || !line.HasMore() || line.loaded == Line::kEverything) {
    return absl::OkStatus();
  }
  if (IsStoreBehind()) {
    Want(taken_);
  }
  IndexPage page;
  TIMERD_RETURN_IF_ERROR(
      state_.ScanWaiting(line.name, line.loaded, [&page](const DueKey& due, auto key) {
        page.emplace_back(due, std::string(key));
        return page.size() < kPage;
      }));
  line.loaded = page.size() == kPage ? page.back().first : Line::kEverything;
  TIMERD_ASSIGN_OR_RETURN(const Records records, ReadRecords(page));
  for (size_t i = 0; i < page.size(); ++i) {
    TIMERD_ASSIGN_OR_RETURN(const Slot slot, LoadIndexed(page[i].second, records[i]));
    Settle(slot);
  }
  // What is on its way to the store was not in the page.
  for (const InFlight& frame : in_flight_) {
    std::for_each(frame.slots.begin(), frame.slots.end(), [this](Slot slot) { LineUp(slot); });
  }
  std::for_each(gathered_.begin(), gathered_.end(), [this](Slot slot) { LineUp(slot); });
  return absl::OkStatus();
}

// ---- Dispatch ----------------------------------------------------------------------------------

absl::StatusOr<size_t> Shard::Dispatch(size_t limit) {
  TIMERD_ASSIGN_OR_RETURN(size_t done, PurgeSome(limit));
  while (done < limit) {
    Line* const line = lines_.TakeReady();
    if (line == nullptr) {
      break;
    }
    TIMERD_ASSIGN_OR_RETURN(const size_t given,
                            DispatchFrom(*line, std::min(kTurnOfOne, limit - done)));
    done += given;
    lines_.SetReady(*line);
  }
  return done;
}

absl::StatusOr<size_t> Shard::DispatchFrom(Line& line, size_t limit) {
  size_t given = 0;
  while (given < limit && line.count.waiting() > 0) {
    while (line.front.empty() && line.loaded != Line::kEverything) {
      TIMERD_RETURN_IF_ERROR(LoadLine(line));
    }
    if (line.front.empty()) {
      break;
    }
    std::shared_ptr<Worker> worker =
        line.queue == nullptr ? nullptr : line.queue->Claim(options_.index);
    if (worker == nullptr) {
      line.asleep = true;
      break;
    }
    HandOver(line.front.begin()->second, std::move(worker));
    ++given;
  }
  return given;
}

void Shard::HandOver(Slot slot, std::shared_ptr<Worker> worker) {
  timer::Handle& handle = residents_[slot].handle;
  timer::Context context = MakeContext();
  context.queue_policy = QueuePolicy(handle);
  // The place is another one for each, also where an id that was forgotten is used again.
  const uint64_t lease =
      StableHash(absl::StrCat(options_.lease_salt, "/", handle.key, "/", next_place_)) | 1;
  timer::Lease(handle, lease, context);
  leases_[lease] = worker;
  MarkDirty(slot);
  Emit(slot, LatestFrame(), /*redelivery=*/false);
  const timer::Event& firing = *handle.last_firing;
  Occurrence occurrence{
      .key = handle.key,
      .kind = handle.spec.kind,
      .generation = handle.generation,
      .run = handle.run,
      .attempt = handle.delivery.attempts,
      .lease = lease,
      .lease_end = handle.delivery.due->at,
      .deadline = firing.deadline,
      .time = reading_.now,
      .count = firing.count,
      .payload = handle.spec.payload,
      .last_attempt = timer::IsLastAttempt(handle, timer::PolicyOf(handle, context.queue_policy))};
  outputs_.push_back(
      {LatestFrame(), [worker = std::move(worker), occurrence = std::move(occurrence)]() mutable {
         worker->Deliver(std::move(occurrence));
       }});
}

void Shard::Do(const reactor::Dispatch& command) {
  if (Line* const line = lines_.Find(command.queue)) {
    line->asleep = false;
    lines_.SetReady(*line);
  }
}

// ---- What workers say --------------------------------------------------------------------------

void Shard::Do(reactor::Settle command) {
  settling_ = command.lease;
  settling_by_ = command.by;
  Change(
      command.key, std::move(command.reply),
      [this, &command](timer::Handle& handle, timer::Context& context) {
        context.queue_policy = QueuePolicy(handle);
        absl::StatusOr<timer::SettleResult> settled =
            timer::Settle(handle, command.lease, command.verdict, context);
        if (settled.ok() && settled->lease_end && !IsHeldBy(command.by, command.lease)) {
          // Whoever extends it has it from now on, whatever becomes of the stream that had it.
          DropHolder(handle.key, command.lease, /*revoked=*/true);
        }
        return settled;
      },
      [this](const timer::SettleResult& result, const timer::Handle& handle) {
        Settled settled{.now = reading_.now, .result = result};
        if (handle.end) {
          settled.end = handle.end->type;
        }
        return settled;
      });
  settling_ = 0;
  settling_by_ = nullptr;
}

void Shard::Do(const Abandon& command) {
  if (!leases_.contains(command.lease)) {
    return;
  }
  const absl::StatusOr<std::optional<Slot>> found = Lookup(command.key);
  if (!found.ok() || !*found || IsGone(residents_[**found])) {
    return;  // nobody waits for an answer; what is wrong with the store is told to others
  }
  timer::Context context = MakeContext();
  if (timer::Shorten(residents_[**found].handle, command.lease, reading_.now + options_.lease_grace,
                     context)) {
    MarkDirty(**found);
  } else {
    Settle(**found);
  }
}

// ---- Looking at queues, and purging them -------------------------------------------------------

void Shard::Do(ReadOldest command) {
  Line* const line = lines_.Find(command.queue);
  std::optional<Instant> oldest;
  if (line != nullptr) {
    while (line->front.empty() && line->loaded != Line::kEverything) {
      if (absl::Status loaded = LoadLine(*line); !loaded.ok()) {
        return Answer<std::optional<Instant>>(std::move(command.reply), std::move(loaded));
      }
    }
    if (!line->front.empty()) {
      oldest = line->front.begin()->first.deadline;
    }
  }
  Answer<std::optional<Instant>>(std::move(command.reply), oldest);
}

void Shard::Do(PurgeQueue command) {
  Line* const line = lines_.Find(command.queue);
  if (line == nullptr) {
    return Answer<uint64_t>(std::move(command.reply), 0);
  }
  purges_.push_back({.line = line,
                     .until = reading_.now,
                     .place = next_place_,
                     .reply = std::move(command.reply)});
}

absl::StatusOr<size_t> Shard::PurgeSome(size_t limit) {
  size_t dropped = 0;
  while (!purges_.empty() && dropped < limit) {
    Purge& purge = purges_.front();
    Line& line = *purge.line;
    while (line.front.empty() && line.loaded != Line::kEverything) {
      TIMERD_RETURN_IF_ERROR(LoadLine(line));
    }
    const auto first = line.front.begin();
    if (first == line.front.end() || first->first.deadline > purge.until ||
        first->first.place >= purge.place) {
      Answer<uint64_t>(std::move(purge.reply), purge.purged);
      purges_.pop_front();
      continue;
    }
    const Slot slot = first->second;
    timer::Context context = MakeContext();
    timer::Purge(residents_[slot].handle, context);
    MarkDirty(slot);
    Emit(slot, LatestFrame(), /*redelivery=*/false);
    ++purge.purged;
    ++dropped;
  }
  return dropped;
}

}  // namespace timerd::reactor
