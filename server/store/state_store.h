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

// Apply() is called by one thread at a time; reads come from any thread, beside it.
class StateStore {
 public:
  virtual ~StateStore() = default;

  // Applies all operations of `frames`, in order, and moves the position to the last, atomically.
  // REQUIRES: there is one. The sequence of the first must be the position's plus 1, and so on. Not
  // durable by itself: after a crash the store is as some earlier Apply() left it, and the log has
  // the frames from there on.
  virtual absl::Status Apply(absl::Span<const Frame> frames) = 0;
  absl::Status Apply(const Frame& frame) { return Apply(absl::MakeConstSpan(&frame, 1)); }
  // The header of the last frame applied; sequence 0 for an empty store.
  virtual absl::StatusOr<Position> position() const = 0;
  // Makes what has been applied durable by itself, so that the next start need not apply it again.
  virtual absl::Status Checkpoint() = 0;

  // The handle `key`; nothing if there is none.
  virtual absl::StatusOr<std::optional<Record>> Get(absl::string_view key) const = 0;
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
  // until `visit` returns false. `event` is a serialized storage.v1.FeedEvent.
  virtual absl::Status ScanFeed(
      absl::string_view name_space, uint64_t from,
      absl::FunctionRef<bool(uint64_t sequence, absl::string_view event)> visit) const = 0;
  // How far each feed reaches that ever had an event here, in no particular order.
  virtual absl::StatusOr<std::vector<FeedExtent>> feeds() const = 0;
};

}  // namespace timerd::store
