#include "client/src/worker_core.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/src/proto_time.h"
#include "client/src/status.h"

namespace timerd {
inline namespace client {
namespace {

// Of one message. The server's own limits are higher unless its flags say otherwise.
constexpr size_t kMaxItems = 500;
constexpr size_t kMaxBytes = 256 << 10;
// For what handlers return that outlived the grace of stopping, and for the stream to close.
constexpr absl::Duration kLastAnswers = absl::Seconds(1);

constexpr char kTooLarge[] = "RESOURCE_EXHAUSTED";

// The lease is not this worker's any more, or the handle is gone.
bool IsLost(const absl::Status& status) {
  return status.code() == absl::StatusCode::kNotFound ||
         status.code() == absl::StatusCode::kFailedPrecondition;
}

bool IsWorthAnotherStream(const absl::Status& status) {
  // RESOURCE_EXHAUSTED: a limit, which passes. OK: something in between let go of the stream.
  return status.ok() || IsTransient(status.code()) ||
         status.code() == absl::StatusCode::kResourceExhausted;
}

size_t ResultBytes(const v1::Settlement& settlement) {
  return settlement.has_success() ? settlement.success().size()
                                  : settlement.failure().payload().size();
}

}  // namespace

WorkerCore::WorkerCore(std::shared_ptr<Connection> connection, WorkerOptions options,
                       Worker::Handler handler)
    : connection_(std::move(connection)),
      options_(std::move(options)),
      handler_(std::move(handler)),
      registered_(connection_->NewPromise<absl::Status>()),
      over_(connection_->NewPromise<absl::Status>()),
      pool_(options_.concurrency, connection_->activity()),
      remembered_(options_.max_remembered_runs, options_.max_remembered_bytes),
      backoff_(connection_->NewBackoff()),
      message_items_(kMaxItems) {}

void WorkerCore::Start() {
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  OpenLocked();
  if (stream_ == nullptr) {
    EndLocked(effects, ClosedStatus());
  }
}

bool WorkerCore::Stop(absl::Duration limit) {
  {
    Effects effects;
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    ReleaseWaitingLocked(effects);
    SendLocked(effects);
    FinishIfStoppedLocked(effects);
  }
  constexpr absl::Duration kForever = absl::Hours(24 * 36500);
  std::unique_lock<std::mutex> lock(mutex_);
  const auto until = Steady::now() + absl::ToChronoMicroseconds(std::min(limit, kForever));
  return changed_.wait_until(lock, until, [this] { return ended_; });
}

void WorkerCore::Close() {
  if (!Stop(options_.stop_grace)) {
    bool running = false;
    {
      Effects effects;
      std::lock_guard<std::mutex> lock(mutex_);
      running = !jobs_.empty();
      for (const auto& [key, job] : jobs_) {
        effects.Add([revoked = job.revoked] { revoked.Set(true); });
      }
    }
    pool_.WaitUntilIdle();
    if (running) {
      Stop(kLastAnswers);
    }
  }
  pool_.Stop();
  {
    Effects effects;
    std::lock_guard<std::mutex> lock(mutex_);
    if (!ended_) {
      EndLocked(effects, ClosedStatus());
    }
  }
  const auto closed = [this] { return stream_ == nullptr; };
  std::unique_lock<std::mutex> lock(mutex_);
  if (!changed_.wait_for(lock, absl::ToChronoMicroseconds(kLastAnswers), closed)) {
    const std::shared_ptr<WorkStream> stream = stream_;
    lock.unlock();
    stream->Cancel();
    lock.lock();
    changed_.wait(lock, closed);
  }
}

void WorkerCore::OpenLocked() {
  stream_ = WorkStream::Open(connection_, shared_from_this());
  if (stream_ == nullptr) {
    return;
  }
  auto request = std::make_shared<v1::WorkRequest>();
  v1::WorkRequest::Register& join = *request->mutable_register_();
  join.set_queue(options_.queue);
  join.set_credit(static_cast<uint32_t>(std::max(options_.concurrency, 1)) +
                  static_cast<uint32_t>(std::max(options_.prefetch, 0)));
  join.set_worker(options_.name);
  connection_->Stamp(join);
  writable_ = true;
  writing_ = true;
  stream_->AnnounceWrite();
  stream_->Write(std::move(request));
}

void WorkerCore::OnResponse(v1::WorkResponse& response) {
  const Activity::Scope until_taken_in(connection_->activity());
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  if (ended_) {
    return;
  }
  if (response.has_registered()) {
    OnRegisteredLocked(effects);
  }
  // Answers first: what is delivered after them may be the same run again.
  for (const v1::Settled& settled : response.settled()) {
    OnSettledLocked(effects, settled);
  }
  for (const v1::WorkResponse::Revoked& revoked : response.revoked()) {
    RevokeLocked(effects, {revoked.id(), revoked.lease()});
  }
  for (v1::Occurrence& occurrence : *response.mutable_occurrences()) {
    TakeLocked(effects, occurrence);
  }
  if (response.has_error()) {
    OnRefusedLocked(effects, FromDetails(response.error()));
  }
  drained_ = drained_ || response.drained();
  SendLocked(effects);
  FinishIfStoppedLocked(effects);
}

void WorkerCore::OnRegisteredLocked(Effects& effects) {
  joined_ = true;
  backoff_.Reset();
  effects.Add([registered = registered_] { registered.Set(absl::OkStatus()); });
  if (options_.extend_leases) {
    // Says that they are here still: the server gives what a lost worker had to others.
    for (const auto& [lease, run] : leases_) {
      ExtendLocked(run, jobs_.at(run), std::nullopt);
    }
  }
}

void WorkerCore::SettleLocked(Effects& effects, const RunKey& run, const v1::Occurrence& delivery,
                              v1::Settlement verdict) {
  if (ended_) {
    return;
  }
  verdict.set_id(delivery.id());
  verdict.set_lease(delivery.lease());
  settling_.emplace(delivery.id(), delivery.lease());
  if (!until_settled_.has_value()) {
    until_settled_.emplace(connection_->activity());
  }
  outbox_.push_back({run, std::move(verdict), std::nullopt});
  SendLocked(effects);
}

void WorkerCore::SendLocked(Effects& effects) {
  if (!writable_ || writing_ || !joined_ || ended_) {
    return;
  }
  auto request = std::make_shared<v1::WorkRequest>();
  if (stopping_ && !drain_sent_) {
    drain_sent_ = true;
    request->mutable_drain();
  }
  size_t bytes = 0;
  while (!paused_ && !outbox_.empty() &&
         static_cast<size_t>(request->settlements_size()) < message_items_ && bytes < kMaxBytes) {
    Outgoing outgoing = std::move(outbox_.front());
    outbox_.pop_front();
    bytes += outgoing.settlement.ByteSizeLong();
    *request->add_settlements() = outgoing.settlement;
    sent_[{outgoing.settlement.id(), outgoing.settlement.lease()}].push_back(std::move(outgoing));
  }
  if (!request->has_drain() && request->settlements().empty()) {
    return;
  }
  writing_ = true;
  stream_->AnnounceWrite();
  effects.Add([stream = stream_, request = std::move(request)] { stream->Write(request); });
}

void WorkerCore::OnWritten() {
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  writing_ = false;
  SendLocked(effects);
}

void WorkerCore::OnSettledLocked(Effects& effects, const v1::Settled& settled) {
  const auto found = sent_.find({settled.id(), settled.lease()});
  if (found == sent_.end()) {
    return;
  }
  Outgoing outgoing = std::move(found->second.front());
  found->second.pop_front();
  if (found->second.empty()) {
    sent_.erase(found);
  }
  const absl::Status status = settled.has_error() ? FromDetails(settled.error()) : absl::OkStatus();
  if (outgoing.is_verdict()) {
    OnVerdictAnsweredLocked(effects, std::move(outgoing), status);
  } else {
    OnExtensionAnsweredLocked(effects, std::move(outgoing), settled, status);
  }
}

void WorkerCore::OnVerdictAnsweredLocked(Effects& effects, Outgoing outgoing,
                                         const absl::Status& status) {
  const v1::Settlement& settlement = outgoing.settlement;
  const bool is_given_up = absl::StartsWith(settlement.failure().payload(), kTooLarge);
  if (!IsHopeless(status) && !status.ok() && !IsLost(status)) {
    outbox_.push_back(std::move(outgoing));
    PauseLocked(effects, RetryDelayOf(status));
  } else if (IsHopeless(status) && !is_given_up && ResultBytes(settlement) > 0) {
    GiveUpResultLocked(outgoing, status);
    outbox_.push_back(std::move(outgoing));
  } else {
    // Counted, or somebody else's by now.
    settling_.erase({settlement.id(), settlement.lease()});
    if (settling_.empty()) {
      until_settled_.reset();
    }
  }
}

void WorkerCore::OnExtensionAnsweredLocked(Effects& effects, Outgoing outgoing,
                                           const v1::Settled& settled, const absl::Status& status) {
  if (IsLost(status)) {
    RevokeLocked(effects, {settled.id(), settled.lease()});
  }
  if (!outgoing.extended.has_value()) {
    return;
  }
  if (!status.ok() && IsTransient(status.code())) {
    outbox_.push_back(std::move(outgoing));
    PauseLocked(effects);
    return;
  }
  effects.Add([extended = *outgoing.extended, status, end = FromProto(settled.lease_end())] {
    if (status.ok()) {
      extended.Set(end);
    } else {
      extended.Set(status);
    }
  });
}

void WorkerCore::GiveUpResultLocked(Outgoing& outgoing, const absl::Status& refusal) {
  v1::Settlement::Failure failure;
  failure.set_payload(EncodeFailure(absl::ResourceExhaustedError(
      absl::StrCat("the server refused a result of ", ResultBytes(outgoing.settlement),
                   " bytes: ", refusal.message().substr(0, 1000)))));
  failure.set_final(true);
  *outgoing.settlement.mutable_failure() = std::move(failure);
  if (remembered_.Find(outgoing.run) != nullptr) {
    remembered_.Add(outgoing.run, outgoing.settlement);
  }
}

void WorkerCore::OnRefusedLocked(Effects& effects, const absl::Status& refusal) {
  // It is not told which message it was. Another stream begins with all that is not answered, in
  // smaller messages if that was it.
  const std::string limit = DetailOf(refusal, "limit");
  if (limit == "max-batch-items" || limit == "max-request-bytes") {
    if (message_items_ > 1) {
      message_items_ /= 2;
    } else {
      GiveUpLargestLocked(refusal);
    }
  }
  effects.Add([stream = stream_] { stream->Cancel(); });
}

bool WorkerCore::GiveUpLargestLocked(const absl::Status& refusal) {
  Outgoing* largest = nullptr;
  for (auto& [lease, outgoings] : sent_) {
    for (Outgoing& outgoing : outgoings) {
      if (outgoing.is_verdict() && (largest == nullptr || ResultBytes(outgoing.settlement) >
                                                              ResultBytes(largest->settlement))) {
        largest = &outgoing;
      }
    }
  }
  if (largest != nullptr) {
    GiveUpResultLocked(*largest, refusal);
  }
  return largest != nullptr;
}

void WorkerCore::PauseLocked(Effects& effects, std::optional<absl::Duration> at_least) {
  if (paused_) {
    return;
  }
  paused_ = true;
  effects.Add([self = shared_from_this(), delay = backoff_.Next(at_least)] {
    self->connection_->timer().After(delay, [self] {
      Effects later;
      std::lock_guard<std::mutex> lock(self->mutex_);
      self->paused_ = false;
      self->SendLocked(later);
    });
  });
}

void WorkerCore::OnBroken() {
  std::lock_guard<std::mutex> lock(mutex_);
  writable_ = false;
}

void WorkerCore::OnStreamEnd(absl::Status status) {
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  if (absl::IsResourceExhausted(status) && absl::StrContains(status.message(), "larger than max")) {
    GiveUpLargestLocked(status);
  }
  const std::shared_ptr<WorkStream> ended = std::move(stream_);
  writable_ = writing_ = joined_ = drain_sent_ = drained_ = false;
  TakeBackLocked();
  FinishIfStoppedLocked(effects);
  if (!ended_ && connection_->closing()) {
    EndLocked(effects, ClosedStatus());
  } else if (!ended_ && !IsWorthAnotherStream(status)) {
    EndLocked(effects, status);
  } else if (!ended_) {
    effects.Add([self = shared_from_this(), delay = backoff_.Next(RetryDelayOf(status))] {
      self->connection_->timer().After(delay, [self] {
        Effects later;
        std::lock_guard<std::mutex> relock(self->mutex_);
        if (self->ended_) {
          return;
        }
        self->OpenLocked();
        if (self->stream_ == nullptr) {
          self->EndLocked(later, ClosedStatus());
        }
      });
    });
  }
  changed_.notify_all();
}

void WorkerCore::TakeBackLocked() {
  std::deque<Outgoing> again;
  for (auto& [lease, outgoings] : sent_) {
    std::move(outgoings.begin(), outgoings.end(), std::back_inserter(again));
  }
  sent_.clear();
  std::move(outbox_.begin(), outbox_.end(), std::back_inserter(again));
  outbox_.clear();
  // Leases are extended anew once a stream is there again.
  std::copy_if(std::make_move_iterator(again.begin()), std::make_move_iterator(again.end()),
               std::back_inserter(outbox_),
               [](const Outgoing& outgoing) { return !outgoing.is_automatic(); });
}

void WorkerCore::FinishIfStoppedLocked(Effects& effects) {
  // A stream that has not joined the queue has brought nothing.
  if (stopping_ && !ended_ && IdleLocked() && (!joined_ || drained_)) {
    EndLocked(effects, absl::OkStatus());
  }
}

void WorkerCore::EndLocked(Effects& effects, const absl::Status& status) {
  ended_ = true;
  effects.Add([registered = registered_, over = over_, status] {
    registered.Set(status.ok() ? absl::CancelledError("the worker was stopped first") : status);
    over.Set(status);
  });
  for (const RunKey& run : std::exchange(waiting_, {})) {
    jobs_.erase(run);
  }
  TakeBackLocked();
  for (const Outgoing& outgoing : outbox_) {
    if (outgoing.extended.has_value()) {
      effects.Add([extended = *outgoing.extended, status] {
        extended.Set(status.ok() ? absl::CancelledError("the worker has stopped") : status);
      });
    }
  }
  outbox_.clear();
  settling_.clear();
  until_settled_.reset();
  if (stream_ != nullptr && drained_ && writable_ && !writing_) {
    writable_ = false;
    stream_->AnnounceWrite();
    effects.Add([stream = stream_] { stream->FinishWrites(); });
  } else if (stream_ != nullptr) {
    effects.Add([stream = stream_] { stream->Cancel(); });
  }
  changed_.notify_all();
}

}  // namespace client
}  // namespace timerd
