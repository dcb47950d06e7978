// One Watch that follows a feed: many handles, over all shards.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/base/mutex.h"
#include "server/delivery/feed_followers.h"
#include "server/service/call_counts.h"
#include "server/service/cursor.h"
#include "server/service/router.h"
#include "server/service/stream_registry.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::service {

// Reads each shard's part of the feed a page at a time and merges the pages, by time and then by
// shard. The next page of a shard is read when the one before is written, so a reader that stands
// still costs a page a shard, and what it does not read stays on disk. At the end of the feed it
// waits to be told that the feed has grown.
//
// Owns itself until gRPC's OnDone; beyond that as long as a read is under way or a shard refers to
// it.
class FeedStream final : public grpc::ServerWriteReactor<v1::WatchResponse>,
                         public delivery::FeedFollower,
                         public Endable,
                         public std::enable_shared_from_this<FeedStream> {
 public:
  // `open` counts the feeds that are open.
  static std::shared_ptr<FeedStream> Make(const Cursors& cursors, StreamRegistry& registry,
                                          CallCounts& calls, std::atomic<size_t>& open);
  FeedStream(const Cursors& cursors, StreamRegistry& registry, CallCounts& calls,
             std::atomic<size_t>& open)
      : cursors_(cursors), registry_(registry), calls_(calls), open_(open) {}

  // Joins the registry, or ends the call with what it says.
  bool Admit();
  // Begins to read, shard i at `starts[i]`. To be called once, unless EndWith() is instead.
  void Begin(const reactor::FeedFilter& filter, std::vector<reactor::FeedStart> starts,
             const std::vector<ShardPort>& shards);
  void EndWith(const absl::Status& status) override;

  void OnFeedGrown(uint32_t shard) override;
  bool IsGone() const override { return gone_.load(); }

  // ---- Reactions of gRPC ----
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // One shard's part.
  struct Source {
    ShardPort shard;
    bool reading = false;
    bool more = false;     // there is a page to be read
    uint64_t through = 0;  // what has been told, or did not pass the filter: the cursor
    // The page: what is missing before it, and its events from `next` on.
    reactor::FeedPage page;
    size_t next = 0;

    bool HasEvent() const { return next < page.events.size(); }
  };

  // On the thread of shard `index`.
  void OnPage(uint32_t index, absl::StatusOr<reactor::FeedPage> page);
  reactor::ReadFeed ReadOf(uint32_t index, reactor::FeedStart start)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The one place that reads, writes and finishes.
  void Proceed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Makes response_ the next message, if it is known.
  bool MakeNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MakeAcknowledgement() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns false when nothing is missing.
  bool MakeGap() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MakeEvent(Source& source) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string Cursor() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Cursors& cursors_;
  StreamRegistry& registry_;
  CallCounts& calls_;
  std::atomic<size_t>& open_;
  std::atomic<bool> gone_{false};

  Mutex mutex_;
  std::shared_ptr<FeedStream> self_ ABSL_GUARDED_BY(mutex_);
  reactor::FeedFilter filter_ ABSL_GUARDED_BY(mutex_);
  std::string name_space_ ABSL_GUARDED_BY(mutex_);
  std::vector<Source> sources_ ABSL_GUARDED_BY(mutex_);  // by shard
  v1::WatchResponse response_ ABSL_GUARDED_BY(mutex_);   // being written, if writing_
  bool acknowledged_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace timerd::service
