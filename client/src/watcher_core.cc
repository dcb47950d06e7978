#include "client/src/watcher_core.h"

#include <utility>

#include "client/src/status.h"

namespace timerd {
inline namespace client {
namespace {

// What is read ahead of the callback.
constexpr size_t kMaxAhead = 256;

bool IsWorthAnotherStream(const absl::Status& status) {
  // RESOURCE_EXHAUSTED: too slow a reader, or one watcher too many for now. OK: feeds do not end,
  // so something in between let go of it.
  return status.ok() || IsTransient(status.code()) ||
         status.code() == absl::StatusCode::kResourceExhausted;
}

}  // namespace

// Keeps itself and the watcher alive until its end. Between two reads it is held open, and whoever
// goes on reading or cancels it does so under the watcher's mutex, which OnStreamEnd() takes.
class WatcherCore::Stream final : public grpc::ClientReadReactor<v1::WatchResponse> {
 public:
  static std::shared_ptr<Stream> Open(std::shared_ptr<Connection> connection,
                                      std::shared_ptr<WatcherCore> core, v1::WatchRequest request) {
    auto stream = std::make_shared<Stream>();
    stream->connection_ = std::move(connection);
    stream->core_ = std::move(core);
    stream->request_ = std::move(request);
    if (!stream->connection_->EnterStream(stream->context_.get())) {
      return nullptr;
    }
    stream->self_ = stream;
    stream->connection_->api().Watch(stream->context_.get(), &stream->request_, stream.get());
    stream->AddHold();  // until nothing is to be read any more
    stream->StartRead(&stream->response_);
    stream->StartCall();
    return stream;
  }

  void ReadOn() { StartRead(&response_); }
  void Cancel() { context_->TryCancel(); }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      RemoveHold();
    } else if (core_->OnResponse(response_)) {
      StartRead(&response_);
    }
  }

  void OnDone(const grpc::Status& status) override {
    core_->OnStreamEnd(FromGrpc(status));
    core_.reset();
    grpc::ClientContext* const key = context_.get();
    context_.reset();
    connection_->Leave(key);
    const std::shared_ptr<Stream> last = std::move(self_);
  }

  std::shared_ptr<Connection> connection_;
  std::shared_ptr<WatcherCore> core_;
  std::unique_ptr<grpc::ClientContext> context_ = std::make_unique<grpc::ClientContext>();
  v1::WatchRequest request_;
  v1::WatchResponse response_;
  std::shared_ptr<Stream> self_;
};

WatcherCore::WatcherCore(std::shared_ptr<Connection> connection, WatcherOptions options,
                         Watcher::Callback callback)
    : connection_(std::move(connection)),
      options_(std::move(options)),
      callback_(std::move(callback)),
      watching_(connection_->NewPromise<absl::Status>()),
      over_(connection_->NewPromise<absl::Status>()),
      backoff_(connection_->NewBackoff()),
      read_cursor_(options_.cursor),
      told_cursor_(options_.cursor) {}

void WatcherCore::Start() {
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  OpenLocked(effects);
}

void WatcherCore::Stop() {
  {
    Effects effects;
    std::lock_guard<std::mutex> lock(mutex_);
    EndLocked(effects, absl::OkStatus());
  }
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] {
    return calling_ == std::thread::id() || calling_ == std::this_thread::get_id();
  });
}

std::string WatcherCore::cursor() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return told_cursor_;
}

v1::WatchRequest WatcherCore::RequestLocked() const {
  v1::WatchRequest request;
  if (!options_.id_prefix.empty()) {
    request.set_id_prefix(options_.id_prefix);
  }
  if (!options_.queue.empty()) {
    request.set_queue(options_.queue);
  }
  request.set_everything(options_.id_prefix.empty() && options_.queue.empty());
  request.set_cursor(read_cursor_);
  request.set_from_oldest(read_cursor_.empty() && options_.from_oldest);
  connection_->Stamp(request);
  return request;
}

void WatcherCore::OpenLocked(Effects& effects) {
  if (ended_) {
    return;
  }
  stream_ = Stream::Open(connection_, shared_from_this(), RequestLocked());
  if (stream_ == nullptr) {
    EndLocked(effects, ClosedStatus());
  }
}

bool WatcherCore::OnResponse(v1::WatchResponse& response) {
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  if (ended_) {
    return true;  // until the stream, which is cancelled, says so
  }
  if (!response.cursor().empty()) {
    read_cursor_ = response.cursor();
  }
  if (response.has_acknowledged()) {
    backoff_.Reset();
    if (told_cursor_.empty()) {
      told_cursor_ = read_cursor_;
    }
    effects.Add([watching = watching_] { watching.Set(absl::OkStatus()); });
    return true;
  }
  WatchedItem item;
  item.cursor = read_cursor_;
  if (response.has_gap()) {
    item.gap = std::move(*response.mutable_gap());
  } else if (response.has_event()) {
    item.event = std::move(*response.mutable_event());
  } else {
    return true;  // only a place to go on from
  }
  ahead_.push_back(std::move(item));
  if (!std::exchange(handing_out_, true)) {
    effects.Add(
        [self = shared_from_this()] { self->connection_->Post([self] { self->HandOut(); }); });
  }
  reading_paused_ = ahead_.size() >= kMaxAhead;
  return !reading_paused_;
}

void WatcherCore::HandOut() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!ended_ && !ahead_.empty()) {
    const WatchedItem item = std::move(ahead_.front());
    ahead_.pop_front();
    told_cursor_ = item.cursor;
    calling_ = std::this_thread::get_id();
    lock.unlock();
    callback_(item);
    lock.lock();
    calling_ = std::thread::id();
    changed_.notify_all();
    if (reading_paused_ && stream_ != nullptr && ahead_.size() <= kMaxAhead / 2) {
      reading_paused_ = false;
      stream_->ReadOn();
    }
  }
  handing_out_ = false;
}

void WatcherCore::OnStreamEnd(absl::Status status) {
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  stream_.reset();
  reading_paused_ = false;
  if (ended_) {
    return;
  }
  if (connection_->closing()) {
    EndLocked(effects, ClosedStatus());
  } else if (!IsWorthAnotherStream(status)) {
    EndLocked(effects, status);
  } else {
    effects.Add([self = shared_from_this(), delay = backoff_.Next(RetryDelayOf(status))] {
      self->connection_->timer().After(delay, [self] {
        Effects later;
        std::lock_guard<std::mutex> relock(self->mutex_);
        self->OpenLocked(later);
      });
    });
  }
}

void WatcherCore::EndLocked(Effects& effects, const absl::Status& status) {
  if (ended_) {
    return;
  }
  ended_ = true;
  ahead_.clear();
  effects.Add([watching = watching_, over = over_, status] {
    watching.Set(status.ok() ? absl::CancelledError("the watcher was stopped first") : status);
    over.Set(status);
  });
  if (stream_ != nullptr) {
    stream_->Cancel();
    if (std::exchange(reading_paused_, false)) {
      stream_->ReadOn();  // finds that it was cancelled
    }
  }
}

}  // namespace client
}  // namespace timerd
