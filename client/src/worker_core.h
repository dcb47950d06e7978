// What a Worker is made of: which runs are here, under which lease, and what the server is told.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "client/src/activity.h"
#include "client/src/callback_pool.h"
#include "client/src/connection.h"
#include "client/src/effects.h"
#include "client/src/remembered_runs.h"
#include "client/src/work_stream.h"
#include "timerd/worker.h"

namespace timerd {
inline namespace client {

// A run that is delivered becomes a job, which waits for a thread of the pool, runs, and is gone
// once its verdict is in the outbox. Delivered again meanwhile, it goes on under the newest lease.
// What is in the outbox is sent in messages of many; on a stream that breaks, what was not answered
// goes back to the front of it. Thread-safe; only Stop() and Close() block.
class WorkerCore : public WorkStreamListener, public std::enable_shared_from_this<WorkerCore> {
 public:
  WorkerCore(std::shared_ptr<Connection> connection, WorkerOptions options,
             Worker::Handler handler);

  void Start();
  // See Worker.
  bool Stop(absl::Duration limit);
  // See ~Worker().
  void Close();
  Future<absl::Status> registered() const { return registered_.future(); }
  Future<absl::Status> over() const { return over_.future(); }
  Future<absl::StatusOr<absl::Time>> Extend(const RunKey& run, absl::Duration from_now);

 private:
  using Steady = std::chrono::steady_clock;
  // The id and lease of a delivery.
  using LeaseKey = std::pair<std::string, uint64_t>;
  using Extended = Promise<absl::StatusOr<absl::Time>>;

  struct Job {
    std::shared_ptr<const v1::Occurrence> delivery;  // the newest
    absl::Duration lease;                            // what it is extended by
    Promise<bool> revoked;
    bool begun = false;
    bool lease_lost = false;
    std::optional<Steady::time_point> next_extension;  // its place in extensions_
  };
  struct Outgoing {
    RunKey run;
    v1::Settlement settlement;
    std::optional<Extended> extended;  // by Extend()
    bool is_verdict() const { return !settlement.has_extend(); }
    // Extended by the worker itself: not worth a second try.
    bool is_automatic() const { return !is_verdict() && !extended.has_value(); }
  };

  void OnResponse(v1::WorkResponse& response) override;
  void OnWritten() override;
  void OnBroken() override;
  void OnStreamEnd(absl::Status status) override;

  // The names ending in Locked are called with mutex_ held.

  // worker_runs.cc: what is delivered, run and revoked.
  void TakeLocked(Effects& effects, v1::Occurrence& occurrence);
  void HoldLocked(Effects& effects, const RunKey& run, Job& job, v1::Occurrence& occurrence);
  void RevokeLocked(Effects& effects, const LeaseKey& lease);
  void LoseLeaseLocked(const RunKey& run, Job& job);
  void RunNext();
  v1::Settlement VerdictOn(const WorkRun& run) const;
  void OnRunFinished(const RunKey& key, v1::Settlement verdict);
  void ReleaseWaitingLocked(Effects& effects);
  void ScheduleExtensionLocked(Effects& effects, const RunKey& run, Job& job);
  void UnscheduleExtensionLocked(const RunKey& run, Job& job);
  void ArmLocked(Effects& effects);
  void OnExtensionsDue(Steady::time_point due);
  void ExtendLocked(const RunKey& run, const Job& job, std::optional<Extended> extended);

  // worker_core.cc: the stream, and what is told over it.
  void OpenLocked();
  void OnRegisteredLocked(Effects& effects);
  void SettleLocked(Effects& effects, const RunKey& run, const v1::Occurrence& delivery,
                    v1::Settlement verdict);
  void SendLocked(Effects& effects);
  void OnSettledLocked(Effects& effects, const v1::Settled& settled);
  void OnVerdictAnsweredLocked(Effects& effects, Outgoing outgoing, const absl::Status& status);
  void OnExtensionAnsweredLocked(Effects& effects, Outgoing outgoing, const v1::Settled& settled,
                                 const absl::Status& status);
  void GiveUpResultLocked(Outgoing& outgoing, const absl::Status& refusal);
  void OnRefusedLocked(Effects& effects, const absl::Status& refusal);
  bool GiveUpLargestLocked(const absl::Status& refusal);
  void PauseLocked(Effects& effects, std::optional<absl::Duration> at_least = std::nullopt);
  void TakeBackLocked();
  bool IdleLocked() const { return jobs_.empty() && settling_.empty(); }
  void FinishIfStoppedLocked(Effects& effects);
  void EndLocked(Effects& effects, const absl::Status& status);

  const std::shared_ptr<Connection> connection_;
  const WorkerOptions options_;
  const Worker::Handler handler_;
  const Promise<absl::Status> registered_;
  const Promise<absl::Status> over_;
  CallbackPool pool_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // All that follows is guarded by mutex_.
  std::map<RunKey, Job> jobs_;
  std::map<LeaseKey, RunKey> leases_;  // those of jobs_ that are not lost
  std::deque<RunKey> waiting_;         // those of jobs_ that have not begun
  std::set<std::pair<Steady::time_point, RunKey>> extensions_;
  std::optional<Steady::time_point> armed_;  // when the next timer calls
  RememberedRuns remembered_;

  std::shared_ptr<WorkStream> stream_;
  bool writable_ = false;
  bool writing_ = false;
  bool joined_ = false;  // `registered` has come
  bool drain_sent_ = false;
  bool drained_ = false;
  bool paused_ = false;  // after an answer that asks for patience
  Backoff backoff_;
  size_t message_items_;
  std::deque<Outgoing> outbox_;
  std::map<LeaseKey, std::deque<Outgoing>> sent_;  // not answered, in order
  std::set<LeaseKey> settling_;                    // whose verdict is in outbox_ or sent_
  std::optional<Activity::Scope> until_settled_;

  bool stopping_ = false;
  bool ended_ = false;
};

}  // namespace client
}  // namespace timerd
