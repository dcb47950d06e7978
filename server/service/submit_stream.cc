#include "server/service/submit_stream.h"

#include <utility>

#include "google/protobuf/arena.h"
#include "server/base/status.h"
#include "server/service/status_mapping.h"

namespace timerd::service {

std::shared_ptr<SubmitStream> SubmitStream::Make(const Options& options, const Validator& validator,
                                                 Router& router, StreamRegistry& registry,
                                                 CallCounts& calls) {
  auto stream = std::make_shared<SubmitStream>(options, validator, router, registry, calls);
  const MutexLock lock(stream->mutex_);
  stream->self_ = stream;
  return stream;
}

void SubmitStream::Begin() {
  const absl::Status admitted = registry_.Add(this);
  if (!admitted.ok()) {
    return EndWith(admitted);
  }
  const MutexLock lock(mutex_);
  Proceed();
}

void SubmitStream::EndWith(const absl::Status& status) {
  const MutexLock lock(mutex_);
  EndLocked(status);
  Proceed();
}

void SubmitStream::EndLocked(const absl::Status& status) {
  if (!end_) {
    end_ = status;
  }
}

void SubmitStream::FinishLocked(const absl::Status& status) {
  finished_ = true;
  calls_.Count<v1::SubmitRequest>(status);
  Finish(ToGrpc(status));
}

void SubmitStream::OnReadDone(bool ok) {
  {
    const MutexLock lock(mutex_);
    if (!ok || end_) {
      reading_ = false;
      no_more_reads_ = true;
      return Proceed();
    }
    ++under_way_;
  }
  CarryOutRequest();
  const MutexLock lock(mutex_);
  reading_ = false;
  Proceed();
}

void SubmitStream::CarryOutRequest() {
  const auto arena = std::make_shared<google::protobuf::Arena>();
  const Answer answer(arena,
                      google::protobuf::Arena::CreateMessage<v1::SubmitResponse>(arena.get()));
  answer->set_tag(request_.tag());
  absl::StatusOr<std::string> name_space = [this]() -> absl::StatusOr<std::string> {
    TIMERD_RETURN_IF_ERROR(validator_.CheckSize(request_));
    TIMERD_RETURN_IF_ERROR(CheckBatch(request_.items(), options_.max_items));
    return Validator::ToNamespace(request_.namespace_());
  }();
  if (!name_space.ok()) {
    calls_.CountPart(name_space.status());
    *answer->mutable_error() = ToDetails(name_space.status());
    return OnAnswered(answer);
  }
  BatchResults& results = *answer->mutable_results();
  CarryOut(validator_, router_, calls_, *name_space, request_.items(), results,
           [self = shared_from_this(), answer] { self->OnAnswered(answer); });
}

void SubmitStream::OnAnswered(Answer answer) {
  const MutexLock lock(mutex_);
  --under_way_;
  answers_.push_back(std::move(answer));
  Proceed();
}

void SubmitStream::OnWriteDone(bool ok) {
  const MutexLock lock(mutex_);
  writing_ = false;
  answers_.pop_front();
  if (!ok) {
    EndLocked(absl::CancelledError());
  }
  Proceed();
}

void SubmitStream::OnCancel() {
  const MutexLock lock(mutex_);
  EndLocked(absl::CancelledError());
  Proceed();
}

void SubmitStream::OnDone() {
  registry_.Remove(this);
  std::shared_ptr<SubmitStream> self;
  const MutexLock lock(mutex_);
  self = std::move(self_);
}

void SubmitStream::Proceed() {
  if (finished_) {
    return;
  }
  if (end_) {
    if (!writing_) {
      FinishLocked(*end_);
    }
    return;
  }
  if (!writing_ && !answers_.empty()) {
    writing_ = true;
    StartWrite(answers_.front().get());
  }
  if (no_more_reads_) {
    if (under_way_ == 0 && answers_.empty()) {
      FinishLocked(absl::OkStatus());
    }
  } else if (!reading_ && under_way_ + answers_.size() < options_.max_under_way) {
    reading_ = true;
    StartRead(&request_);
  }
}

}  // namespace timerd::service
