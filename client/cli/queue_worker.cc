#include "client/cli/queue_worker.h"

#include <algorithm>
#include <csignal>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/exit_code.h"
#include "client/cli/interrupt.h"
#include "client/cli/json.h"
#include "client/cli/names.h"
#include "client/cli/rpc_error.h"

namespace timerd::cli {
namespace {

using std::chrono::milliseconds;

// Between two attempts to reach the server again.
constexpr milliseconds kShortestPause(100);
constexpr milliseconds kLongestPause(2000);
// Before a settlement that the server had no room for is told again.
constexpr milliseconds kRoomPause(100);

std::pair<std::string, uint64_t> LeaseOf(const v1::Settled& settled) {
  return {settled.id(), settled.lease()};
}

// Of the stream: perhaps the next one does better.
bool MayPass(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::OK:  // Something in between let go of the stream.
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::UNAVAILABLE:
      return true;
    default:
      return false;
  }
}

// The lease is not this worker's any more, or the handle is gone.
bool IsLost(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::NOT_FOUND ||
         status.error_code() == grpc::StatusCode::FAILED_PRECONDITION;
}

bool IsTooLarge(const grpc::Status& status) {
  return absl::StrContains(LimitOf(status), "payload") ||
         absl::StrContains(LimitOf(status), "request-bytes");
}

size_t ResultBytes(const v1::Settlement& settlement) {
  return settlement.has_success() ? settlement.success().size()
                                  : settlement.failure().payload().size();
}

}  // namespace

QueueWorker::QueueWorker(WorkOptions options, Session& session)
    : options_(std::move(options)), session_(session) {}

int QueueWorker::Run() {
  Steady::duration pause = kShortestPause;
  while (true) {
    const grpc::Status status = RunStream(pause);
    std::unique_lock<std::mutex> lock(mutex_);
    if (!IsOverLocked(status)) {
      pause = std::min<Steady::duration>(2 * pause, kLongestPause);
      continue;
    }
    // Left over only when the server wants nothing more of this worker.
    SignalCommandsLocked(SIGTERM);
    changed_.wait(lock, [this] { return jobs_.empty(); });
    const int code = ExitCodeLocked(status);
    lock.unlock();
    JoinDone();
    return code;
  }
}

grpc::Status QueueWorker::RunStream(Steady::duration pause) {
  WorkCall call(session_, ever_registered_);
  v1::WorkRequest join;
  join.mutable_register_()->set_queue(options_.queue);
  join.mutable_register_()->set_worker(options_.name);
  join.mutable_register_()->set_namespace_(session_.options().namespace_name);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const uint64_t wanted = options_.count ? *options_.count - taken_ : options_.credit;
    join.mutable_register_()->set_credit(
        static_cast<uint32_t>(std::clamp<uint64_t>(wanted, 1, options_.credit)));
    call.Say(std::move(join));
    call_ = &call;
    drain_told_ = drained_ = false;
  }
  Interrupt interrupt([this](int signal) { OnSignal(signal); }, session_.options().timeout);
  v1::WorkResponse response;
  while (call.Read(&response)) {
    interrupt.OnAnswer();
    OnResponse(response);
    JoinDone();
  }
  std::unique_lock<std::mutex> lock(mutex_);
  call_ = nullptr;
  const bool was_registered = std::exchange(registered_, false);
  grpc::Status status = call.Finish();
  if (interrupt.timed_out()) {
    status = ever_registered_ ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "it does not answer")
                              : grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "");
  }
  if (IsOverLocked(status)) {
    return status;
  }
  if (absl::StrContains(status.error_message(), "larger than max")) {
    GiveUpLargestLocked(status);
  }
  if (was_registered) {
    session_.Hint(absl::StrCat("lost the connection to ", session_.options().server,
                               "; trying again. What runs goes on"));
    pause = kShortestPause;
  }
  changed_.wait_for(lock, pause, [this, before = signals_] { return signals_ > before; });
  return status;
}

