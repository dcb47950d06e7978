#include "timerd/handle.h"

#include "client/src/handle_core.h"
#include "timerd/looping_call.h"
#include "timerd/task.h"
#include "timerd/timer_call.h"

namespace timerd {
inline namespace client {

std::string Handle::id() const { return core_->id(); }
bool Handle::active() const { return core_->active(); }
std::optional<absl::Time> Handle::deadline() const { return core_->deadline(); }
Future<absl::Status> Handle::acknowledged() const { return core_->acknowledged(); }
Future<absl::Status> Handle::Cancel() const { return core_->Cancel(); }
Future<absl::Status> Handle::AddTimeout(absl::Duration timeout, TimeoutOptions options) const {
  return core_->AddTimeout(timeout, std::move(options));
}
Future<Ending> Handle::done() const { return core_->done(); }
Future<absl::StatusOr<std::string>> Handle::result() const { return core_->result(); }

Future<absl::StatusOr<absl::Time>> TimerCall::Reset(absl::Duration from_now) const {
  return core_->Move(from_now, /*from_now=*/true);
}
Future<absl::StatusOr<absl::Time>> TimerCall::Delay(absl::Duration by) const {
  return core_->Move(by, /*from_now=*/false);
}

Future<absl::Status> LoopingCall::Stop() const { return core_->Stop(); }
Future<absl::Status> LoopingCall::Pause() const { return core_->Pause(); }
Future<absl::Status> LoopingCall::Resume() const { return core_->Resume(); }
Future<absl::Status> LoopingCall::Reset() const { return core_->ResetLoop(); }
Future<absl::Status> LoopingCall::ChangeInterval(absl::Duration interval) const {
  return core_->ChangeInterval(interval);
}
Future<absl::Status> LoopingCall::Trigger() const { return core_->Trigger(); }

bool Task::Complete(std::string value) const { return core_->Finish(std::move(value)); }
bool Task::Fail(const absl::Status& failure) const { return core_->Finish(failure); }
Future<absl::StatusOr<absl::Time>> Task::Heartbeat(absl::Duration from_now) const {
  return core_->Heartbeat(from_now);
}
CancellationToken Task::token() const { return CancellationToken(core_->over()); }

}  // namespace client
}  // namespace timerd
