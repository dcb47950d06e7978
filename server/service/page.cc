#include "server/service/page.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/hash.h"
#include "server/base/status.h"
#include "server/reactor/listing.h"

namespace timerd::service {
namespace {

std::string Fingerprint(const reactor::ListFilter& filter) {
  const std::string text =
      absl::StrCat(filter.phase ? static_cast<int>(*filter.phase) : -1, ",",
                   filter.kind ? static_cast<int>(*filter.kind) : -1, ",", filter.prefix);
  return absl::StrCat(absl::Hex(StableHash(text)));
}

// A row's or a cursor's place in the order over all shards.
using Order = std::tuple<Instant, uint32_t, uint64_t, std::string>;

Order OrderOf(const std::optional<DueKey>& due, uint32_t shard, const std::string& key) {
  return due ? Order(due->deadline, shard, due->place, "") : Order(Instant(), 0, 0, key);
}

size_t PayloadBytes(const timer::Handle& handle) {
  return handle.spec.payload.size() + (handle.end ? handle.end->payload.size() : 0);
}

}  // namespace

std::string ToPageToken(const PageStart& start, const reactor::ListFilter& filter) {
  const std::string fields = start.due ? absl::StrCat("due:", ToNanos(start.due->deadline), ":",
                                                      start.shard, ":", start.due->place)
                                       : absl::StrCat("key:", start.key);
  return absl::WebSafeBase64Escape(absl::StrCat(Fingerprint(filter), ":", fields));
}

absl::StatusOr<PageStart> FromPageToken(const std::string& token,
                                        const reactor::ListFilter& filter) {
  PageStart start;
  if (token.empty()) {
    return start;
  }
  const absl::Status bad =
      Refuse(Reason::kInvalidField,
             absl::StrCat("page_token \"", absl::CHexEscape(token.substr(0, 40)),
                          "\" is not one that this listing gave; pass next_page_token unchanged, "
                          "with the same filters, or leave it empty to begin"),
             "page_token");
  std::string text;
  if (!absl::WebSafeBase64Unescape(token, &text)) {
    return bad;
  }
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 2));
  if (parts.size() != 3 || parts[0] != Fingerprint(filter)) {
    return bad;
  }
  if (parts[1] == "key") {
    start.key = parts[2];
    return start;
  }
  const std::vector<std::string> numbers = absl::StrSplit(parts[2], ':');
  int64_t deadline_ns = 0;
  DueKey due;
  if (parts[1] != "due" || numbers.size() != 3 || !absl::SimpleAtoi(numbers[0], &deadline_ns) ||
      deadline_ns < 0 || !absl::SimpleAtoi(numbers[1], &start.shard) ||
      !absl::SimpleAtoi(numbers[2], &due.place)) {
    return bad;
  }
  due.deadline = InstantFromNanos(deadline_ns);
  start.due = due;
  return start;
}

reactor::ListCursor CursorOf(const PageStart& start, uint32_t shard) {
  reactor::ListCursor cursor{.due = start.due, .key = start.key};
  if (start.due && shard < start.shard) {
    cursor.due->place = kLastPlace;  // equal deadlines of earlier shards have been listed
  } else if (start.due && shard > start.shard) {
    cursor.due = DueKey{start.due->deadline - Span(1), kLastPlace};
  }
  return cursor;
}

Page MergePages(std::vector<reactor::Listed> shards, bool pending, size_t max_rows) {
  struct Row {
    Order order;
    PageStart start;
    timer::Handle handle;
  };
  std::vector<Row> rows;
  Page page;
  // Behind the first cursor at which a shard broke off nothing is known of that shard.
  std::optional<std::pair<Order, PageStart>> known;
  for (uint32_t shard = 0; shard < shards.size(); ++shard) {
    reactor::Listed& listed = shards[shard];
    page.now = std::max(page.now, listed.now);
    page.wall_ahead = listed.wall_ahead;
    for (reactor::Listed::Row& row : listed.rows) {
      PageStart start;
      if (pending) {
        start = {.due = row.due, .shard = shard};
      } else {
        start.key = row.handle.key;
      }
      rows.push_back({OrderOf(start.due, shard, start.key), start, std::move(row.handle)});
    }
    if (listed.next) {
      const PageStart start{.due = listed.next->due, .shard = shard, .key = listed.next->key};
      Order order = OrderOf(start.due, shard, start.key);
      if (!known || order < known->first) {
        known = {std::move(order), start};
      }
    }
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.order < b.order; });
  size_t bytes = 0;
  for (Row& row : rows) {
    if (page.handles.size() == max_rows || bytes >= reactor::kMaxPageBytes) {
      return page;  // `next` is the last row's
    }
    if (known && known->first < row.order) {
      break;
    }
    bytes += PayloadBytes(row.handle);
    page.next = std::move(row.start);
    page.handles.push_back(std::move(row.handle));
  }
  page.next = known ? std::optional<PageStart>(known->second) : std::nullopt;
  return page;
}

}  // namespace timerd::service
