// What one shard's frames add up to: its handles, by id and by deadline.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/due_key.h"
#include "server/store/shard_log.h"

namespace timerd::store {

using FeedExtent = storage::v1::FeedExtent;
using NamespaceCount = storage::v1::NamespaceCount;
using Position = storage::v1::Position;
using QueueCount = storage::v1::QueueCount;

// A handle as it is stored: a serialized storage.v1.Spec and storage.v1.State.
struct Record {
  std::string spec;
  std::string state;
};

// An event of a feed as it is stored: some together, in a block.
struct StoredEvent {
  uint64_t sequence;
  uint64_t block_end;       // the sequence of the last event of the block
  absl::string_view bytes;  // a serialized storage.v1.FeedEvent
};

// Frames take effect in two steps: what they change is gathered, and then applied. Of a handle that
// changes often meanwhile only the last state is applied, and of a deadline that comes and goes
// nothing.
//
// Gather() is called by one thread at a time, Apply() by one, beside it; reads come from any
// thread, beside both. They see nothing of what is gathered, and of what is being applied all or
// nothing.
class StateStore {
 public:
  virtual ~StateStore() = default;

  // Adds what `frame` changes, in the order of its operations, to what the next Apply() does. Its
  // sequence must be that of the frame before plus 1.
  virtual absl::Status Gather(const Frame& frame) = 0;
  // What is gathered, as it lies in memory, in bytes. Any thread.
  virtual size_t gathered_bytes() const = 0;
  // Applies what has been gathered, and moves the position there; returns the sequence. Not durable
  // by itself: after a crash the store is as some earlier Apply() left it.
  virtual absl::StatusOr<uint64_t> Apply() = 0;
  // Both for one frame.
  absl::Status Apply(const Frame& frame) {
    const absl::Status gathered = Gather(frame);
    return gathered.ok() ? Apply().status() : gathered;
  }
  // The header of the last frame applied; sequence 0 for an empty store.
  virtual absl::StatusOr<Position> position() const = 0;
  // Makes what has been applied durable by itself, so that the next start need not apply it again.
  virtual absl::Status Checkpoint() = 0;

  // The handle `key`; nothing if there is none.
  virtual absl::StatusOr<std::optional<Record>> Get(absl::string_view key) const = 0;
  // The same for some handles; one by one would take longer.
  virtual absl::StatusOr<std::vector<std::optional<Record>>> GetMany(
      absl::Span<const absl::string_view> keys) const = 0;
  // Visits the deadlines of `timeline` in ascending order: those after `after` (all, if nothing)
  // and not after `last`, until `visit` returns false. A handle comes once for each that it has.
  virtual absl::Status ScanDue(
      Timeline timeline, const std::optional<DueKey>& after, Instant last,
      absl::FunctionRef<bool(const DueKey& due, absl::string_view key)> visit) const = 0;
  // Visits the handles whose keys begin with `prefix` and are greater than `after`, in ascending
  // byte order, until `visit` returns false. `spec` and `state` are as in Record.
  virtual absl::Status Walk(absl::string_view prefix, absl::string_view after,
                            absl::FunctionRef<bool(absl::string_view key, absl::string_view spec,
                                                   absl::string_view state)>
                                visit) const = 0;
  // Visits what waits in `queue` after `after` (all, if nothing), in ascending order, until `visit`
  // returns false.
  virtual absl::Status ScanWaiting(
      absl::string_view queue, const std::optional<DueKey>& after,
      absl::FunctionRef<bool(const DueKey& due, absl::string_view key)> visit) const = 0;
  // The same for the dead letters of `queue`: serialized storage.v1.DeadLetters.
  virtual absl::Status ScanLetters(
      absl::string_view queue, const std::optional<DueKey>& after,
      absl::FunctionRef<bool(const DueKey& due, absl::string_view letter)> visit) const = 0;
  // What is in each queue that ever held a handle here, in no particular order.
  virtual absl::StatusOr<std::vector<QueueCount>> queues() const = 0;
  // What lives in each namespace that ever had a handle here, in no particular order.
  virtual absl::StatusOr<std::vector<NamespaceCount>> namespaces() const = 0;
  // Visits the events retained in the feed of `name_space` from `from` on, in ascending order,
  // until `visit` returns false.
  virtual absl::Status ScanFeed(absl::string_view name_space, uint64_t from,
                                absl::FunctionRef<bool(const StoredEvent&)> visit) const = 0;
  // How far each feed reaches that ever had an event here, in no particular order.
  virtual absl::StatusOr<std::vector<FeedExtent>> feeds() const = 0;
};

}  // namespace timerd::store
