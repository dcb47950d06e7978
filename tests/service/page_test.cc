#include "server/service/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>
#include <tuple>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"

namespace timerd::service {
namespace {

using ::timerd::testing::IsRefused;

const reactor::ListFilter kPending{.phase = timer::Phase::kPending};

TEST(PageTokenTest, CarriesWhereAPageBegins) {
  for (const uint64_t place : {uint64_t{0}, kLastPlace}) {
    const PageStart start{.due = DueKey{InstantFromNanos(1'700'000'000'000'000'001), place},
                          .shard = 63};
    const auto back = FromPageToken(ToPageToken(start, kPending), kPending);
    TIMERD_ASSERT_OK(back);
    EXPECT_EQ(back->due, start.due);
    EXPECT_EQ(back->shard, start.shard);
  }
  const std::string id("a:b:\xff\n\0z", 8);
  const auto back = FromPageToken(ToPageToken({.key = id}, {}), {});
  TIMERD_ASSERT_OK(back);
  EXPECT_EQ(back->key, id);
  EXPECT_FALSE(back->due);
}

TEST(PageTokenTest, BeginsAtTheStartWhenEmpty) {
  const auto start = FromPageToken("", kPending);
  TIMERD_ASSERT_OK(start);
  EXPECT_FALSE(start->due);
  EXPECT_EQ(start->key, "");
}

TEST(PageTokenTest, BelongsToItsFilter) {
  const std::string token = ToPageToken({.key = "a"}, {.prefix = "a"});
  TIMERD_EXPECT_OK(FromPageToken(token, {.prefix = "a"}));
  for (const reactor::ListFilter& other :
       {reactor::ListFilter{}, reactor::ListFilter{.prefix = "b"},
        reactor::ListFilter{.kind = timer::Kind::kLoop, .prefix = "a"},
        reactor::ListFilter{.phase = timer::Phase::kEnded, .prefix = "a"}}) {
    EXPECT_THAT(FromPageToken(token, other), IsRefused(Reason::kInvalidField));
  }
}

TEST(PageTokenTest, IsRefusedWhenItIsDamagedOrForged) {
  const std::string token =
      ToPageToken({.due = DueKey{InstantFromNanos(5), 1}, .shard = 1}, kPending);
  std::string text;
  ASSERT_TRUE(absl::WebSafeBase64Unescape(token, &text));
  const std::string fingerprint = text.substr(0, text.find(':'));
  for (const std::string fields :
       {"", ":", ":due", ":due:", ":due:1:2", ":due:x:1:1", ":due:1:-1:1", ":due:1:1:1:1",
        ":due:99999999999999999999:1:1", ":due:-9223372036854775808:0:0", ":what:1:1:1"}) {
    SCOPED_TRACE(fields);
    EXPECT_THAT(FromPageToken(absl::WebSafeBase64Escape(fingerprint + fields), kPending),
                IsRefused(Reason::kInvalidField));
  }
  EXPECT_THAT(FromPageToken("?", kPending), IsRefused(Reason::kInvalidField));
  EXPECT_THAT(FromPageToken(std::string(1 << 20, 'A'), kPending), IsRefused(Reason::kInvalidField));
}

// Handles spread over shards, many with equal deadlines; each shard answers as a real one does, and
// sometimes breaks off before the page is full. Read to the end page by page, the handles must come
// once each and in order.
class MergeTest : public ::testing::TestWithParam<bool> {
 protected:
  struct Item {
    DueKey due;
    uint32_t shard;
    std::string id;
  };
  bool pending() const { return GetParam(); }

  reactor::Listed ListShard(const std::vector<Item>& sorted, uint32_t shard,
                            const reactor::ListCursor& after, size_t max_rows,
                            std::mt19937_64& random) {
    reactor::Listed listed;
    const size_t breaks_off = random() % 2 == 0 ? random() % 4 : max_rows;
    size_t looked_at = 0;
    for (const Item& item : sorted) {
      if (item.shard != shard ||
          (pending() ? after.due && item.due <= *after.due : item.id <= after.key)) {
        continue;
      }
      if (listed.rows.size() == max_rows || (looked_at > 0 && looked_at == breaks_off)) {
        return listed;  // `next` stands where it was
      }
      ++looked_at;
      if (pending()) {
        listed.next = reactor::ListCursor{.due = item.due};
      } else {
        listed.next = reactor::ListCursor{.key = item.id};
      }
      timer::Handle handle;
      handle.key = item.id;
      listed.rows.push_back({pending() ? item.due : DueKey(), std::move(handle)});
    }
    listed.next.reset();
    return listed;
  }
};

TEST_P(MergeTest, GivesEachHandleOnceAndInOrder) {
  const char* given = std::getenv("TIMERD_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::cout << "TIMERD_SEED=" << seed << "\n";
  std::mt19937_64 random(seed);
  size_t pages = 0;
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    const uint32_t shards = 1 + random() % 5;
    std::vector<Item> items(random() % 40);
    for (size_t i = 0; i < items.size(); ++i) {
      const auto deadline = InstantFromNanos(static_cast<int64_t>(random() % 6) * 1'000'000);
      items[i] = {{deadline, i}, static_cast<uint32_t>(random() % shards), absl::StrCat("id", i)};
    }
    std::sort(items.begin(), items.end(), [this](const Item& a, const Item& b) {
      return pending() ? std::tie(a.due.deadline, a.shard, a.due.place) <
                             std::tie(b.due.deadline, b.shard, b.due.place)
                       : a.id < b.id;
    });
    const reactor::ListFilter filter = pending() ? kPending : reactor::ListFilter();
    const size_t max_rows = 1 + random() % 7;
    std::vector<std::string> expected;
    for (const Item& item : items) {
      expected.push_back(item.id);
    }
    std::vector<std::string> ids;
    std::string token;
    do {
      const auto start = FromPageToken(token, filter);
      TIMERD_ASSERT_OK(start);
      std::vector<reactor::Listed> listed;
      for (uint32_t shard = 0; shard < shards; ++shard) {
        listed.push_back(ListShard(items, shard, CursorOf(*start, shard), max_rows, random));
      }
      const Page page = MergePages(std::move(listed), pending(), max_rows);
      ASSERT_LE(page.handles.size(), max_rows);
      for (const timer::Handle& handle : page.handles) {
        ids.push_back(handle.key);
      }
      token = page.next ? ToPageToken(*page.next, filter) : "";
      ASSERT_LE(ids.size(), items.size());
      ++pages;
    } while (!token.empty());
    ASSERT_EQ(ids, expected);
  }
  EXPECT_GT(pages, 1000);
}

INSTANTIATE_TEST_SUITE_P(Orders, MergeTest, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "pending" : "by_id"; });

TEST(MergePagesTest, EndsAPageThatHasGrownLarge) {
  std::vector<reactor::Listed> shards(2);
  for (int i = 0; i < 10; ++i) {
    timer::Handle handle;
    handle.key = absl::StrCat("id", i);
    handle.spec.payload.assign(400 << 10, 'p');
    shards[i % 2].rows.emplace_back().handle = std::move(handle);
  }
  const Page page = MergePages(std::move(shards), /*pending=*/false, 1000);
  EXPECT_EQ(page.handles.size(), 3);
  ASSERT_TRUE(page.next);
  EXPECT_EQ(page.next->key, "id2");
}

}  // namespace
}  // namespace timerd::service
