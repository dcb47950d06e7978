#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/call.h"
#include "client/cli/requests.h"
#include "client/cli/session.h"
#include "client/cli/verbs.h"

namespace timerd::cli {

absl::StatusOr<int> List(const Arguments& arguments, Session& session) {
  absl::StatusOr<Listing> listing = MakeListing(arguments);
  if (!listing.ok()) {
    return listing.status();
  }
  v1::ListRequest request = listing->request;
  const size_t limit = static_cast<size_t>(listing->limit);
  std::vector<v1::Handle> handles;
  v1::ListResponse page;
  do {
    page.Clear();
    const grpc::Status status = Call(session, &v1::Timers::Stub::List, request, &page);
    if (!status.ok()) {
      return session.Failed(status);
    }
    for (v1::Handle& handle : *page.mutable_handles()) {
      if (session.options().json && handles.size() < limit) {
        // The same shape as Get's, so that one filter reads both.
        v1::GetResponse line;
        *line.mutable_now() = page.now();
        *line.mutable_handle() = handle;
        session.Print(line, "");
      }
      handles.push_back(std::move(handle));
    }
    request.set_page_token(page.next_page_token());
    request.set_page_size(static_cast<int32_t>(
        std::min<size_t>(limit - std::min(limit, handles.size()), request.page_size())));
  } while (!page.next_page_token().empty() && handles.size() < limit);
  const bool more = !page.next_page_token().empty() || handles.size() > limit;
  handles.resize(std::min(handles.size(), limit));
  if (!session.options().json && !handles.empty()) {
    session.Print(page, session.human().Table(handles, page.now()));
  }
  if (handles.empty()) {
    session.Hint("nothing to list");
  } else if (more) {
    session.Hint(absl::StrCat("there are more; show them with --limit=", 10 * handles.size()));
  }
  return kOk;
}

}  // namespace timerd::cli
