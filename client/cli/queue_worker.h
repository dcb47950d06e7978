// A worker of a queue: what `timerctl work` is.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "client/cli/command.h"
#include "client/cli/session.h"
#include "client/cli/work_call.h"
#include "client/cli/work_options.h"
#include "timerd/v1/queues.pb.h"

namespace timerd::cli {

// Takes occurrences and settles them until a signal comes or it has had enough. Goes on after a
// lost connection: leases are extended while commands run, and what became of them is told again
// until the server has answered. When it stops it waits for the commands that run.
//
// Each occurrence for a command has a thread, which waits until fewer than `credit` commands run
// (there are more occurrences than that only after a lost connection), runs the command, and
// extends the lease meanwhile. One more thread waits for signals; the one that called Run() reads.
class QueueWorker {
 public:
  QueueWorker(WorkOptions options, Session& session);
  QueueWorker(const QueueWorker&) = delete;
  QueueWorker& operator=(const QueueWorker&) = delete;

  // Returns the exit code. REQUIRES: BlockInterrupts() was called.
  int Run();

 private:
  using Steady = std::chrono::steady_clock;
  using Lease = std::pair<std::string, uint64_t>;  // id and number
  using RunKey = std::tuple<std::string, uint64_t, uint64_t>;

  // An occurrence for a command.
  struct Job {
    v1::Occurrence occurrence;
    std::shared_ptr<Command> command;  // While it runs.
    bool revoked = false;
    std::thread thread;
  };
  struct Verdict {
    v1::Occurrence occurrence;  // Without its payload.
    v1::Settlement settlement;
    bool given_up = false;  // The result that there was, as too large.
  };

  // The names ending in Locked are called with mutex_ held.

  // queue_worker.cc: the stream, and what is told over it.
  grpc::Status RunStream(Steady::duration pause);
  bool IsOverLocked(const grpc::Status& status);
  int ExitCodeLocked(const grpc::Status& status);
  void OnSignal(int signal);
  void OnResponse(const v1::WorkResponse& response);
  void OnRegisteredLocked(const v1::WorkResponse::Registered& registered);
  // True when it is to be told again, after a pause.
  bool OnSettledLocked(const v1::Settled& settled);
  void OnLostLocked(const Verdict& verdict);
  void GiveUpResultLocked(Verdict& verdict, const grpc::Status& refusal);
  void GiveUpLargestLocked(const grpc::Status& refusal);
  void TellLocked(const Verdict& verdict, bool frees_a_place);
  void SettleLocked(const v1::Occurrence& occurrence, v1::Settlement settlement);
  // A place is free: takes another, unless that would be more than `count`.
  void FreePlaceLocked(v1::WorkRequest* request);
  void DrainLocked();
  void CloseIfDoneLocked();
  bool TakesNoMoreLocked() const;
  bool IdleLocked() const { return jobs_.empty() && unanswered_.empty(); }

  // queue_worker_jobs.cc: occurrences and their commands.
  void TakeLocked(const v1::Occurrence& occurrence);
  void RevokeLocked(const Lease& lease);
  void RunJob(Job& job);
  bool WaitForPlace(Job& job);
  v1::Settlement RunCommand(Job& job);
  std::vector<std::string> EnvironmentOf(const v1::Occurrence& occurrence) const;
  void ExtendLocked(const Job& job);
  void OnJobDone(Job& job, bool had_a_place, v1::Settlement verdict);
  void SignalCommandsLocked(int signal);
  void JoinDone();

  const WorkOptions options_;
  Session& session_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // All that follows is guarded by mutex_, and what session_ prints.
  WorkCall* call_ = nullptr;  // While there is a stream;
  bool registered_ = false;   // of which these are.
  bool drain_told_ = false;
  bool drained_ = false;
  bool ever_registered_ = false;
  bool stopping_ = false;
  int signal_ = 0;  // The first that came.
  int signals_ = 0;
  std::optional<Steady::time_point> patience_ends_;
  uint64_t taken_ = 0;
  uint64_t freed_ = 0;  // Of their places.
  std::map<Lease, std::unique_ptr<Job>> jobs_;
  std::set<RunKey> running_;
  std::map<Lease, Verdict> unanswered_;
  std::vector<std::thread> done_;
};

}  // namespace timerd::cli
