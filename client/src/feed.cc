#include "client/src/feed.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace timerd {
inline namespace client {
namespace {

// True when a FIRED may be the last event, as it is for a plain timer. Of a handle made elsewhere
// it is not known what it is.
bool EndsWithFired(const Creation& creation) {
  const auto* schedule = std::get_if<v1::ScheduleRequest>(&creation);
  return schedule != nullptr ? !schedule->reported()
                             : std::holds_alternative<v1::WatchRequest>(creation);
}

bool IsForGood(const absl::Status& status, bool exists) {
  if (status.code() == absl::StatusCode::kResourceExhausted) {
    // A creation past a limit is refused; an attachment past a limit, or one that read too slowly,
    // is worth another try.
    return !exists;
  }
  return !IsTransient(status.code());
}

}  // namespace

Feed::Feed(std::shared_ptr<Connection> connection, std::string id, Creation creation,
           std::weak_ptr<FeedListener> listener)
    : connection_(std::move(connection)),
      id_(std::move(id)),
      creation_(std::move(creation)),
      listener_(std::move(listener)),
      backoff_(connection_->NewBackoff()) {}

void Feed::Start() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!stopped_) {
    stream_ = Open(exists_, last_sequence_);
  }
}

void Feed::Stop() {
  std::shared_ptr<OpenStream> stream;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
    stream = std::move(stream_);
  }
  if (stream != nullptr) {
    stream->Close();
  }
}

std::shared_ptr<OpenStream> Feed::Open(bool watch, uint64_t after_sequence) {
  using Api = Connection::Api;
  if (watch || std::holds_alternative<v1::WatchRequest>(creation_)) {
    v1::WatchRequest request;
    request.set_id(id_);
    request.set_after_sequence(after_sequence);
    return OpenEventStream<v1::WatchRequest, v1::WatchResponse>(connection_, &Api::Watch, request,
                                                                shared_from_this());
  }
  if (const auto* schedule = std::get_if<v1::ScheduleRequest>(&creation_)) {
    return OpenEventStream<v1::ScheduleRequest, v1::ScheduleResponse>(
        connection_, &Api::Schedule, *schedule, shared_from_this());
  }
  if (const auto* loop = std::get_if<v1::StartLoopRequest>(&creation_)) {
    return OpenEventStream<v1::StartLoopRequest, v1::StartLoopResponse>(
        connection_, &Api::StartLoop, *loop, shared_from_this());
  }
  return OpenEventStream<v1::WithTimeoutRequest, v1::WithTimeoutResponse>(
      connection_, &Api::WithTimeout, std::get<v1::WithTimeoutRequest>(creation_),
      shared_from_this());
}

void Feed::OnAcknowledged(const v1::Acknowledgement& acknowledgement) {
  std::optional<v1::Event> replaced;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopped_) {
      return;
    }
    backoff_.Reset();
    if (exists_ && acknowledgement.generation() != generation_) {
      replaced = ReplacedLocked();
    } else if (!exists_) {
      exists_ = true;
      generation_ = acknowledgement.generation();
      found_ = acknowledgement.existed() && !std::holds_alternative<v1::WatchRequest>(creation_);
      if (found_ && stream_ != nullptr) {
        stream_->Close();
      }
    }
  }
  const auto listener = listener_.lock();
  if (listener == nullptr) {
    return;
  }
  if (replaced.has_value()) {
    listener->OnFeedEvent(this, *replaced);
  } else {
    listener->OnFeedAcknowledged(this, acknowledgement);
  }
}

v1::Event Feed::ReplacedLocked() {
  v1::Event event;
  event.set_id(id_);
  event.set_type(v1::Event::TYPE_CANCELLED);
  event.set_sequence(last_sequence_ + 1);
  event.set_generation(generation_);
  event.set_reason("REPLACED");
  return event;
}

void Feed::OnEvent(const v1::Event& event) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopped_ || found_) {
      return;
    }
    last_sequence_ = std::max(last_sequence_, event.sequence());
    last_may_end_ = event.type() == v1::Event::TYPE_FIRED ? EndsWithFired(creation_)
                                                          : event.type() != v1::Event::TYPE_TICK;
  }
  if (const auto listener = listener_.lock(); listener != nullptr) {
    listener->OnFeedEvent(this, event);
  }
}

void Feed::OnStreamEnd(const absl::Status& status) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopped_) {
      return;
    }
    const std::shared_ptr<OpenStream> ended = std::move(stream_);
    if (found_) {
      found_ = false;
      stream_ = Open(/*watch=*/true, last_sequence_);
      return;
    }
    // OK before the end is a server, or something in between, that let go of the stream.
    const bool for_good = status.ok() ? last_may_end_ : IsForGood(status, exists_);
    if (!for_good) {
      connection_->timer().After(backoff_.Next(RetryDelayOf(status)),
                                 [self = shared_from_this()] { self->Start(); });
      return;
    }
    stopped_ = true;
  }
  if (const auto listener = listener_.lock(); listener != nullptr) {
    listener->OnFeedEnd(this, status);
  }
}

}  // namespace client
}  // namespace timerd
