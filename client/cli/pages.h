// How verbs that list things get them, page after page.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/call.h"
#include "client/cli/exit_code.h"
#include "client/cli/flag_reader.h"
#include "client/cli/session.h"
#include "google/protobuf/repeated_ptr_field.h"

namespace timerd::cli {

// `page_size` is what is still wanted, at most a page; the token is added on the way.
template <typename Request>
struct Listing {
  Request request;
  int limit = 0;
};

// `request` with the flag --limit of whoever lists.
template <typename Request>
Listing<Request> WithLimit(FlagReader& reader, Request request) {
  constexpr int kDefaultLimit = 100;
  constexpr int kMaxPageSize = 1000;
  Listing<Request> listing{std::move(request), kDefaultLimit};
  if (reader.Has("limit")) {
    listing.limit =
        static_cast<int>(reader.Number("limit", 1, std::numeric_limits<int32_t>::max()));
  }
  listing.request.set_page_size(std::min(listing.limit, kMaxPageSize));
  return listing;
}

// Prints as many items as wanted: each as JSON, as `line(page, item)` makes a message of it, or all
// in the table that `table(items, last page)` makes. `items` takes them out of a page.
template <typename Stub, typename Request, typename Response, typename Item, typename Line,
          typename Table>
int CallAndPrintPages(Session& session, Method<Stub, Request, Response> method,
                      Listing<Request> listing,
                      google::protobuf::RepeatedPtrField<Item>* (Response::*items_of)(),
                      const Line& line, const Table& table) {
  Request& request = listing.request;
  const size_t limit = static_cast<size_t>(listing.limit);
  std::vector<Item> items;
  Response page;
  do {
    page.Clear();
    const grpc::Status status = Call(session, method, request, &page);
    if (!status.ok()) {
      return session.Failed(status);
    }
    for (Item& item : *(page.*items_of)()) {
      if (session.options().json && items.size() < limit) {
        session.Print(line(page, item), "");
      }
      items.push_back(std::move(item));
    }
    request.set_page_token(page.next_page_token());
    request.set_page_size(static_cast<int32_t>(
        std::min<size_t>(limit - std::min(limit, items.size()), request.page_size())));
  } while (!page.next_page_token().empty() && items.size() < limit);
  const bool more = !page.next_page_token().empty() || items.size() > limit;
  items.resize(std::min(items.size(), limit));
  if (!session.options().json && !items.empty()) {
    session.Print(page, table(items, page));
  }
  if (items.empty()) {
    session.Hint("nothing to list");
  } else if (more) {
    session.Hint(absl::StrCat("there are more; show them with --limit=", 10 * items.size()));
  }
  return kOk;
}

}  // namespace timerd::cli
