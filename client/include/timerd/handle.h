// What all handles have in common.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "timerd/ending.h"
#include "timerd/future.h"

namespace timerd {
inline namespace client {

class HandleCore;

struct TimeoutOptions {
  // The id of the task that WithTimeout() makes; made by the client when empty.
  std::string id;
  // Decided by the server: the handle ends in COMPLETED with this value, or in FAILED with this
  // failure, instead of TIMED_OUT. Holds for every watcher and needs no client.
  std::optional<absl::StatusOr<std::string>> fallback;
  // Decided here: turns a TIMED_OUT into what result() gives, another failure or a default value.
  // Runs on a callback thread, once, only after TIMED_OUT; never after a Cancel or a fallback.
  std::function<absl::StatusOr<std::string>(const Ending&)> on_timeout;
  // As in CallOptions; for the task that WithTimeout() makes.
  bool replace = false;
  absl::Duration client_lost_after = absl::InfiniteDuration();
};

// A shared reference to something at the server. Copying is cheap and destroying it does nothing;
// only Cancel() cancels. Valid, though over, after the client is closed. Thread-safe. Nothing may
// be called on a default-made handle.
class Handle {
 public:
  Handle() = default;

  // Known at once; other programs can use it. (A timer that Reset() had to make anew has a new
  // one.)
  std::string id() const;
  // True until the handle has ended or was cancelled here, or a plain call's function has begun.
  bool active() const;
  // The next deadline as far as known, in the server's time; nullopt before the acknowledgement and
  // where there is none.
  std::optional<absl::Time> deadline() const;

  // OK once the server has made the handle durable, otherwise why it refused. The client goes on
  // trying while the server is away.
  Future<absl::Status> acknowledged() const;

  // Once Cancel() has returned, no function of this handle begins any more, whatever is under way
  // to this client. The future is the server's answer: OK, or kFailedPrecondition with reason
  // ALREADY_CALLED or ALREADY_CANCELLED. Asked again until answered.
  Future<absl::Status> Cancel() const;

  // Bounds what is left of this handle: it ends in TIMED_OUT (or as the fallback says) `timeout`
  // from now unless it ends before. Of the options, `fallback` and `on_timeout` are used. OK when
  // armed, or when the handle has ended already.
  Future<absl::Status> AddTimeout(absl::Duration timeout, TimeoutOptions options = {}) const;

  // How it ended. done() and the callback come after the handle's last function has run, except
  // when the end did not wait for it: by a Cancel, a time-out, or closing the client.
  Future<Ending> done() const;
  void OnDone(std::function<void(const Ending&)> callback) const {
    done().OnReady(std::move(callback));
  }
  std::optional<Ending> Wait(absl::Duration limit) const { return done().Wait(limit); }
  // ToStatusOr() of the ending, after the client-side translation of a time-out if there is one.
  Future<absl::StatusOr<std::string>> result() const;

 protected:
  friend class Client;
  explicit Handle(std::shared_ptr<HandleCore> core) : core_(std::move(core)) {}

  std::shared_ptr<HandleCore> core_;
};

}  // namespace client
}  // namespace timerd
