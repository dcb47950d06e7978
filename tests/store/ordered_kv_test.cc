// The contract of OrderedKv, against every driver.
#include "server/store/ordered_kv.h"

#include <atomic>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/store/drivers.h"

namespace timerd::store {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

class OrderedKvTest : public DriverTest {
 protected:
  void Put(std::string key, std::string value, Durability durability = Durability::kMemory) {
    WriteBatch batch;
    batch.Put(std::move(key), std::move(value));
    ASSERT_TRUE(kv_->Write(batch, durability).ok());
  }
  Pairs Scan(absl::string_view first, absl::string_view last, size_t limit = 1000) {
    Pairs pairs;
    EXPECT_TRUE(kv_->Scan(first, last,
                          [&](absl::string_view key, absl::string_view value) {
                            pairs.emplace_back(std::string(key), std::string(value));
                            return pairs.size() < limit;
                          })
                    .ok());
    return pairs;
  }
};

INSTANTIATE_TEST_SUITE_P(Drivers, OrderedKvTest, AllDrivers(), DriverName);

TEST_P(OrderedKvTest, GivesNothingForAnAbsentKey) {
  const auto value = kv_->Get("absent");
  ASSERT_TRUE(value.ok());
  EXPECT_FALSE(value->has_value());
}

TEST_P(OrderedKvTest, TellsAnEmptyValueFromNone) {
  Put("key", "");
  const auto value = kv_->Get("key");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(*value, std::optional<std::string>(""));
}

TEST_P(OrderedKvTest, ReadsBackWhatWasWrittenWithAnyDurability) {
  Put("a", "1", Durability::kMemory);
  Put("b", "2", Durability::kOs);
  Put("c", "3", Durability::kSync);
  EXPECT_EQ(Scan("a", "z"), (Pairs{{"a", "1"}, {"b", "2"}, {"c", "3"}}));
}

TEST_P(OrderedKvTest, OrdersKeysByUnsignedBytes) {
  const std::string zero(1, '\0');
  for (const std::string& key : {std::string("a\xff"), std::string("a"), "a" + zero,
                                 std::string("\x7f"), std::string("\x80"), "a" + zero + zero}) {
    Put(key, "");
  }
  EXPECT_EQ(Scan("", "\xff\xff"), (Pairs{{"a", ""},
                                         {"a" + zero, ""},
                                         {"a" + zero + zero, ""},
                                         {"a\xff", ""},
                                         {"\x7f", ""},
                                         {"\x80", ""}}));
}

TEST_P(OrderedKvTest, ScansFromTheFirstKeyIncludedToTheLastExcluded) {
  for (const char* key : {"a", "b", "c", "d"}) {
    Put(key, key);
  }
  EXPECT_EQ(Scan("b", "d"), (Pairs{{"b", "b"}, {"c", "c"}}));
  EXPECT_EQ(Scan("b", "b"), Pairs{});
  EXPECT_EQ(Scan("d", "b"), Pairs{});
}

TEST_P(OrderedKvTest, ReadsTwoKeysOfOneMoment) {
  Put("a", "1");
  const auto one = kv_->GetMany({"a", "b"});
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(*one, (OrderedKv::Values{"1", std::nullopt}));
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      WriteBatch batch;
      batch.Put("a", std::to_string(i));
      batch.Put("b", std::to_string(i));
      EXPECT_TRUE(kv_->Write(batch, Durability::kMemory).ok());
    }
  });
  int torn = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto two = kv_->GetMany({"a", "b"});
    torn += !two.ok() || ((*two)[1].has_value() && (*two)[0] != (*two)[1]);
  }
  stop = true;
  writer.join();
  EXPECT_EQ(torn, 0);
}

TEST_P(OrderedKvTest, StopsScanningWhenToldTo) {
  for (const char* key : {"a", "b", "c"}) {
    Put(key, "");
  }
  EXPECT_EQ(Scan("a", "z", 2), (Pairs{{"a", ""}, {"b", ""}}));
}

TEST_P(OrderedKvTest, AppliesChangesInOrder) {
  Put("a", "old");
  Put("b", "old");
  Put("c", "old");
  WriteBatch batch;
  batch.Put("b", "first");
  batch.Put("b", "second");
  batch.Put("d", "gone");
  batch.Delete("d");
  batch.Delete("a");
  ASSERT_TRUE(kv_->Write(batch, Durability::kOs).ok());
  EXPECT_EQ(Scan("a", "z"), (Pairs{{"b", "second"}, {"c", "old"}}));
}

TEST_P(OrderedKvTest, EndsUpWithTheSameFromABatchMadeCompact) {
  Put("a", "old");
  Put("b", "old");
  WriteBatch batch;
  batch.Put("c", "first");
  batch.Delete("b");
  batch.Put("c", "second");
  batch.Delete("a");
  batch.Put("d", "gone");
  batch.Put("a", "again");
  batch.Delete("d");
  batch.Compact();
  EXPECT_EQ(batch.size(), 4U);
  ASSERT_TRUE(kv_->Write(batch, Durability::kOs).ok());
  EXPECT_EQ(Scan("a", "z"), (Pairs{{"a", "again"}, {"c", "second"}}));
}

