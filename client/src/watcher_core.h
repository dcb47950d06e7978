// What a Watcher is made of.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "client/src/connection.h"
#include "client/src/effects.h"
#include "timerd/watcher.h"

namespace timerd {
inline namespace client {

// Reads a few items ahead of the callback, and no further: what is not read waits at the server. A
// stream that breaks is resumed behind the last item that was read. Thread-safe; only Stop()
// blocks.
class WatcherCore : public std::enable_shared_from_this<WatcherCore> {
 public:
  WatcherCore(std::shared_ptr<Connection> connection, WatcherOptions options,
              Watcher::Callback callback);

  void Start();
  // See Watcher.
  void Stop();
  Future<absl::Status> watching() const { return watching_.future(); }
  Future<absl::Status> over() const { return over_.future(); }
  std::string cursor() const;

 private:
  class Stream;

  // Called by the stream, on gRPC's threads. OnResponse() is true if it shall read on; otherwise it
  // is told to when there is room.
  bool OnResponse(v1::WatchResponse& response);
  void OnStreamEnd(absl::Status status);

  void HandOut();
  // The names ending in Locked are called with mutex_ held.
  v1::WatchRequest RequestLocked() const;
  void OpenLocked(Effects& effects);
  void EndLocked(Effects& effects, const absl::Status& status);

  const std::shared_ptr<Connection> connection_;
  const WatcherOptions options_;
  const Watcher::Callback callback_;
  const Promise<absl::Status> watching_;
  const Promise<absl::Status> over_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // All that follows is guarded by mutex_.
  std::shared_ptr<Stream> stream_;
  Backoff backoff_;
  std::string read_cursor_;  // of the last message read
  std::string told_cursor_;  // of the last item handed out, or where it began
  std::deque<WatchedItem> ahead_;
  bool reading_paused_ = false;
  bool handing_out_ = false;  // HandOut() is posted or runs
  std::thread::id calling_;   // the thread that is in the callback
  bool ended_ = false;
};

}  // namespace client
}  // namespace timerd