bool QueueWorker::IsOverLocked(const grpc::Status& status) {
  if (!ever_registered_ || !MayPass(status) || (TakesNoMoreLocked() && IdleLocked())) {
    return true;
  }
  if (!stopping_ || !jobs_.empty()) {
    return false;
  }
  // All that is left is to tell what became of some; not for ever.
  if (!patience_ends_) {
    patience_ends_ = Steady::now() + absl::ToChronoMicroseconds(std::min(session_.options().timeout,
                                                                         absl::Hours(365 * 24)));
  }
  return signals_ > 1 || Steady::now() >= *patience_ends_;
}

int QueueWorker::ExitCodeLocked(const grpc::Status& status) {
  if (signal_ != 0 && (IdleLocked() || signals_ > 1)) {
    return kSignalBase + signal_;
  }
  if (TakesNoMoreLocked() && IdleLocked()) {
    return kOk;
  }
  const int code = session_.Failed(
      status.ok() ? grpc::Status(grpc::StatusCode::UNKNOWN, "the server closed the stream")
                  : status,
      ever_registered_);
  if (!unanswered_.empty()) {
    session_.Complain(absl::StrCat(
        "what became of ", Counted(unanswered_.size(), "occurrence"), " could not be told; ",
        unanswered_.size() == 1 ? "it is" : "they are", " delivered again"));
  }
  return code;
}

void QueueWorker::OnSignal(int signal) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (signal == 0) {  // The server does not answer.
    if (call_ != nullptr) {
      call_->Cancel();
    }
    return;
  }
  ++signals_;
  signal_ = signal_ == 0 ? signal : signal_;
  if (signals_ == 1) {
    stopping_ = true;
    if (!jobs_.empty()) {
      session_.Hint(absl::StrCat("\nwaiting for ", Counted(jobs_.size(), "command"),
                                 " to end; once more sends SIGTERM"));
    }
    DrainLocked();
    CloseIfDoneLocked();
  } else {
    SignalCommandsLocked(signals_ == 2 ? SIGTERM : SIGKILL);
  }
  // There is nobody, or no wish any more, to wait for the server.
  if (call_ != nullptr && jobs_.empty() && (!registered_ || signals_ > 1)) {
    call_->Cancel();
  }
  changed_.notify_all();
}

void QueueWorker::OnResponse(const v1::WorkResponse& response) {
  std::vector<Lease> again;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (response.has_registered()) {
      OnRegisteredLocked(response.registered());
    }
    // Answers first: what is delivered after them may be the same run again.
    for (const v1::Settled& settled : response.settled()) {
      if (OnSettledLocked(settled)) {
        again.push_back(LeaseOf(settled));
      }
    }
    for (const v1::WorkResponse::Revoked& revoked : response.revoked()) {
      RevokeLocked({revoked.id(), revoked.lease()});
    }
    for (const v1::Occurrence& occurrence : response.occurrences()) {
      TakeLocked(occurrence);
    }
    if (response.has_error()) {
      const grpc::Status refusal = ToStatus(response.error());
      session_.Complain(Described(refusal));
      // It is not told which message it was. Another stream begins with all that is not answered.
      if (IsTooLarge(refusal)) {
        GiveUpLargestLocked(refusal);
      }
      call_->Cancel();
    }
    drained_ = drained_ || response.drained();
    CloseIfDoneLocked();
  }
  if (!again.empty()) {
    std::this_thread::sleep_for(kRoomPause);
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const Lease& lease : again) {
      TellLocked(unanswered_.at(lease), false);
    }
  }
}

void QueueWorker::OnRegisteredLocked(const v1::WorkResponse::Registered& registered) {
  registered_ = true;
  if (!std::exchange(ever_registered_, true)) {
    session_.PrintLine(JsonLine("registered", registered),
                       absl::StrCat("working on ", options_.queue, "\n"));
  } else {
    session_.Hint("the connection is back");
  }
  if (TakesNoMoreLocked()) {
    DrainLocked();
  }
  // Says that they are here still: the server gives what a lost worker had to others.
  for (const auto& [lease, job] : jobs_) {
    if (!job->revoked) {
      ExtendLocked(*job);
    }
  }
  for (const auto& [lease, verdict] : unanswered_) {
    TellLocked(verdict, false);
  }
}

