// The events of one handle, without end and without gaps: creates it, follows it, and takes up the
// thread wherever a stream breaks off.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <variant>

#include "client/src/event_stream.h"

namespace timerd {
inline namespace client {

// What a handle begins with. Every request carries its id, and a key where the id might have been
// used before, so that it can be sent again safely while it is not known whether it has arrived.
using Creation = std::variant<v1::ScheduleRequest, v1::StartLoopRequest, v1::WithTimeoutRequest,
                              v1::WatchRequest>;

class Feed;

// Called on gRPC's threads, one call at a time. Must not block. `feed` says which one it is.
class FeedListener {
 public:
  virtual ~FeedListener() = default;
  // The handle exists, durably. Comes again each time a stream is resumed.
  virtual void OnFeedAcknowledged(Feed* feed, const v1::Acknowledgement& acknowledgement) = 0;
  // An event may come more than once, but only in order. When another handle has taken the id and
  // the end of this one was not heard, it is told here: CANCELLED, reason REPLACED.
  virtual void OnFeedEvent(Feed* feed, const v1::Event& event) = 0;
  // The server has closed the stream for good: OK after the end event or the FIRED of a plain
  // timer; otherwise why it refuses to make or to show the handle. Nothing comes after it.
  virtual void OnFeedEnd(Feed* feed, const absl::Status& status) = 0;
};

// Until the acknowledgement the creation is sent again, after it Watch resumes behind the last
// event seen; each with backoff, until the handle has ended, the server refuses, or Stop().
// Thread-safe.
class Feed : public StreamListener, public std::enable_shared_from_this<Feed> {
 public:
  Feed(std::shared_ptr<Connection> connection, std::string id, Creation creation,
       std::weak_ptr<FeedListener> listener);

  void Start();
  // Nothing is reported of what comes later; a call to the listener may be under way.
  void Stop();

 private:
  void OnAcknowledged(const v1::Acknowledgement& acknowledgement) override;
  void OnEvent(const v1::Event& event) override;
  void OnStreamEnd(const absl::Status& status) override;

  v1::Event ReplacedLocked();
  std::shared_ptr<OpenStream> Open(bool watch, uint64_t after_sequence);

  const std::shared_ptr<Connection> connection_;
  const std::string id_;
  const Creation creation_;
  const std::weak_ptr<FeedListener> listener_;

  std::mutex mutex_;
  // All guarded by mutex_.
  std::shared_ptr<OpenStream> stream_;
  Backoff backoff_;
  bool stopped_ = false;
  // From the acknowledgement on: resume with Watch.
  bool exists_ = false;
  // The creation found the handle there: its stream may have begun behind events that nobody here
  // has seen, so it is given up for a Watch from the start.
  bool found_ = false;
  uint64_t last_sequence_ = 0;
  // Of the handle that is followed, from the acknowledgement on.
  uint64_t generation_ = 0;
  // The last event was one that ends the stream.
  bool last_may_end_ = false;
};

}  // namespace client
}  // namespace timerd
