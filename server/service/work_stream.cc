#include "server/service/work_stream.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/handle_key.h"
#include "server/base/status.h"
#include "server/push/occurrence_message.h"
#include "server/service/refusals.h"
#include "server/service/status_mapping.h"
#include "server/service/translation.h"

namespace timerd::service {
namespace {

// A message is closed above this, far below what clients take by default (4 MiB).
constexpr size_t kMessageBytes = 256 << 10;
// About what an occurrence or an answer takes besides its payload and id.
constexpr size_t kOverhead = 96;
constexpr size_t kMaxNameBytes = 256;

}  // namespace

std::shared_ptr<WorkStream> WorkStream::Make(const Options& options, const Validator& validator,
                                             Router& router, delivery::QueueDirectory& queues,
                                             StreamRegistry& registry, CallCounts& calls,
                                             std::string peer) {
  auto stream = std::make_shared<WorkStream>(options, validator, router, queues, registry, calls,
                                             std::move(peer));
  const MutexLock lock(stream->mutex_);
  stream->self_ = stream;
  return stream;
}

void WorkStream::Begin() {
  const absl::Status admitted = registry_.Add(this);
  const MutexLock lock(mutex_);
  if (!admitted.ok()) {
    EndLocked(admitted);
  }
  Proceed();
}

void WorkStream::EndWith(const absl::Status& status) {
  const MutexLock lock(mutex_);
  stopping_ = true;
  EndLocked(status);
  Proceed();
}

void WorkStream::EndLocked(const absl::Status& status) {
  if (!end_) {
    end_ = status;
  }
}

// ---- What the worker is given ------------------------------------------------------------------

v1::WorkResponse& WorkStream::Next() {
  if (messages_.size() <= (writing_ ? 1u : 0u) || messages_.back().bytes > kMessageBytes ||
      messages_.back().message.has_error()) {
    messages_.emplace_back();
  }
  return messages_.back().message;
}

void WorkStream::CountWaiting(size_t bytes) {
  messages_.back().bytes += bytes;
  waiting_bytes_ += bytes;
  if (waiting_bytes_ > options_.max_waiting_bytes && member_ != nullptr) {
    queue_->Hold(*member_, true);
  }
}

void WorkStream::Deliver(reactor::Occurrence occurrence) {
  {
    const MutexLock lock(mutex_);
    if (!over_ && !end_) {
      in_flight_.emplace(occurrence.lease, occurrence.key);
      *Next().add_occurrences() = push::ToMessage(occurrence);
      CountWaiting(occurrence.payload.size() + occurrence.key.size() + kOverhead);
      NoteDrained();
      return Proceed();
    }
    if (stopping_) {
      return;
    }
  }
  Abandon(occurrence.key, occurrence.lease);
}

void WorkStream::OnLeaseOver(absl::string_view key, uint64_t lease, bool revoked) {
  const MutexLock lock(mutex_);
  queue_->Free(*member_);
  if (in_flight_.erase(lease) > 0 && revoked && !over_) {
    v1::WorkResponse::Revoked* const added = Next().add_revoked();
    added->set_id(std::string(IdOf(key)));
    added->set_lease(lease);
    CountWaiting(key.size() + kOverhead);
  }
  NoteDrained();
  Proceed();
}

void WorkStream::NoteDrained() {
  // What has been claimed for it and is on its way will still come.
  if (draining_ && queue_->InFlight(*member_) == in_flight_.size()) {
    draining_ = false;
    Next().set_drained(true);
  }
}

void WorkStream::Abandon(const std::string& key, uint64_t lease) {
  const absl::StatusOr<ShardPort> shard = router_.For(key);
  if (shard.ok()) {
    shard->port->PostAlways(reactor::Abandon{key, lease});
  }
}

// ---- What it says ------------------------------------------------------------------------------

absl::Status WorkStream::Take(const v1::WorkRequest& request) {
  TIMERD_RETURN_IF_ERROR(validator_.CheckSize(request));
  const MutexLock lock(mutex_);
  if (queue_ == nullptr && !request.has_register_()) {
    return Refuse(Reason::kNotRegistered,
                  "Work: the first message must be register; name a queue there, and the credit");
  }
  switch (request.message_case()) {
    case v1::WorkRequest::kRegister:
      if (queue_ != nullptr) {
        return Refuse(
            Reason::kRegistered,
            absl::StrCat("Work: this stream is registered for queue \"", IdOf(queue_->name()),
                         "\" already; open another stream for another queue, or change "
                         "the credit with set_credit"));
      }
      return Register(request.register_());
    case v1::WorkRequest::kSetCredit:
      TIMERD_RETURN_IF_ERROR(
          validator_.CheckCredit(request.set_credit().credit(), options_.max_credit));
      queue_->SetCredit(*member_, request.set_credit().credit());
      break;
    case v1::WorkRequest::kDrain:
      queue_->Retire(*member_);
      draining_ = true;
      NoteDrained();
      break;
    case v1::WorkRequest::MESSAGE_NOT_SET:
      break;
  }
  if (static_cast<size_t>(request.settlements_size()) > options_.max_settlements) {
    return Refuse(Reason::kLimitExceeded,
                  absl::StrCat("Work: ", request.settlements_size(),
                               " settlements in one message are above --max-batch-items=",
                               options_.max_settlements, "; send them in several"),
                  "max-batch-items");
  }
  settling_ += static_cast<size_t>(request.settlements_size());
  return absl::OkStatus();
}

absl::Status WorkStream::Register(const v1::WorkRequest::Register& request) {
  TIMERD_ASSIGN_OR_RETURN(name_space_, Validator::ToNamespace(request.namespace_()));
  TIMERD_RETURN_IF_ERROR(Validator::CheckName("queue", request.queue()));
  TIMERD_RETURN_IF_ERROR(validator_.CheckCredit(request.credit(), options_.max_credit));
  if (request.worker().size() > kMaxNameBytes) {
    return BadField("worker", "Work: worker has ", request.worker().size(), " bytes, above ",
                    kMaxNameBytes, "; use a shorter name");
  }
  const std::string name = HandleKey(name_space_, request.queue());
  TIMERD_ASSIGN_OR_RETURN(const std::vector<ShardPort> shards, router_.AllOf(name_space_));
  std::shared_ptr<delivery::WorkQueue> queue = queues_.FindOrMake(name);
  if (queue == nullptr) {
    return queues_.RefuseNew(name);
  }
  queue_ = std::move(queue);
  registering_ = true;
  shards.front().port->PostAlways(reactor::ReadTime{
      [self = shared_from_this(),
       info =
           delivery::WorkQueue::MemberInfo{
               .name = request.worker(), .peer = peer_, .credit = request.credit()}](
          const absl::StatusOr<reactor::TimeRead>& time) { self->OnRegistered(info, time); }});
  return absl::OkStatus();
}

void WorkStream::OnRegistered(delivery::WorkQueue::MemberInfo info,
                              const absl::StatusOr<reactor::TimeRead>& time) {
  const MutexLock lock(mutex_);
  registering_ = false;
  if (!time.ok()) {
    EndLocked(time.status());
  } else if (!over_ && !end_) {
    info.since = time->reading.now;
    Translate(info.since, Next().mutable_registered()->mutable_now());
    CountWaiting(kOverhead);
    member_ = queue_->Join(shared_from_this(), std::move(info));
  }
  Proceed();
}

void WorkStream::Settle(const v1::Settlement& settlement) {
  const auto answer = [self = shared_from_this(), id = settlement.id(), lease = settlement.lease()](
                          const absl::StatusOr<reactor::Settled>& settled) {
    self->OnSettled(id, lease, settled);
  };
  std::string key;
  {
    const MutexLock lock(mutex_);
    key = HandleKey(name_space_, settlement.id());
  }
  absl::StatusOr<timer::Verdict> verdict = validator_.ToVerdict(settlement);
  const absl::StatusOr<ShardPort> shard = router_.For(key);
  if (!verdict.ok() || !shard.ok()) {
    return answer(verdict.ok() ? shard.status() : verdict.status());
  }
  shard->port->Post(
      reactor::Settle{std::move(key), settlement.lease(), *std::move(verdict), answer, this});
}

void WorkStream::OnSettled(const std::string& id, uint64_t lease,
                           const absl::StatusOr<reactor::Settled>& settled) {
  const MutexLock lock(mutex_);
  --settling_;
  if (!over_) {
    v1::Settled* const added = Next().add_settled();
    added->set_id(id);
    added->set_lease(lease);
    if (!settled.ok()) {
      calls_.CountPart(settled.status());
      *added->mutable_error() = ToDetails(settled.status());
    } else {
      if (settled->result.lease_end) {
        Translate(*settled->result.lease_end, added->mutable_lease_end());
      }
      if (settled->result.next_attempt) {
        Translate(*settled->result.next_attempt, added->mutable_next_attempt());
      }
      if (settled->end) {
        added->set_end(ToEnd(*settled->end));
      }
    }
    CountWaiting(id.size() + kOverhead);
  }
  Proceed();
}

// ---- Reactions ---------------------------------------------------------------------------------

void WorkStream::OnReadDone(bool ok) {
  {
    const MutexLock lock(mutex_);
    if (!ok || end_) {
      reading_ = false;
      no_more_reads_ = true;
      return Proceed();
    }
  }
  const absl::Status taken = Take(request_);
  if (taken.ok()) {
    for (const v1::Settlement& settlement : request_.settlements()) {
      Settle(settlement);
    }
  }
  const MutexLock lock(mutex_);
  if (!taken.ok()) {
    if (queue_ == nullptr && request_.has_register_()) {
      EndLocked(taken);
    } else {
      calls_.CountPart(taken);
      *Next().mutable_error() = ToDetails(taken);
      CountWaiting(kOverhead + taken.message().size());
    }
  }
  reading_ = false;
  Proceed();
}

void WorkStream::OnWriteDone(bool ok) {
  const MutexLock lock(mutex_);
  writing_ = false;
  waiting_bytes_ -= messages_.front().bytes;
  messages_.pop_front();
  if (!ok) {
    EndLocked(absl::CancelledError());
  } else if (waiting_bytes_ <= options_.max_waiting_bytes && member_ != nullptr) {
    queue_->Hold(*member_, false);
  }
  Proceed();
}

void WorkStream::OnCancel() {
  const MutexLock lock(mutex_);
  EndLocked(absl::CancelledError());
  Proceed();
}

void WorkStream::OnDone() {
  registry_.Remove(this);
  std::shared_ptr<WorkStream> self;
  std::vector<std::pair<uint64_t, std::string>> held;
  {
    const MutexLock lock(mutex_);
    self = std::move(self_);
    over_ = true;
    if (member_ != nullptr) {
      queue_->Leave(*member_);
    }
    if (!stopping_) {
      held.assign(in_flight_.begin(), in_flight_.end());
    }
    messages_.clear();
  }
  for (const auto& [lease, key] : held) {
    Abandon(key, lease);
  }
}

void WorkStream::Proceed() {
  if (finished_ || over_) {
    return;
  }
  if (!writing_ && !messages_.empty() && !end_) {
    writing_ = true;
    StartWrite(&messages_.front().message);
  }
  if (end_) {
    if (!writing_) {
      finished_ = true;
      calls_.Count<v1::WorkRequest>(*end_);
      Finish(ToGrpc(*end_));
    }
  } else if (no_more_reads_ && !registering_ && settling_ == 0 && messages_.empty()) {
    finished_ = true;
    calls_.Count<v1::WorkRequest>(absl::OkStatus());
    Finish(grpc::Status::OK);
  } else if (!reading_ && !registering_ && !no_more_reads_ &&
             settling_ < options_.max_settlements &&
             waiting_bytes_ <= 2 * options_.max_waiting_bytes) {
    reading_ = true;
    StartRead(&request_);
  }
}

}  // namespace timerd::service
