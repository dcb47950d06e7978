// The keys of the database: this file and docs/storage_format.md define them.
//
//   superblock   'B'
//   due index    'D' shard deadline place      -> handle key     service timeline
//                'W' shard deadline place      -> handle key     wall clock
//                'R' shard deadline place      -> handle key     end of retention
//   namespace    'N' shard name                -> NamespaceCount
//   waiting      'Q' shard queue 0 deadline place -> handle key
//   dead letter  'X' shard queue 0 time place  -> DeadLetter
//   queue        'U' shard queue               -> QueueCount
//   settings     'S' queue                     -> QueueSettings (of all shards; not in the log)
//   feed event   'E' shard escaped-namespace sequence -> FeedEvent
//   feed extent  'F' shard namespace           -> FeedExtent
//   identity     'I'                           -> 8 random bytes (identity.h)
//   clock        'M' name                      -> shard (manual clock: one for each namespace)
//   log          'L' shard sequence            -> frame (frame_codec.h)
//   position     'P' shard                     -> Position
//   record       'Z' shard escaped-key 0       -> Record
//   state        'Z' shard escaped-key 1       -> State (of a handle that has changed)
//
// Numbers are big-endian, so that byte order is numeric order: shard 4 bytes, the others 8; the
// sign bit of a deadline is flipped. A queue is its namespace and name, "billing/mail". An escaped
// key has 00 FF for each 00 and ends in 00 01, so that keys of any bytes sort as they are and none
// is the beginning of another; record and state of a handle are neighbours. (Source of the escape:
// FoundationDB's tuple layer.)
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "server/base/instant.h"
#include "server/store/state_store.h"

namespace timerd::store {

// The keys in [first, last).
struct KeyRange {
  std::string first;
  std::string last;
};

std::string SuperblockKey();
std::string PositionKey(uint32_t shard);

std::string LogKey(uint32_t shard, uint64_t sequence);
// The frames of `shard` from sequence `from` on.
KeyRange LogRange(uint32_t shard, uint64_t from);
// Nothing if `key` is not a log key.
std::optional<uint64_t> LogSequence(absl::string_view key);

std::string DueIndexKey(uint32_t shard, const IndexKey& due);
// The deadlines of `timeline` after `after` (all, if nothing) and not after `last`.
KeyRange DueRange(uint32_t shard, Timeline timeline, const std::optional<DueKey>& after,
                  Instant last);
// Nothing if `key` is not a due index key.
std::optional<IndexKey> IndexKeyOf(absl::string_view key);

std::string NamespaceKey(uint32_t shard, absl::string_view name);
// All namespaces of `shard`.
KeyRange NamespaceRange(uint32_t shard);

// What waits in `queue`, and its dead letters: by deadline, or by when they were given up.
std::string WaitingKey(uint32_t shard, absl::string_view queue, const DueKey& due);
KeyRange WaitingRange(uint32_t shard, absl::string_view queue, const std::optional<DueKey>& after);
std::string LetterKey(uint32_t shard, absl::string_view queue, const DueKey& due);
KeyRange LetterRange(uint32_t shard, absl::string_view queue, const std::optional<DueKey>& after);
// The end of a key of one of the two; nothing if `key` is neither.
std::optional<DueKey> QueuedKeyOf(absl::string_view key);

std::string QueueKey(uint32_t shard, absl::string_view queue);
// All queues of `shard`.
KeyRange QueueRange(uint32_t shard);

std::string SettingsKey(absl::string_view queue);
KeyRange SettingsRange();
// Nothing if `key` is not a settings key.
std::optional<std::string> SettingsName(absl::string_view key);
// The block of events of a feed whose last one is `last`.
std::string FeedBlockKey(uint32_t shard, absl::string_view name_space, uint64_t last);
// The blocks that have events from `from` on.
KeyRange FeedBlockRange(uint32_t shard, absl::string_view name_space, uint64_t from);
// The last event of the block under a key of FeedBlockRange(); nothing if `key` is none.
std::optional<uint64_t> FeedBlockEnd(absl::string_view key);

std::string FeedExtentKey(uint32_t shard, absl::string_view name_space);
// The feeds of all namespaces of `shard`.
KeyRange FeedExtentRange(uint32_t shard);

std::string IdentityKey();

std::string ClockKey(absl::string_view name);
KeyRange ClockRange();
// Nothing if `key` is not a clock key.
std::optional<std::string> ClockName(absl::string_view key);

std::string RecordKey(uint32_t shard, absl::string_view id);
std::string StateKey(uint32_t shard, absl::string_view id);
// Records and states of the ids that begin with `prefix` and are greater than `after`.
KeyRange WalkRange(uint32_t shard, absl::string_view prefix, absl::string_view after);
struct HandleKey {
  std::string id;
  bool is_state = false;
};
// Nothing if `key` is neither a record key nor a state key.
std::optional<HandleKey> HandleKeyOf(absl::string_view key);
// Whether the two, neighbours, are the record key and the state key of one handle.
bool AreOfOneHandle(absl::string_view key, absl::string_view next);

}  // namespace timerd::store
