// Carries out what a queue delivers: occurrences of the timers and loops that name it.
//
// Each (id, generation, run) is carried out once in this process, however often it is delivered.
// Lost connections and server restarts are survived without help: leases are extended while the
// handler runs, and what became of a run is told again until the server has answered.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "timerd/client.h"
#include "timerd/v1/queues.pb.h"

namespace timerd {
inline namespace client {

class WorkerCore;

struct WorkerOptions {
  // Required.
  std::string queue;
  // For people: GetQueue shows it.
  std::string name;
  // Handlers that run at once, each on a thread of the worker's own; at least 1.
  int concurrency = 4;
  // Runs that wait here for a handler to be free, so that the next one need not be fetched first.
  // They are kept from other workers meanwhile.
  int prefetch = 0;
  // While a run is here its lease is extended, each time a third of it has passed. False leaves
  // that to WorkRun::Extend().
  bool extend_leases = true;
  // How long destroying the worker waits for handlers and answers, before it cancels the tokens of
  // the handlers that still run; what these return has another second to be answered.
  absl::Duration stop_grace = absl::Seconds(10);
  // Runs whose outcome is remembered, in case they are delivered again; the oldest are forgotten
  // first. Their results take at most `max_remembered_bytes`.
  size_t max_remembered_runs = 100'000;
  size_t max_remembered_bytes = 64 << 20;
};

// One run, as a handler gets it. Copies are the same run. Thread-safe.
class WorkRun {
 public:
  const std::string& id() const { return occurrence().id(); }
  uint64_t generation() const { return occurrence().generation(); }
  uint64_t run() const { return occurrence().run(); }
  // 1 for the first delivery.
  uint32_t attempt() const { return occurrence().attempt(); }
  // What the timer or loop was made with.
  const std::string& payload() const { return occurrence().payload(); }
  // When it was due; nullopt for one that was made by hand or by starting.
  std::optional<absl::Time> deadline() const;
  // When the server decided to deliver it.
  absl::Time time() const;
  // Loops: as in LoopTick.
  uint64_t count() const { return occurrence().count(); }
  uint64_t missed() const { return occurrence().missed(); }
  // True if a failure would be the last one.
  bool last_attempt() const { return occurrence().last_attempt(); }
  // All of it, as the server sent it.
  const v1::Occurrence& occurrence() const { return *occurrence_; }

  // The lease ends `from_now` from now, and is extended by this much from then on. Gives when that
  // is, in the server's time; kFailedPrecondition with NOT_LEASED or NOT_YOURS when it has lapsed.
  Future<absl::StatusOr<absl::Time>> Extend(absl::Duration from_now) const;

  // True once nobody waits for this run any more: it was cancelled, replaced, timed out or carried
  // out by another, its lease has lapsed, or the worker is being destroyed.
  bool revoked() const { return token_.cancelled(); }
  // The same, to wait for or to be called back by.
  const CancellationToken& token() const { return token_; }

 private:
  friend class WorkerCore;
  WorkRun(std::shared_ptr<const v1::Occurrence> occurrence, CancellationToken token,
          std::weak_ptr<WorkerCore> core)
      : occurrence_(std::move(occurrence)), token_(std::move(token)), core_(std::move(core)) {}

  std::shared_ptr<const v1::Occurrence> occurrence_;
  CancellationToken token_;
  std::weak_ptr<WorkerCore> core_;
};

// What has become of a run. A handler can return a payload or a failure as it is; the functions
// below say more.
//
// A failure is tried again as the retry policy says, except kInvalidArgument and
// kFailedPrecondition, which are final: another attempt would find the same. It travels as
// EncodeFailure() has it.
class WorkResult {
 public:
  // NOLINTBEGIN(google-explicit-constructor): so that a handler can return each of them as it is.
  WorkResult(absl::StatusOr<std::string> result);
  WorkResult(absl::Status failure) : WorkResult(absl::StatusOr<std::string>(std::move(failure))) {}
  WorkResult(std::string result) : WorkResult(absl::StatusOr<std::string>(std::move(result))) {}
  WorkResult(const char* result) : WorkResult(std::string(result)) {}
  // NOLINTEND(google-explicit-constructor)

  // The run is given up, whatever the policy says.
  static WorkResult Final(absl::Status failure);
  // The run is tried again, whatever the code: as the policy says, or after this long.
  static WorkResult TryAgain(absl::Status failure,
                             std::optional<absl::Duration> after = std::nullopt);
  // The run was not begun: it is delivered to another worker, and counts as no attempt.
  static WorkResult Release();

 private:
  friend class WorkerCore;
  WorkResult() = default;

  // `id` and `lease` are still to be set.
  v1::Settlement settlement_;
};

// Thread-safe. Works from construction until it is stopped.
class Worker {
 public:
  // Runs on a thread of the worker; may block. An exception is a failure of code kUnknown.
  using Handler = std::function<WorkResult(const WorkRun&)>;

  // Shares the client's connection, and works in its namespace. The client must outlive it.
  Worker(Client& client, WorkerOptions options, Handler handler);
  // With a connection of its own.
  Worker(ClientOptions connection, WorkerOptions options, Handler handler);
  // Stop(), with WorkerOptions::stop_grace; then cancels the tokens of the handlers that still run,
  // and waits for them. Not to be called in a handler.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // OK once the server has let it join the queue for the first time; otherwise as over().
  Future<absl::Status> registered() const;
  // OK once it has stopped; otherwise why the server refuses it. It goes on trying while the server
  // is away.
  Future<absl::Status> over() const;

  // Takes nothing more, gives back what has not begun, and waits until all that runs has ended and
  // the server has answered; false when `limit` comes first, and it can be called again. Not to be
  // called in a handler.
  bool Stop(absl::Duration limit);

 private:
  std::unique_ptr<Client> own_client_;
  std::shared_ptr<WorkerCore> core_;
};

}  // namespace client
}  // namespace timerd
