#include "server/store/keys.h"

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/store/frames.h"

namespace timerd::store {
namespace {

std::string Hex(absl::string_view bytes) { return absl::BytesToHexString(bytes); }

TEST(KeysTest, HaveTheBytesThatTheFormatSays) {
  EXPECT_EQ(Hex(SuperblockKey()), "42");
  EXPECT_EQ(Hex(PositionKey(0x01020304)), "5001020304");
  EXPECT_EQ(Hex(LogKey(1, 2)), "4c000000010000000000000002");
  EXPECT_EQ(Hex(DueIndexKey(1, {Timeline::kService, {InstantFromNanos(0), 2}})),
            "440000000180000000000000000000000000000002");
  EXPECT_EQ(Hex(DueIndexKey(1, {Timeline::kWall, {InstantFromNanos(-1), 2}})),
            "57000000017fffffffffffffff0000000000000002");
  EXPECT_EQ(Hex(DueIndexKey(1, {Timeline::kRetention, {InstantFromNanos(1), 2}})),
            "520000000180000000000000010000000000000002");
  EXPECT_EQ(Hex(NamespaceKey(1, "ab")), "4e000000016162");
  EXPECT_EQ(Hex(FeedBlockKey(1, "ab", 2)), "4500000001616200010000000000000002");
  EXPECT_EQ(Hex(FeedExtentKey(1, "ab")), "46000000016162");
  EXPECT_EQ(Hex(IdentityKey()), "49");
  EXPECT_EQ(Hex(ClockKey("ab")), "4d6162");
  EXPECT_EQ(Hex(RecordKey(1, absl::string_view("a\0b", 3))), "5a000000016100ff62000100");
  EXPECT_EQ(Hex(StateKey(1, "a")), "5a0000000161000101");
}

TEST(KeysTest, ReadBackAsTheyWereMade) {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(LogSequence(LogKey(7, kMost)), std::optional<uint64_t>(kMost));
  for (const DueKey& due : {DueKey{Instant::min(), 0}, DueKey{InstantFromNanos(-1), 1},
                            DueKey{InstantFromNanos(0), kMost}, DueKey{Instant::max(), 5}}) {
    for (const Timeline timeline : {Timeline::kService, Timeline::kWall, Timeline::kRetention}) {
      const IndexKey key{timeline, due};
      EXPECT_EQ(IndexKeyOf(DueIndexKey(7, key)), std::optional<IndexKey>(key));
    }
  }
  for (const std::string& id : {std::string(), std::string("a"), std::string(3, '\0'),
                                std::string("\x00\x01\x00\xff", 4), std::string("\xff\xff")}) {
    const auto spec = HandleKeyOf(RecordKey(7, id));
    ASSERT_TRUE(spec.has_value()) << Hex(id);
    EXPECT_EQ(spec->id, id);
    EXPECT_FALSE(spec->is_state);
    const auto state = HandleKeyOf(StateKey(7, id));
    ASSERT_TRUE(state.has_value()) << Hex(id);
    EXPECT_EQ(state->id, id);
    EXPECT_TRUE(state->is_state);
  }
  EXPECT_EQ(FeedBlockEnd(FeedBlockKey(7, "billing", kMost)), std::optional<uint64_t>(kMost));
  EXPECT_EQ(ClockName(ClockKey("billing")), std::optional<std::string>("billing"));
}

TEST(KeysTest, AreRefusedWhenMalformed) {
  EXPECT_FALSE(LogSequence("").has_value());
  EXPECT_FALSE(LogSequence(LogKey(1, 2) + "x").has_value());
  EXPECT_FALSE(LogSequence(PositionKey(1)).has_value());
  EXPECT_FALSE(IndexKeyOf(LogKey(1, 2)).has_value());
  EXPECT_FALSE(IndexKeyOf(DueIndexKey(1, {}) + "x").has_value());
  EXPECT_FALSE(ClockName(SuperblockKey()).has_value());
  EXPECT_FALSE(ClockName(ClockKey("")).has_value());
  const std::string key = StateKey(1, "ab");
  for (size_t size = 0; size < key.size(); ++size) {
    EXPECT_FALSE(HandleKeyOf(absl::string_view(key).substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(HandleKeyOf(key + '\0').has_value());
  const std::string zeros = StateKey(1, std::string(2, '\0'));
  for (size_t size = 0; size < zeros.size(); ++size) {
    EXPECT_FALSE(HandleKeyOf(absl::string_view(zeros).substr(0, size)).has_value()) << size;
  }
}

TEST(KeysTest, SortIdsAsTheirBytesDo) {
  std::mt19937_64 random(TestSeed());
  const auto random_id = [&] {
    std::string id(random() % 5, '\0');
    for (char& c : id) {
      c = std::string("\x00\x01\x02\xfe\xff", 5)[random() % 5];
    }
    return id;
  };
  int compared = 0;
  for (; compared < 20000; ++compared) {
    const std::string a = random_id();
    const std::string b = random_id();
    if (a == b) {
      EXPECT_EQ(StateKey(1, a), StateKey(1, b));
      continue;
    }
    const std::string& low = std::min(a, b);
    const std::string& high = std::max(a, b);
    EXPECT_LT(StateKey(1, low), RecordKey(1, high)) << Hex(low) << " " << Hex(high);
    const KeyRange walk = WalkRange(1, low, "");
    const std::string key = RecordKey(1, high);
    EXPECT_EQ(walk.first <= key && key < walk.last, high.substr(0, low.size()) == low)
        << Hex(low) << " " << Hex(high);
  }
  EXPECT_EQ(compared, 20000);
}

TEST(KeysTest, KeepEachKindWithinItsRange) {
  const auto within = [](const KeyRange& range, const std::string& key) {
    return range.first <= key && key < range.last;
  };
  const KeyRange clocks = ClockRange();
  EXPECT_TRUE(within(clocks, ClockKey("a")));
  EXPECT_TRUE(within(clocks, ClockKey("zzz")));
  EXPECT_FALSE(within(clocks, NamespaceKey(0, "a")));
  EXPECT_FALSE(within(clocks, LogKey(~0U, ~0ULL)));
  const KeyRange namespaces = NamespaceRange(1);
  EXPECT_TRUE(within(namespaces, NamespaceKey(1, "a")));
  EXPECT_TRUE(within(namespaces, NamespaceKey(1, "zzz")));
  EXPECT_FALSE(within(namespaces, NamespaceKey(2, "a")));
  EXPECT_FALSE(within(namespaces, NamespaceKey(0, "zzz")));
  for (const Timeline timeline : {Timeline::kService, Timeline::kWall, Timeline::kRetention}) {
    const KeyRange due = DueRange(1, timeline, std::nullopt, Instant::max());
    for (const Timeline other : {Timeline::kService, Timeline::kWall, Timeline::kRetention}) {
      EXPECT_EQ(within(due, DueIndexKey(1, {other, {Instant::max(), kLastPlace}})),
                other == timeline);
      EXPECT_EQ(within(due, DueIndexKey(1, {other, {Instant::min(), 0}})), other == timeline);
    }
    EXPECT_FALSE(within(due, DueIndexKey(2, {timeline, {Instant(), 1}})));
  }
}

TEST(KeysTest, KeepTheLastShardsRangesWithinTheirKind) {
  constexpr uint32_t kMost = std::numeric_limits<uint32_t>::max();
  EXPECT_LT(LogKey(kMost, std::numeric_limits<uint64_t>::max()), LogRange(kMost, 0).last);
  EXPECT_LT(LogRange(kMost, 0).last, PositionKey(0));
  EXPECT_EQ(WalkRange(kMost, "", "").last, "[");
  EXPECT_LT(WalkRange(1, "", "").last, RecordKey(2, ""));
  EXPECT_LE(NamespaceRange(kMost).last, PositionKey(0));
}

}  // namespace
}  // namespace timerd::store
