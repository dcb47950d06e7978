// A followed handle: the one mechanism behind all verbs.
//
// It follows the handle's feed, runs the function of each run once, reports, cancels and moves. The
// verbs differ in the creation they send and the function they run.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "client/src/call.h"
#include "client/src/effects.h"
#include "client/src/feed.h"
#include "timerd/client.h"

namespace timerd {
inline namespace client {

enum class Form {
  kPlainTimer,     // FIRED is the end; nothing is reported
  kReportedTimer,  // FIRED begins run 1
  kLoop,           // TICK begins a run
  kPlainLoop,      // TICK begins a run; nothing is reported
  kTask,           // run 1 begins with the acknowledgement
  kWatched,        // made elsewhere; nothing is run or reported here
};

// How the function of one run ended. `stop` ends a loop in STOPPED.
struct RunResult {
  absl::StatusOr<std::string> outcome;
  bool stop = false;
};

struct HandlePlan {
  Form form = Form::kWatched;
  std::string id;
  Creation creation;
  // kPlainLoop: how many ticks may wait for the function; above it the oldest are told as missed.
  size_t plain_backlog = 1;
  // Runs on a callback thread; gets the event that began the run (for a task one that has the run
  // number only). Null when nothing is run here.
  std::function<RunResult(const v1::Event&)> function;
  std::function<absl::StatusOr<std::string>(const Ending&)> on_timeout;
};

// Thread-safe. Kept alive by its connection until it has ended.
class HandleCore : public FeedListener, public std::enable_shared_from_this<HandleCore> {
 public:
  HandleCore(std::shared_ptr<Connection> connection, HandlePlan plan);

  void Start();
  // The client is being closed: ends as kDetached.
  void Detach();

  std::string id() const;
  bool active() const;
  std::optional<absl::Time> deadline() const;
  Future<absl::Status> acknowledged() const { return acknowledged_.future(); }
  Future<Ending> done() const { return done_.future(); }
  Future<absl::StatusOr<std::string>> result() const { return result_.future(); }
  // How far the events of which handle have been taken in; for a test that waits for them.
  struct Progress {
    std::string id;
    uint64_t generation = 0;
    uint64_t run = 0;  // the last one that an event has begun
    bool ended = false;
  };
  Progress progress() const;
  // Ready once nobody waits for a run any more: cancelled here, or ended.
  Future<bool> over() const { return over_.future(); }

  Future<absl::Status> Cancel();
  Future<absl::Status> Stop();
  Future<absl::Status> AddTimeout(absl::Duration timeout, TimeoutOptions options);
  // For loops.
  Future<absl::Status> Pause();
  Future<absl::Status> Resume();
  Future<absl::Status> ResetLoop();
  Future<absl::Status> ChangeInterval(absl::Duration interval);
  Future<absl::Status> Trigger();
  // For timers: Reset (`from_now`) and Delay.
  Future<absl::StatusOr<absl::Time>> Move(absl::Duration amount, bool from_now);
  // For tasks.
  Future<absl::StatusOr<absl::Time>> Heartbeat(absl::Duration from_now);
  bool Finish(absl::StatusOr<std::string> outcome);

 private:
  using Steady = std::chrono::steady_clock;

  struct Movement {
    absl::Duration amount;
    bool from_now;
    Steady::time_point asked;
    Promise<absl::StatusOr<absl::Time>> moved;
  };
  struct Finished {
    uint64_t run;
    v1::Outcome outcome;
    bool sent = false;
    bool told_again = false;  // by the server, while the report was under way
  };
  using MoveAnswer = Answer<v1::RescheduleResponse>;
  template <typename Request, typename Response>
  using LoopMethod = void (Connection::Api::*)(grpc::ClientContext*, const Request*, Response*,
                                               std::function<void(grpc::Status)>);

  void OnFeedAcknowledged(Feed* feed, const v1::Acknowledgement& acknowledgement) override;
  void OnFeedEvent(Feed* feed, const v1::Event& event) override;
  void OnFeedEnd(Feed* feed, const absl::Status& status) override;

  // The names ending in Locked are called with mutex_ held.

  // handle_core.cc: the life of the handle.
  void WhenAcknowledgedLocked(Effects& effects, std::function<void(const absl::Status&)> action);
  void FollowLocked(Effects& effects, Creation creation);
  void EndLocked(Effects& effects, Ending ending);
  absl::Status OverLocked(const std::string& verb) const;
  void NoteTimeLocked(const google::protobuf::Timestamp& now);

  // handle_runs.cc: runs and their reports.
  void OnRunBegunLocked(Effects& effects, const v1::Event& event);
  void TryToRun();
  void OnRunFinished(uint64_t run, RunResult result);
  void ReportUnlessHeldLocked(Effects& effects);
  void ReportLocked(Effects& effects);
  void OnReported(uint64_t run, const Answer<v1::ReportResponse>& answer);

  // handle_verbs.cc: what the holder of the handle asks for.
  void OnCancelled(const Answer<v1::CancelResponse>& answer,
                   const Promise<absl::Status>& cancelled);
  void StopLocked(Effects& effects, const Promise<absl::Status>& stopped);
  void OnStopped(const Answer<v1::StopLoopResponse>& answer, const Promise<absl::Status>& stopped);

  // handle_loops.cc: what only loops can be asked for, and plain runs. `reached` is the reason by
  // which a second try learns that the first has done it.
  template <typename Request, typename Response>
  Future<absl::Status> AskOfLoop(LoopMethod<Request, Response> method, Request request, Retry retry,
                                 const std::string& reached);
  template <typename Response>
  void NoteDeadlineLocked(const Response& response);
  absl::Status LoopOverLocked() const;
  void OnPlainTickLocked(const v1::Event& event);
  bool MayTickLocked() const;
  void RunPlainTick();

  // handle_moves.cc: Reset and Delay.
  void AskToMoveLocked(Effects& effects);
  void OnMoved(const MoveAnswer& answer);
  void RemakeLocked(Effects& effects);
  void FollowRemadeLocked(Effects& effects);
  void FinishMoveLocked(Effects& effects, const absl::StatusOr<absl::Time>& moved);

  const std::shared_ptr<Connection> connection_;
  const Form form_;
  const std::string first_id_;
  const size_t plain_backlog_;
  const std::function<RunResult(const v1::Event&)> function_;
  const Promise<absl::Status> acknowledged_;
  const Promise<Ending> done_;
  const Promise<absl::StatusOr<std::string>> result_;
  const Promise<bool> over_;

  mutable std::mutex mutex_;
  // All that follows is guarded by mutex_.
  std::string id_;
  Creation creation_;
  std::function<absl::StatusOr<std::string>(const Ending&)> on_timeout_;
  std::shared_ptr<Feed> feed_;
  uint64_t generation_ = 0;
  uint64_t told_run_ = 0;  // the last one that an event has begun
  std::optional<Activity::Scope> until_acknowledged_;
  bool exists_ = false;  // acknowledged, and the handle that id_ names
  std::vector<std::function<void(const absl::Status&)>> when_acknowledged_;
  std::optional<Ending> ending_;
  std::optional<absl::Time> deadline_;
  // What the server's clock showed, and when that was here.
  std::optional<absl::Time> server_now_;
  Steady::time_point server_now_at_;

  bool cancelled_ = false;  // Cancel() was called here
  bool cancel_answered_ = false;
  bool stopping_ = false;  // Stop() was called here, or by a run's result
  bool stop_answered_ = false;

  // A run that the server has begun and whose function has not: a cancel or a move can still win.
  std::optional<v1::Event> waiting_;
  // The last run whose function has begun here, or never will.
  uint64_t begun_run_ = 0;
  // The last run whose function has ended: what is reported, and reported again when told again.
  std::optional<Finished> finished_;
  bool reporting_ = false;

  // Plain loops: the ticks whose function has not begun, oldest first, and the last one told.
  std::deque<v1::Event> ticks_;
  uint64_t told_tick_ = 0;
  bool ticking_ = false;  // RunPlainTick() is posted or runs
  std::optional<Ending> end_after_ticks_;

  // Moves are asked one after the other; while there is one, no function begins.
  std::deque<Movement> moves_;
  int remade_ = 0;
  bool remaking_ = false;  // the old timer is being cancelled
};

Ending EndingOf(const v1::Event& event);
v1::Outcome ToOutcome(const absl::StatusOr<std::string>& result);

}  // namespace client
}  // namespace timerd
