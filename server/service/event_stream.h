// One server-streaming call that follows a handle: Schedule, StartLoop, WithTimeout or Watch.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "server/base/handle_key.h"
#include "server/base/mutex.h"
#include "server/base/status.h"
#include "server/delivery/subscriber.h"
#include "server/service/call_counts.h"
#include "server/service/cursor.h"
#include "server/service/status_mapping.h"
#include "server/service/stream_registry.h"
#include "server/service/translation.h"

namespace timerd::service {

// Messages wait in order until the write before them is done. A reader so slow that `max_waiting`
// messages wait is cut off with RESOURCE_EXHAUSTED; it can Watch again from the last sequence
// number it saw, and has slowed nobody else.
//
// Owns itself until gRPC's OnDone; beyond that as long as an attachment refers to it. gRPC runs no
// reaction inside StartWrite or Finish, so both are called under the mutex.
template <typename Response>
class EventStream final : public grpc::ServerWriteReactor<Response>,
                          public delivery::Subscriber,
                          public Endable,
                          public std::enable_shared_from_this<EventStream<Response>> {
 public:
  struct Options {
    bool detached = false;  // ends with OK right after the acknowledgement
    size_t max_waiting = 256;
  };

  static std::shared_ptr<EventStream> Make(const Options& options, StreamRegistry& registry,
                                           CallCounts& calls) {
    auto stream = std::make_shared<EventStream>(options, registry, calls);
    const MutexLock lock(stream->mutex_);
    stream->self_ = stream;
    return stream;
  }
  EventStream(const Options& options, StreamRegistry& registry, CallCounts& calls)
      : options_(options), registry_(registry), calls_(calls) {}

  // Joins the registry, or ends the call with what it says.
  bool Admit() {
    const absl::Status admitted = registry_.Add(this);
    if (!admitted.ok()) {
      EndWith(admitted);
    }
    return admitted.ok();
  }
  // Its events, which are of shard `shard`, carry cursors. To be called before it is attached.
  void AddCursors(const Cursors* cursors, uint32_t shard) {
    const MutexLock lock(mutex_);
    cursors_ = cursors;
    shard_ = shard;
  }
  // `on_gone` is called once the call is over, on any thread: the time to Sweep() attachments.
  void OnGone(absl::AnyInvocable<void()> on_gone) {
    const MutexLock lock(mutex_);
    on_gone_ = std::move(on_gone);
  }

  void OnOpened(const reactor::Opened& opened) override {
    Response response;
    Translate(opened, response.mutable_acknowledged());
    const MutexLock lock(mutex_);
    queue_.push_back(std::move(response));
    if (options_.detached || (opened.ended && opened.retained.empty())) {
      EndLocked(absl::OkStatus());
    }
    Proceed();
  }

  void OnRefused(const absl::Status& status) override { EndWith(status); }

  void OnEvent(std::shared_ptr<const reactor::Notice> notice) override {
    const MutexLock lock(mutex_);
    if (end_) {
      return;
    }
    if (queue_.size() >= options_.max_waiting) {
      DropWaiting();
      EndLocked(ByLimit(
          "max-stream-buffer",
          Refuse(Reason::kSlowReader,
                 absl::StrCat("\"", IdOf(notice->key), "\": the reader is ", options_.max_waiting,
                              " messages behind, as many as --max-stream-buffer allows; Watch "
                              "again from the last sequence number seen"))));
    } else {
      Response response;
      Translate(*notice, response.mutable_event());
      if (cursors_ != nullptr) {
        response.mutable_event()->set_cursor(cursors_->OfEvent(*notice, shard_));
      }
      queue_.push_back(std::move(response));
      if (notice->end) {
        EndLocked(absl::OkStatus());
      }
    }
    Proceed();
  }

  bool IsGone() const override { return gone_.load(); }

  void EndWith(const absl::Status& status) override {
    const MutexLock lock(mutex_);
    EndLocked(status);
    Proceed();
  }

  // ---- Reactions of gRPC ----

  void OnWriteDone(bool ok) override {
    const MutexLock lock(mutex_);
    writing_ = false;
    queue_.pop_front();
    if (!ok) {
      DropWaiting();
      EndLocked(absl::CancelledError());
    }
    Proceed();
  }

  void OnCancel() override {
    const MutexLock lock(mutex_);
    DropWaiting();
    EndLocked(absl::CancelledError());
    Proceed();
  }

  void OnDone() override {
    registry_.Remove(this);
    std::shared_ptr<EventStream> self;
    absl::AnyInvocable<void()> on_gone;
    {
      const MutexLock lock(mutex_);
      self = std::move(self_);
      on_gone = std::move(on_gone_);
    }
    if (on_gone) {
      on_gone();
    }
  }

 private:
  // The stream ends with `status` once what waits is written. The first end counts.
  void EndLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    gone_.store(true);
    if (!end_) {
      end_ = status;
    }
  }

  // All but the message being written.
  void DropWaiting() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    queue_.erase(queue_.begin() + (writing_ ? 1 : 0), queue_.end());
  }

  // The one place that writes and finishes.
  void Proceed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_ || finished_) {
      return;
    }
    if (end_ && (queue_.empty() || (end_->ok() && queue_.size() == 1))) {
      finished_ = true;
      calls_.Count<Response>(*end_);
      if (queue_.empty()) {
        this->Finish(ToGrpc(*end_));
      } else {
        writing_ = true;  // until OnDone(); one packet for both, and one reaction
        this->StartWriteAndFinish(&queue_.front(), grpc::WriteOptions(), grpc::Status::OK);
      }
    } else if (!queue_.empty()) {
      writing_ = true;
      this->StartWrite(&queue_.front());
    }
  }

  const Options options_;
  StreamRegistry& registry_;
  CallCounts& calls_;
  std::atomic<bool> gone_{false};

  Mutex mutex_;
  std::shared_ptr<EventStream> self_ ABSL_GUARDED_BY(mutex_);
  std::deque<Response> queue_ ABSL_GUARDED_BY(mutex_);  // front: being written, if writing_
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  const Cursors* cursors_ ABSL_GUARDED_BY(mutex_) = nullptr;
  uint32_t shard_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::AnyInvocable<void()> on_gone_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace timerd::service
