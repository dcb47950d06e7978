// A shard: the handles whose ids hash to it, as a deterministic machine.
//
// Inputs are commands, readings of the clock, and word of how far its frames have come. Outputs are
// frames, replies and events. It reads no clock, starts no thread, and touches no disk but to read
// from its state store, so a test can drive it under a clock of its own; Reactor drives it on a
// thread.
//
// One turn: Begin, then any of Execute, LoadWindow, Fire, FireOverdue and Dispatch, then TakeFrame
// when the last frame is durable, then Release. What a turn changes is gathered and written once,
// in the next frame.
//
// Answers wait for the frame that holds what they rest on. Firing events do not wait for theirs,
// only for that of the handle as it was before, and for the answers before them, since outputs
// leave in the order in which they were decided. Should the server die between event and frame, the
// timer is overdue at the restart and fires again, marked as a redelivery (docs/guarantees.md).
//
// Only the near future is resident and in the wheel: handles with a deadline that is loaded. The
// others are loaded from the store's due index, page by page, before they are due.
//
// What is overdue at a start, however much, keeps nothing waiting: FireOverdue() goes through it by
// and by, oldest first, beside what becomes due now, and a command that comes to a handle before
// finds that it has fired.
//
// Deadlines stand on the service timeline or, absolute times and cron, on the wall clock. The wheel
// turns on the service timeline: when the wall clock is set, what is resident and stands on it is
// armed anew, and the rest is found because the index keeps the two apart.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "server/clock/clock.h"
#include "server/reactor/command.h"
#include "server/reactor/disk_room.h"
#include "server/reactor/feeds.h"
#include "server/reactor/lines.h"
#include "server/reactor/namespace_counts.h"
#include "server/reactor/recovery.h"
#include "server/reactor/residents.h"
#include "server/store/state_store.h"
#include "server/wheel/timing_wheel.h"

namespace timerd::reactor {

struct ShardOptions {
  uint32_t index = 0;
  bool is_virtual = false;  // whoever drives it moves its time by command
  // How far ahead of now handles are kept in memory.
  Span window = std::chrono::minutes(10);
  // Above so many bytes of residents the window shrinks.
  size_t max_resident_bytes = size_t{100} << 20;
  timer::Limits limits;
  NamespaceLimits namespaces;
  // Where queues are found; null: nobody takes what waits in one.
  QueueDirectory* queues = nullptr;
  // How long a lease outlives the stream that held it.
  Span lease_grace = std::chrono::seconds(2);
  // How long dead letters are kept.
  Span dead_letter_retention = std::chrono::hours(24 * 14);
  // Makes the names of leases hard to guess.
  uint64_t lease_salt = 0;
  // Where the server keeps the numbers of all its shards; null: nowhere, and nothing is limited.
  UsageRegistry* usage = nullptr;
  // The disk that new handles need room on; null: there is none, or as much as anybody wants.
  const DiskRoom* disk = nullptr;
  FeedLimits feed;
};

// What a shard loads, and whether it keeps pace.
struct LoadedWindow {
  Span span{};              // how far ahead of now handles are to be loaded: what the limits allow
  uint64_t pages = 0;       // of deadlines that were loaded, with at least one in each
  uint64_t late_pages = 0;  // whose first deadline had passed by then
};

// Where events go. Called on the shard's thread.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void OnEvent(std::unique_ptr<const Notice> notice) = 0;
  // Whether anybody follows the handle `key`, and would have been told of an event now.
  virtual bool IsFollowed(absl::string_view key) = 0;
  // The feed of namespace `name_space` has more events to be read.
  virtual void OnFeedGrown(absl::string_view /*name_space*/) {}
};

// Not thread-safe: one thread at a time.
class Shard {
 public:
  // Continues after `recovered`, what Recover() found in `state`. `now` is where the service
  // timeline resumes. `state` and `sink` outlive the shard.
  Shard(const ShardOptions& options, const Recovered& recovered, Instant now,
        store::StateStore& state, EventSink& sink);

  // The time for what follows. Service time never goes back.
  void Begin(const clock::Reading& reading);
  void Execute(Command command);
  // Loads one page of handles that are due within the window, if the horizon is behind. Returns
  // true if there may be more to load. An error means that the store cannot be read: fatal.
  absl::StatusOr<bool> LoadWindow();
  // Fires at most `limit` deadlines that are due, in order; returns how many acted. What is due but
  // not loaded waits for LoadWindow(), what was due at the start for FireOverdue().
  size_t Fire(size_t limit);
  // Looks at the next `limit` deadlines that had passed when the shard was made, in order, and
  // fires them; returns how many acted. An error means that the store cannot be read: fatal.
  absl::StatusOr<size_t> FireOverdue(size_t limit);
  // True until FireOverdue() has seen them all.
  bool HasBacklog() const { return backlog_; }
  // Drops what is to be purged, and hands what waits in queues to workers: at most `limit` in all;
  // returns how many. An error means that the store cannot be read: fatal.
  absl::StatusOr<size_t> Dispatch(size_t limit);
  // Forgets ended handles whose retention is over, some at a time; returns how many. Nobody sees
  // them any more in any case: this is for the disk. The same for events in feeds.
  absl::StatusOr<size_t> Forget();
  // Makes what heartbeats have moved part of the next frame: before a stop.
  void WriteReservations();

