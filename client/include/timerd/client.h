// The C++ client of timerd: an event loop's scheduling calls, kept by a server.
//
// The server keeps the deadlines, durably; the functions run here, on the client's own threads.
// Each (handle, run) runs its function once however often the server tells of it. Lost connections
// and server restarts are survived without help: creations, reports and cancels are sent again
// until answered, and streams are resumed where they broke off.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/security/credentials.h"
#include "timerd/ending.h"
#include "timerd/future.h"
#include "timerd/handle.h"
#include "timerd/loop_options.h"
#include "timerd/looping_call.h"
#include "timerd/queue_delivery.h"
#include "timerd/reason.h"
#include "timerd/scheduled.h"
#include "timerd/task.h"
#include "timerd/timer_call.h"
#include "timerd/v1/timers.pb.h"

namespace timerd {
inline namespace client {

class Connection;

struct ClientOptions {
  std::string target = "127.0.0.1:7400";
  // The namespace that all calls of this client are in; "default" when empty. Ids are unique within
  // it, and nothing is seen of another one.
  std::string name_space;
  // Threads that run functions and callbacks; at least 1. A function that blocks occupies one.
  int callback_threads = 2;
  // Wait this long before trying again, doubled each time up to the maximum, with jitter.
  absl::Duration backoff_min = absl::Milliseconds(100);
  absl::Duration backoff_max = absl::Seconds(10);
  // Put before the random ids that the client makes.
  std::string id_prefix;
  // Plain calls that wait for their answers: beyond either, further ones end in kResourceExhausted.
  size_t max_waiting_calls = 100'000;
  size_t max_waiting_bytes = 64 << 20;
  // How long closing waits for answers to reports and cancels that are under way.
  absl::Duration close_grace = absl::Seconds(1);
  // Plain text when null.
  std::shared_ptr<grpc::ChannelCredentials> credentials;
};

struct CallOptions {
  // Made by the client when empty. With an id of its own choice a program can attach again after a
  // restart: the same call with the same id and arguments follows the timer that is there.
  std::string id;
  // True for "latest wins": a handle of this id with other arguments, or one that has ended, is
  // replaced. It ends in CANCELLED with reason REPLACED, for everyone who follows it. False: other
  // arguments are refused with ALREADY_EXISTS, and of one that has ended the end is told.
  bool replace = false;
  // Not for CallLater(): a run that no client has followed for this long ends in FAILED with reason
  // CLIENT_LOST. By default it waits for a client for ever.
  absl::Duration client_lost_after = absl::InfiniteDuration();
};

// Thread-safe. Nothing here blocks but the destructor.
class Client {
 public:
  explicit Client(ClientOptions options = {});
  // Closes: no function begins any more, functions that run are waited for (their tokens are
  // cancelled), and their reports are sent. All futures end; what is unfinished ends as kDetached.
  // Nothing is cancelled: the handles live on at the server. Not to be called on a callback thread.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Calls `function` once, `delay` from now.
  DelayedCall CallLater(absl::Duration delay, std::function<void()> function,
                        CallOptions options = {});

  // Calls `function` once, `delay` from now, and reports what it returns: a value ends the call in
  // COMPLETED, a failure (or an exception, as kUnknown) in FAILED; see result().
  DeferredCall DeferLater(absl::Duration delay,
                          std::function<absl::StatusOr<std::string>()> function,
                          CallOptions options = {});

  // Calls `function` every `interval`, never twice at a time, until it fails or asks to stop, or
  // the loop is stopped or cancelled. The ticks keep to their grid: they do not drift, and a tick
  // that finds the function still running is counted as missed.
  //
  // With `options.plain` the server does not wait for the function. Ticks that come while it runs
  // are told by the next one, as the policy for missed ticks has it; a function that fails stops
  // the loop.
  LoopingCall StartLoop(absl::Duration interval,
                        std::function<LoopResult(const LoopTick&)> function,
                        LoopOptions options = {});
  // The same at times of the wall clock.
  LoopingCall StartLoop(Cron cron, std::function<LoopResult(const LoopTick&)> function,
                        LoopOptions options = {});

  // Bounds an operation that the caller runs by its own means: complete the task with its result,
  // or it ends in TIMED_OUT.
  Task WithTimeout(absl::Duration timeout, TimeoutOptions options = {});

  // Bounds `operation`, which is run on a callback thread once the bound is durable, and reported.
  // It is not stopped by the time-out: its token tells it.
  Task WithTimeout(absl::Duration timeout,
                   std::function<absl::StatusOr<std::string>(const CancellationToken&)> operation,
                   TimeoutOptions options = {});

  // Follows a handle made elsewhere: its end, and Cancel() and AddTimeout() for it.
  Handle Watch(std::string id);

  // Reads a handle as it is now. Asked again until answered.
  Future<absl::StatusOr<v1::Handle>> Get(std::string id);

  // The plain calls: nothing is followed and no function is kept here, so they can be made in great
  // number. A lone one goes out at once; those that come while others are under way go together in
  // one message. Each is answered by itself, and calls on one id are carried out in the order in
  // which they are made here. All are asked again until answered, except RescheduleBy().

  // A timer, `delay` from now or at a time of the server's wall clock.
  Future<absl::StatusOr<Scheduled>> Schedule(absl::Duration delay, ScheduleOptions options = {});
  Future<absl::StatusOr<Scheduled>> ScheduleAt(absl::Time at, ScheduleOptions options = {});
  // A loop whose runs are carried out by workers of a queue. Of the options, `plain` and
  // client_lost_after are not for queues.
  Future<absl::StatusOr<Scheduled>> ScheduleLoop(absl::Duration interval, QueueDelivery delivery,
                                                 LoopOptions options = {});
  Future<absl::StatusOr<Scheduled>> ScheduleLoop(Cron cron, QueueDelivery delivery,
                                                 LoopOptions options = {});
  // kFailedPrecondition with ALREADY_CALLED or ALREADY_CANCELLED when the handle had ended.
  Future<absl::Status> Cancel(std::string id);
  Future<absl::StatusOr<v1::ReportResponse>> Report(std::string id, uint64_t run,
                                                    absl::StatusOr<std::string> outcome);
  // These move a pending timer, or the time-out of a running task, and give the new deadline: from
  // now (the time spent on tries deducted), later or earlier than it was (asked once: kUnavailable
  // means that it is not known whether it has moved), or at a time of the wall clock.
  Future<absl::StatusOr<absl::Time>> Reschedule(std::string id, absl::Duration from_now);
  Future<absl::StatusOr<absl::Time>> RescheduleBy(std::string id, absl::Duration by);
  Future<absl::StatusOr<absl::Time>> RescheduleTo(std::string id, absl::Time at);

 private:
  friend class TestNamespace;
  friend class Watcher;
  friend class Worker;

  LoopingCall FollowLoop(v1::StartLoopRequest request,
                         std::function<LoopResult(const LoopTick&)> function,
                         const LoopOptions& options);

  std::shared_ptr<Connection> connection_;
};

}  // namespace client
}  // namespace timerd
