#include "server/store/keys.h"

#include <algorithm>
#include <iterator>

namespace timerd::store {
namespace {

constexpr char kSuperblockTag = 'B';
constexpr char kDueTags[] = {'D', 'W', 'R'};  // by timeline
constexpr char kFeedBlockTag = 'E';
constexpr char kFeedExtentTag = 'F';
constexpr char kHandleTag = 'Z';
constexpr char kIdentityTag = 'I';
constexpr char kLogTag = 'L';
constexpr char kClockTag = 'M';
constexpr char kNamespaceTag = 'N';
constexpr char kPositionTag = 'P';
constexpr char kWaitingTag = 'Q';
constexpr char kSettingsTag = 'S';
constexpr char kQueueTag = 'U';
constexpr char kLetterTag = 'X';

constexpr char kRecordSuffix = 0;
constexpr char kStateSuffix = 1;
constexpr char kAfterSuffixes = 2;

constexpr size_t kShardPrefixSize = 1 + sizeof(uint32_t);
constexpr uint64_t kSignBit = uint64_t{1} << 63;

template <typename Number>
void AppendBigEndian(Number value, std::string& key) {
  char bytes[sizeof(Number)];
  for (size_t i = 0; i < sizeof(Number); ++i) {
    bytes[i] = static_cast<char>(value >> (8 * (sizeof(Number) - 1 - i)));
  }
  key.append(bytes, sizeof bytes);
}

uint64_t ReadBigEndian(absl::string_view bytes) {
  uint64_t value = 0;
  for (char c : bytes) {
    value = (value << 8) | static_cast<unsigned char>(c);
  }
  return value;
}

// Room for `behind` more bytes.
std::string ShardPrefix(char tag, uint32_t shard, size_t behind = 0) {
  std::string key;
  key.reserve(kShardPrefixSize + behind);
  key.push_back(tag);
  AppendBigEndian(shard, key);
  return key;
}

// The smallest key greater than all that begin with `prefix`, which is not all FF.
std::string AfterPrefix(std::string prefix) {
  while (prefix.back() == '\xff') {
    prefix.pop_back();
  }
  ++prefix.back();
  return prefix;
}

std::string AfterShard(char tag, uint32_t shard) { return AfterPrefix(ShardPrefix(tag, shard)); }

void AppendEscaped(absl::string_view id, std::string& key) {
  if (id.find('\0') == absl::string_view::npos) {  // as good as always
    key.append(id.data(), id.size());
    return;
  }
  for (char c : id) {
    key.push_back(c);
    if (c == '\0') {
      key.push_back('\xff');
    }
  }
}

std::string FeedPrefix(uint32_t shard, absl::string_view name_space) {
  std::string key = ShardPrefix(kFeedBlockTag, shard);
  AppendEscaped(name_space, key);
  key.push_back('\0');
  key.push_back('\x01');
  return key;
}

std::string HandleKeyWith(uint32_t shard, absl::string_view id, char suffix) {
  std::string key = ShardPrefix(kHandleTag, shard, id.size() + 3);
  AppendEscaped(id, key);
  key.push_back('\0');
  key.push_back('\x01');
  key.push_back(suffix);
  return key;
}

void AppendDue(const DueKey& due, std::string& key) {
  AppendBigEndian(static_cast<uint64_t>(ToNanos(due.deadline)) ^ kSignBit, key);
  AppendBigEndian(due.place, key);
}

// `bytes` are what AppendDue() appended.
DueKey ReadDue(absl::string_view bytes) {
  const uint64_t deadline = ReadBigEndian(bytes.substr(0, sizeof(uint64_t))) ^ kSignBit;
  return {InstantFromNanos(static_cast<int64_t>(deadline)),
          ReadBigEndian(bytes.substr(sizeof(uint64_t)))};
}

std::string QueuedKey(char tag, uint32_t shard, absl::string_view queue, const DueKey& due) {
  std::string key = ShardPrefix(tag, shard, queue.size() + 1 + 2 * sizeof(uint64_t));
  key.append(queue.data(), queue.size()).push_back('\0');
  AppendDue(due, key);
  return key;
}

KeyRange QueuedRange(char tag, uint32_t shard, absl::string_view queue,
                     const std::optional<DueKey>& after) {
  std::string prefix = ShardPrefix(tag, shard);
  prefix.append(queue.data(), queue.size()).push_back('\0');
  std::string last = AfterPrefix(prefix);
  if (after.has_value()) {
    AppendDue(*after, prefix);
    prefix.push_back('\0');
  }
  return {std::move(prefix), std::move(last)};
}

bool HasTag(absl::string_view key, char tag, size_t min_size) {
  return key.size() >= min_size && key[0] == tag;
}

}  // namespace

std::string SuperblockKey() { return std::string(1, kSuperblockTag); }

std::string PositionKey(uint32_t shard) { return ShardPrefix(kPositionTag, shard); }

std::string LogKey(uint32_t shard, uint64_t sequence) {
  std::string key = ShardPrefix(kLogTag, shard);
  AppendBigEndian(sequence, key);
  return key;
}

KeyRange LogRange(uint32_t shard, uint64_t from) {
  return {LogKey(shard, from), AfterShard(kLogTag, shard)};
}

std::optional<uint64_t> LogSequence(absl::string_view key) {
  constexpr size_t kSize = kShardPrefixSize + sizeof(uint64_t);
  if (!HasTag(key, kLogTag, kSize) || key.size() != kSize) {
    return std::nullopt;
  }
  return ReadBigEndian(key.substr(kShardPrefixSize));
}

std::string DueIndexKey(uint32_t shard, const IndexKey& index) {
  std::string key =
      ShardPrefix(kDueTags[static_cast<size_t>(index.timeline)], shard, 2 * sizeof(uint64_t));
  AppendDue(index.due, key);
  return key;
}

KeyRange DueRange(uint32_t shard, Timeline timeline, const std::optional<DueKey>& after,
                  Instant last) {
  KeyRange range;
  if (after.has_value()) {
    range.first = DueIndexKey(shard, {timeline, *after});
    range.first.push_back('\0');
  } else {
    range.first = ShardPrefix(kDueTags[static_cast<size_t>(timeline)], shard);
  }
  range.last = DueIndexKey(shard, {timeline, {last, kLastPlace}});
  range.last.push_back('\0');
  return range;
}

std::optional<IndexKey> IndexKeyOf(absl::string_view key) {
  constexpr size_t kSize = kShardPrefixSize + 2 * sizeof(uint64_t);
  const auto* const tag = key.size() == kSize
                              ? std::find(std::begin(kDueTags), std::end(kDueTags), key[0])
                              : std::end(kDueTags);
  if (tag == std::end(kDueTags)) {
    return std::nullopt;
  }
  return IndexKey{static_cast<Timeline>(tag - std::begin(kDueTags)),
                  ReadDue(key.substr(kShardPrefixSize))};
}

std::string NamespaceKey(uint32_t shard, absl::string_view name) {
  return ShardPrefix(kNamespaceTag, shard).append(name.data(), name.size());
}

KeyRange NamespaceRange(uint32_t shard) {
  return {ShardPrefix(kNamespaceTag, shard), AfterShard(kNamespaceTag, shard)};
}

std::string WaitingKey(uint32_t shard, absl::string_view queue, const DueKey& due) {
  return QueuedKey(kWaitingTag, shard, queue, due);
}

KeyRange WaitingRange(uint32_t shard, absl::string_view queue, const std::optional<DueKey>& after) {
  return QueuedRange(kWaitingTag, shard, queue, after);
}

std::string LetterKey(uint32_t shard, absl::string_view queue, const DueKey& due) {
  return QueuedKey(kLetterTag, shard, queue, due);
}

KeyRange LetterRange(uint32_t shard, absl::string_view queue, const std::optional<DueKey>& after) {
  return QueuedRange(kLetterTag, shard, queue, after);
}

std::optional<DueKey> QueuedKeyOf(absl::string_view key) {
  constexpr size_t kDueSize = 2 * sizeof(uint64_t);
  constexpr size_t kMinSize = kShardPrefixSize + 1 + kDueSize;
  if (!HasTag(key, kWaitingTag, kMinSize) && !HasTag(key, kLetterTag, kMinSize)) {
    return std::nullopt;
  }
  const absl::string_view name = key.substr(kShardPrefixSize, key.size() - kMinSize);
  if (name.find('\0') != absl::string_view::npos || key[key.size() - kDueSize - 1] != '\0') {
    return std::nullopt;
  }
  return ReadDue(key.substr(key.size() - kDueSize));
}

std::string QueueKey(uint32_t shard, absl::string_view queue) {
  return ShardPrefix(kQueueTag, shard).append(queue.data(), queue.size());
}

KeyRange QueueRange(uint32_t shard) {
  return {ShardPrefix(kQueueTag, shard), AfterShard(kQueueTag, shard)};
}

std::string SettingsKey(absl::string_view queue) {
  return std::string(1, kSettingsTag).append(queue.data(), queue.size());
}

KeyRange SettingsRange() { return {SettingsKey(""), AfterPrefix(SettingsKey(""))}; }

std::optional<std::string> SettingsName(absl::string_view key) {
  if (!HasTag(key, kSettingsTag, 2)) {
    return std::nullopt;
  }
  return std::string(key.substr(1));
}

std::string FeedBlockKey(uint32_t shard, absl::string_view name_space, uint64_t last) {
  std::string key = FeedPrefix(shard, name_space);
  AppendBigEndian(last, key);
  return key;
}

KeyRange FeedBlockRange(uint32_t shard, absl::string_view name_space, uint64_t from) {
  return {FeedBlockKey(shard, name_space, from), AfterPrefix(FeedPrefix(shard, name_space))};
}

std::optional<uint64_t> FeedBlockEnd(absl::string_view key) {
  constexpr size_t kLeast = kShardPrefixSize + 2 + sizeof(uint64_t);
  if (!HasTag(key, kFeedBlockTag, kLeast)) {
    return std::nullopt;
  }
  return ReadBigEndian(key.substr(key.size() - sizeof(uint64_t)));
}

std::string FeedExtentKey(uint32_t shard, absl::string_view name_space) {
  return ShardPrefix(kFeedExtentTag, shard).append(name_space.data(), name_space.size());
}

KeyRange FeedExtentRange(uint32_t shard) {
  return {ShardPrefix(kFeedExtentTag, shard), AfterShard(kFeedExtentTag, shard)};
}

std::string IdentityKey() { return std::string(1, kIdentityTag); }

std::string ClockKey(absl::string_view name) {
  return std::string(1, kClockTag).append(name.data(), name.size());
}

KeyRange ClockRange() { return {ClockKey(""), AfterPrefix(ClockKey(""))}; }

std::optional<std::string> ClockName(absl::string_view key) {
  if (!HasTag(key, kClockTag, 2)) {
    return std::nullopt;
  }
  return std::string(key.substr(1));
}

std::string RecordKey(uint32_t shard, absl::string_view id) {
  return HandleKeyWith(shard, id, kRecordSuffix);
}

std::string StateKey(uint32_t shard, absl::string_view id) {
  return HandleKeyWith(shard, id, kStateSuffix);
}

KeyRange WalkRange(uint32_t shard, absl::string_view prefix, absl::string_view after) {
  std::string begin = ShardPrefix(kHandleTag, shard);
  AppendEscaped(prefix, begin);
  std::string end = AfterPrefix(begin);
  if (!after.empty()) {
    begin = std::max(begin, HandleKeyWith(shard, after, kAfterSuffixes));
  }
  return {std::move(begin), std::move(end)};
}

std::optional<HandleKey> HandleKeyOf(absl::string_view key) {
  if (!HasTag(key, kHandleTag, kShardPrefixSize + 3)) {
    return std::nullopt;
  }
  HandleKey handle;
  size_t i = kShardPrefixSize;
  for (; i + 3 < key.size(); ++i) {
    handle.id.push_back(key[i]);
    if (key[i] == '\0') {
      ++i;
      if (key[i] != '\xff') {
        return std::nullopt;
      }
    }
  }
  if (i + 3 != key.size() || key[i] != '\0' || key[i + 1] != '\x01' ||
      (key[i + 2] != kRecordSuffix && key[i + 2] != kStateSuffix)) {
    return std::nullopt;
  }
  handle.is_state = key[i + 2] == kStateSuffix;
  return handle;
}

bool AreOfOneHandle(absl::string_view key, absl::string_view next) {
  return HasTag(key, kHandleTag, kShardPrefixSize + 3) && key.size() == next.size() &&
         key.substr(0, key.size() - 1) == next.substr(0, next.size() - 1);
}

}  // namespace timerd::store