  // All changes since the last frame, null if there are none. Frames are appended to the log, and
  // then applied to the state store, in the order in which they were taken.
  std::shared_ptr<const store::Frame> TakeFrame();
  // As TakeFrame(), but at least a frame that says what time it is: what a restart measures its gap
  // from, when the wall clock was set meanwhile.
  std::shared_ptr<const store::Frame> TakeFrameEvenEmpty();
  // The last frame that somebody waits for to be applied.
  uint64_t wanted() const { return wanted_; }
  void OnDurable(uint64_t sequence);
  // Returns how many handles were in the frame.
  size_t OnApplied(uint64_t sequence);
  // Gives out the replies and events that need wait no longer.
  void Release();

  // When there is something to fire or to load although no command comes; at once if that is not
  // after now.
  Instant NextWake();
  // For clocks that stand still, which need not stop to load what is not due. When there is
  // something to fire of what is loaded; up to where that is all there is; and the first deadline
  // on disk behind that, Instant::max() if there is none. The last REQUIRES: all frames are
  // applied.
  Instant NextLoaded();
  Instant LoadedUntil() const { return Horizon().deadline; }
  absl::StatusOr<Instant> NextStored() const;
  // When the next deadline acts, exactly; nothing if there is none. Looks at every resident: for
  // clocks that stand still. REQUIRES: all frames are applied.
  absl::StatusOr<std::optional<Instant>> NextDeadline();
  // Replies and events that wait for a frame.
  size_t waiting() const { return outputs_.size() + reads_.size() + feed_reads_.size(); }
  size_t residents() const { return residents_.size(); }
  size_t resident_bytes() const { return residents_.bytes(); }
  const LoadedWindow& window() const { return window_; }
  const clock::Reading& reading() const { return reading_; }

 private:
  static constexpr size_t kManyInFlight = 4096;

  struct Output {
    uint64_t after;  // the frame that must be durable before
    absl::AnyInvocable<void()> give;
  };
  struct StoreRead {
    uint64_t after;  // the frame that must be applied before
    absl::AnyInvocable<void()> give;
  };
  struct Purge {
    Line* line;
    Instant until;   // what is due later stays,
    uint64_t place;  // and what has begun to wait later
    uint64_t purged = 0;
    Reply<uint64_t> reply;
  };
  // What was overdue at the start and has not been looked at, of one timeline: wherever the wall
  // clock is set meanwhile.
  struct Overdue {
    DueKey after;
    Instant last;
  };
  struct FeedRead {
    uint64_t after;  // the frame that must be applied before
    ReadFeed command;
  };
  struct InFlight {
    uint64_t sequence;
    Instant since;  // nothing in it was decided before
    std::vector<Slot> slots;
  };

  void Do(Create command);
  void Do(Bound command);
  void Do(Watch command);
  void Do(Cancel command);
  void Do(StopLoop command);
  void Do(Steer command);
  void Do(Report command);
  void Do(Reschedule command);
  void Do(Get command);
  void Do(List command);
  void Do(ReadFeed command);
  void Do(ReadTime command);
  void Do(Advance command);
  void Do(const Unfollow& command);
  void Do(reactor::Settle command);
  void Do(const Abandon& command);
  void Do(const reactor::Dispatch& command);
  void Do(PurgeQueue command);
  void Do(ReadOldest command);
  void Do(ListLetters command);
  void Do(TakeLetter command);
  void Do(Run command);

  // Runs `step(handle, context)` on the handle `key`. An error goes to `reply` as it is, and
  // nothing has changed; of a result, `to_answer(result, handle)` does.
  template <typename Result, typename Step, typename ToAnswer>
  void Change(const std::string& key, Reply<Result> reply, Step step, ToAnswer to_answer);
  // Whether `command` is answered by the handle that is there.
  static bool Attaches(const timer::Handle& handle, const Create& command);
  // Attaches to the handle that the same request made before, or refuses.
  void AnswerExisting(Slot slot, Create command);
  template <typename T>
  void Answer(Reply<T> reply, absl::StatusOr<T> answer);
  // Calls `give` once the store has all that has been decided by now.
  void ReadStore(absl::AnyInvocable<void()> give);
  void Want(uint64_t sequence) { wanted_ = std::max(wanted_, sequence); }