TEST_P(OrderedKvTest, KeepsNoTraceInABatchMadeCompactOfWhatComesAndGoesInIt) {
  Put("replaced", "old");
  Put("gone", "old");
  WriteBatch batch;
  batch.PutNew("short-lived", "1");
  batch.Put("short-lived", "2");
  batch.Delete("short-lived");
  batch.Delete("replaced");
  batch.PutNew("replaced", "new");
  batch.Delete("gone");
  batch.PutNew("gone", "back");
  batch.Delete("gone");
  batch.PutNew("stays", "1");
  batch.Put("stays", "2");
  batch.Compact();
  EXPECT_EQ(batch.size(), 3U);
  ASSERT_TRUE(kv_->Write(batch, Durability::kOs).ok());
  EXPECT_EQ(Scan("a", "z"), (Pairs{{"replaced", "new"}, {"stays", "2"}}));
}

TEST_P(OrderedKvTest, WritesASortedBatchOfAnySize) {
  Put("b", "old");
  for (const size_t size : {size_t{10}, size_t{3} << 20}) {
    const std::string large(size, 'x');
    WriteBatch batch;
    batch.Put("c", large);
    batch.Put("a", "1");
    batch.Delete("b");
    batch.Compact();
    ASSERT_TRUE(kv_->WriteSorted(batch).ok());
    EXPECT_EQ(Scan("a", "z"), (Pairs{{"a", "1"}, {"c", large}}));
    Put("a", "later");
    Put("b", "again");
    EXPECT_EQ(Scan("a", "c"), (Pairs{{"a", "later"}, {"b", "again"}}));
  }
}

TEST_P(OrderedKvTest, JoinsNeighbours) {
  WriteBatch batch;
  batch.Put("a", "1");
  batch.PutNew("b", "2");
  batch.Put("c", "3");
  batch.Put("d", "4");
  batch.Put("e", "5");
  std::vector<size_t> asked;
  batch.JoinNeighbours([&](size_t i) -> std::optional<std::string> {
    asked.push_back(i);
    return batch.IsPutNew(i) || batch.key(i) == "d"
               ? std::optional(absl::StrCat(batch.value(i), batch.value(i + 1)))
               : std::nullopt;
  });
  EXPECT_THAT(asked, testing::ElementsAre(0, 1, 3));
  ASSERT_TRUE(kv_->Write(batch, Durability::kOs).ok());
  EXPECT_EQ(Scan("a", "z"), (Pairs{{"a", "1"}, {"b", "23"}, {"d", "45"}}));
}

TEST_P(OrderedKvTest, ShowsAScanWhatWasThereWhenItBegan) {
  constexpr int kKeys = 500;  // more than a page of any driver
  for (int i = 0; i < kKeys; ++i) {
    Put("key" + std::to_string(1000 + i), "old");
  }
  int seen = 0;
  ASSERT_TRUE(kv_->Scan("key", "kez",
                        [&](absl::string_view, absl::string_view value) {
                          EXPECT_EQ(value, "old");
                          if (++seen == 1) {
                            WriteBatch batch;
                            for (int i = 0; i < 400; ++i) {
                              batch.Delete("key" + std::to_string(1000 + i));
                            }
                            batch.Put("key1450", "new");
                            batch.Put("key1450a", "new");
                            batch.Delete("key1460");
                            EXPECT_TRUE(kv_->Write(batch, Durability::kMemory).ok());
                            Put("key1450", "newer");
                          }
                          return true;
                        })
                  .ok());
  EXPECT_EQ(seen, kKeys);
  const Pairs after = Scan("key", "kez");
  EXPECT_EQ(after.size(), 100U);  // 100 left, one gone, one new
  EXPECT_EQ(*kv_->Get("key1450"), std::optional<std::string>("newer"));
}

TEST_P(OrderedKvTest, KeepsEverythingThroughAFlush) {
  Put("a", "1");
  ASSERT_TRUE(kv_->Flush().ok());
  Put("b", "2");
  ASSERT_TRUE(kv_->Flush().ok());
  ASSERT_TRUE(kv_->Flush().ok());
  EXPECT_EQ(Scan("a", "z"), (Pairs{{"a", "1"}, {"b", "2"}}));
}

TEST_P(OrderedKvTest, NeverShowsHalfABatchToAReaderBesideTheWriter) {
  constexpr int kRounds = 300;
  Put("x", "0");
  Put("y", "0");
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 1; i <= kRounds; ++i) {
      WriteBatch batch;
      batch.Put("x", std::to_string(i));
      batch.Put("y", std::to_string(i));
      EXPECT_TRUE(kv_->Write(batch, Durability::kMemory).ok());
    }
    done = true;
  });
  int scans = 0;
  do {
    const Pairs pairs = Scan("x", "z");
    ASSERT_EQ(pairs.size(), 2U);
    EXPECT_EQ(pairs[0].second, pairs[1].second);
    ++scans;
  } while (!done);
  writer.join();
  EXPECT_GT(scans, 0);
  EXPECT_EQ(*kv_->Get("x"), std::optional<std::string>(std::to_string(kRounds)));
}

}  // namespace
}  // namespace timerd::store