bool QueueWorker::OnSettledLocked(const v1::Settled& settled) {
  const grpc::Status status = settled.has_error() ? ToStatus(settled.error()) : grpc::Status::OK;
  const auto found = unanswered_.find(LeaseOf(settled));
  if (found == unanswered_.end()) {
    if (IsLost(status)) {  // An extension.
      RevokeLocked(LeaseOf(settled));
    }
    return false;
  }
  Verdict& verdict = found->second;
  if (settled.has_lease_end()) {
    return false;  // An extension of before the verdict.
  }
  if (status.ok()) {
    if (!options_.command.empty() && !verdict.settlement.has_release()) {
      session_.PrintLine(JsonLine("settled", settled),
                         session_.human().Settled(verdict.occurrence, verdict.settlement, settled));
    }
  } else if (IsLost(status)) {
    OnLostLocked(verdict);
  } else if (IsTooLarge(status) && !verdict.given_up) {
    GiveUpResultLocked(verdict, status);
    TellLocked(verdict, false);
    return false;
  } else if (MayPass(status) && !IsTooLarge(status)) {
    return true;
  } else {
    session_.Complain(Described(status));
  }
  unanswered_.erase(found);
  return false;
}

void QueueWorker::OnLostLocked(const Verdict& verdict) {
  if (!verdict.settlement.has_release()) {
    session_.Complain(
        absl::StrCat(verdict.occurrence.id(), " run ", verdict.occurrence.run(), ", attempt ",
                     verdict.occurrence.attempt(),
                     ": not counted, as its lease has lapsed or it was settled before"));
  }
}

void QueueWorker::GiveUpResultLocked(Verdict& verdict, const grpc::Status& refusal) {
  const std::string text =
      absl::StrCat("the server refused a result of ", ResultBytes(verdict.settlement),
                   " bytes: ", refusal.error_message());
  session_.Complain(absl::StrCat(verdict.occurrence.id(), ": ", text));
  verdict.given_up = true;
  v1::Settlement::Failure& failure = *verdict.settlement.mutable_failure();
  failure.set_payload(text);
  failure.set_final(true);
}

void QueueWorker::GiveUpLargestLocked(const grpc::Status& refusal) {
  Verdict* largest = nullptr;
  for (auto& [lease, verdict] : unanswered_) {
    if (largest == nullptr || ResultBytes(verdict.settlement) > ResultBytes(largest->settlement)) {
      largest = &verdict;
    }
  }
  if (largest != nullptr && !largest->given_up) {
    GiveUpResultLocked(*largest, refusal);
  }
}

void QueueWorker::SettleLocked(const v1::Occurrence& occurrence, v1::Settlement settlement) {
  settlement.set_id(occurrence.id());
  settlement.set_lease(occurrence.lease());
  Verdict& verdict = unanswered_[{occurrence.id(), occurrence.lease()}];
  verdict = {occurrence, std::move(settlement)};
  verdict.occurrence.clear_payload();
  const bool frees_a_place = !verdict.settlement.has_release();
  freed_ += frees_a_place ? 1 : 0;
  TellLocked(verdict, frees_a_place);
}

void QueueWorker::TellLocked(const Verdict& verdict, bool frees_a_place) {
  if (!registered_) {
    return;  // All that is not answered is told when there is a stream again.
  }
  v1::WorkRequest request;
  *request.add_settlements() = verdict.settlement;
  if (frees_a_place) {
    FreePlaceLocked(&request);
  }
  call_->Say(std::move(request));
}

void QueueWorker::FreePlaceLocked(v1::WorkRequest* request) {
  if (!options_.count || drain_told_ || *options_.count - freed_ >= options_.credit) {
    return;
  }
  if (*options_.count == freed_) {
    request->mutable_drain();
    drain_told_ = true;
  } else {
    request->mutable_set_credit()->set_credit(static_cast<uint32_t>(*options_.count - freed_));
  }
}

void QueueWorker::DrainLocked() {
  if (registered_ && !std::exchange(drain_told_, true)) {
    v1::WorkRequest request;
    request.mutable_drain();
    call_->Say(std::move(request));
  }
}

void QueueWorker::CloseIfDoneLocked() {
  if (call_ != nullptr && drained_ && IdleLocked()) {
    call_->EndOfSaying();
  }
}

bool QueueWorker::TakesNoMoreLocked() const {
  return stopping_ || (options_.count && taken_ >= *options_.count);
}

}  // namespace timerd::cli