  // The handle `key`, made resident; nothing if there is none. It may be one that is gone.
  absl::StatusOr<std::optional<Slot>> Load(absl::string_view key);
  // Makes what is in the store a resident.
  absl::StatusOr<Slot> Add(absl::string_view key, const store::Record& record);
  using IndexPage = std::vector<std::pair<DueKey, std::string>>;
  using Records = std::vector<std::optional<store::Record>>;
  // What the store has of those handles of `page` that are not resident, read together, which takes
  // less than one by one.
  absl::StatusOr<Records> ReadRecords(const IndexPage& page) const;
  // A handle that stands in an index, and what was just read of it if it was not resident; DataLoss
  // if it has no record.
  absl::StatusOr<Slot> LoadIndexed(absl::string_view key,
                                   const std::optional<store::Record>& record);
  // The handle `key` for a command: what was overdue of it has fired. An event of that may have
  // been sent before the stop.
  absl::StatusOr<std::optional<Slot>> Lookup(absl::string_view key);
  // The handle `key`, made resident; NotFound if there is none.
  absl::StatusOr<Slot> Find(absl::string_view key);
  // Adds what the store does not know yet.
  void CompleteRows(Listed& listed);
  // Erased, or to be erased: nobody may see it.
  bool IsGone(const Resident& resident) const;
  timer::Context MakeContext();
  // Gives out the events of the step just made on `slot`, once the frame `after` is durable.
  void Emit(Slot slot, uint64_t after, bool redelivery);
  // The next deadline of the handle has come: returns whether it acted.
  bool FireNow(Slot slot, const DueKey& due);
  // The same for all of them up to `until` that were overdue at the start; returns how many acted.
  size_t FireOverdueOf(Slot slot, const DueKey& until);
  // Set before the start, and passed by then.
  bool WasOverdue(const DueKey& due) const {
    return due.deadline <= recovered_at_ && due.place < first_place_;
  }
  // Notes that `slot` belongs in the next frame, and brings the wheel up to date.
  void MarkDirty(Slot slot);
  // Arms or disarms the wheel as the handle and what is loaded say.
  void Rearm(Slot slot);
  // Whether the handle has a deadline that is loaded, so that it must be resident.
  bool IsWithinWindow(const timer::Handle& handle) const;
  // One page of the deadlines of `timeline`, if what is loaded of them is behind.
  absl::StatusOr<bool> LoadPage(Timeline timeline);
  Instant NowOn(Timeline timeline) const;
  Span AheadOf(Timeline timeline) const {
    return timeline == Timeline::kWall ? wall_ahead_ : Span::zero();
  }
  Overdue& OverdueOn(Timeline timeline) { return overdue_[static_cast<size_t>(timeline)]; }
  DueKey& Loaded(Timeline timeline) { return loaded_[static_cast<size_t>(timeline)]; }
  const DueKey& Loaded(Timeline timeline) const { return loaded_[static_cast<size_t>(timeline)]; }
  // Everything due up to here is loaded.
  DueKey Horizon() const;
  // Drops a resident that need not be one, arms the others.
  void Settle(Slot slot);
  // Whether what is not due at once may be loaded; the last eighth is for what comes by itself.
  bool HasRoom() const {
    return residents_.bytes() < options_.max_resident_bytes - options_.max_resident_bytes / 8;
  }
  // Whether the fronts of the lines take as much as they may: half of what there is.
  bool AreFrontsFull() const {
    return lined_ * (residents_.bytes() / std::max<size_t>(residents_.size(), 1)) >=
           options_.max_resident_bytes / 2;
  }
  // What is due within this must be loaded, whether there is room or not.
  Span Urgent() const;
  // How far ahead of now what is loaded may end before there is more to be loaded.
  Span LoadAhead() const { return (HasRoom() ? window_.span : Urgent()) / 2; }
  // Whether so much is on its way to the store that a look into the store should wait for it, if it
  // can: all of that is looked at too.
  bool IsStoreBehind() const { return flying_ > kManyInFlight; }
  // Halves the residents by a nearer horizon.
  void ShrinkWindow();
  // The wall clock has been set: it is `ahead` of service time now.
  void FollowWallClock(Span ahead);
  // What is in memory is what the next frame writes down.
  static void DropReservations(timer::Handle& handle);
  // ---- Queues ----
  Line& LineOf(const timer::Handle& handle) { return lines_.Of(handle.key, handle.spec.queue); }
  // What holds for `handle` where it brings nothing of its own.
  timer::DeliveryPolicy QueuePolicy(const timer::Handle& handle);
  // Before the handle in `slot` is replaced by `next`, which may name another queue.
  void LeaveQueue(Slot slot, const timer::Handle& next);
  // Asks the queue of a handle that is to be made, in place of the one in `replaced` if there is
  // one. Once the handle is there, EnterQueue() takes up what was granted; otherwise
  // WithdrawFromQueue() gives it back.
  absl::Status AdmitToQueue(absl::string_view key, const timer::Spec& spec,
                            std::optional<Slot> replaced);
  void WithdrawFromQueue(absl::string_view key, const timer::Spec& spec);
  void EnterQueue(Slot slot);
  // Brings the counts of the handle's queue up to date, and frees the credit of a lease that is
  // over.
  void TrackDelivery(Slot slot);
  // The handle has come due for its queue, where it waits from now on. Returns false if that has to
  // be written: else its line has it in memory until a worker takes it, which is written then.
  bool WaitUnwritten(Slot slot);
  // Whether `worker` has `lease`; null stands for whoever has it.
  bool IsHeldBy(const Worker* worker, uint64_t lease) const;
  // The worker that has `lease` is told that it is over, once the next frame is durable.
  void DropHolder(const std::string& key, uint64_t lease, bool revoked);
  // Puts the handle into the front of its line, or takes it out.
  void LineUp(Slot slot);
  // Loads one page of what waits, if the front is empty and there is more.
  absl::Status LoadLine(Line& line);
  absl::StatusOr<size_t> DispatchFrom(Line& line, size_t limit);
  void HandOver(Slot slot, std::shared_ptr<Worker> worker);
  absl::StatusOr<size_t> PurgeSome(size_t limit);
  // The run of `handle` is given up.
  void Bury(const timer::Handle& handle, const timer::Event& event);
  void Unbury(Line& line, const DueKey& key);
  absl::Status ForgetLetters();
  void TakeLetterNow(TakeLetter command);

  bool HasChanges() const {
    return !gathered_.empty() || next_frame_->operations_size() > 0 || lines_.HasChanged() ||
           feeds_.HasChanged();
  }
  // Answers some of the reads of feeds that wait.
  void ReadFeeds();
  // The frame that holds all that has been decided so far.
  uint64_t LatestFrame() const { return HasChanges() ? taken_ + 1 : taken_; }
  // The frame that holds the handle as it is.
  uint64_t LatestFrameOf(const Resident& resident) const {
    return resident.dirty ? taken_ + 1 : resident.last_frame;
  }
  Opened Open(const timer::Handle& handle, uint64_t after) const;
  Notice MakeNotice(const timer::Handle& handle, const timer::Event& event, bool redelivery) const;

  const ShardOptions options_;
  store::StateStore& state_;
  EventSink& sink_;
  const Instant recovered_at_;
  const uint64_t first_place_;  // given by this shard; those before it were given before the start

  clock::Reading reading_;
  bool begun_ = false;  // there has been a reading
  Span wall_ahead_{};   // as of that; see base/due_key.h
  uint64_t next_place_;
  Instant last_taken_at_;
  uint64_t taken_;    // sequence of the last frame taken,
  uint64_t durable_;  // made durable,
  uint64_t applied_;  // and applied: applied_ <= durable_ <= taken_
  uint64_t wanted_ = 0;

  Residents residents_;
  wheel::TimingWheel wheel_;
  std::array<DueKey, kFiringTimelines.size()> loaded_;  // by timeline: all up to here is resident
  LoadedWindow window_;
  size_t shrink_above_;  // bytes of residents: then it is worth looking for a nearer horizon
  // By timeline.
  std::array<Overdue, kFiringTimelines.size()> overdue_;
  bool backlog_;
  NamespaceCounts namespaces_;
  Feeds feeds_;

  DueKey forgotten_;  // retentions up to here have been looked at
  Instant next_forget_;

  Lines lines_;
  absl::flat_hash_map<uint64_t, std::shared_ptr<Worker>> leases_;  // who has them, in this process
  uint64_t settling_ = 0;                                          // the lease being settled,
  const Worker* settling_by_ = nullptr;                            // and by whom
  std::deque<Purge> purges_;
  // Letters that the store may still have, although a frame has them no more: which frame.
  std::map<std::pair<std::string, DueKey>, uint64_t> unburied_;
  Instant next_letter_forget_;

  std::shared_ptr<store::Frame> next_frame_ = store::NewFrame();
  std::vector<Slot> gathered_;  // dirty residents, for the next frame
  std::deque<InFlight> in_flight_;
  size_t lined_ = 0;                  // handles in the fronts of all lines
  size_t flying_ = 0;                 // handles in them, one that is in several as often
  std::vector<timer::Event> events_;  // of the step under way
  std::deque<Output> outputs_;
  std::deque<StoreRead> reads_;
  std::deque<FeedRead> feed_reads_;
};

}  // namespace timerd::reactor
