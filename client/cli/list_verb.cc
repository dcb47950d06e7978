#include "client/cli/pages.h"
#include "client/cli/requests.h"
#include "client/cli/session.h"
#include "client/cli/verbs.h"

namespace timerd::cli {

absl::StatusOr<int> List(const Arguments& arguments, Session& session) {
  const absl::StatusOr<Listing<v1::ListRequest>> listing = MakeListing(arguments);
  if (!listing.ok()) {
    return listing.status();
  }
  return CallAndPrintPages(
      session, &v1::Timers::Stub::List, *listing, &v1::ListResponse::mutable_handles,
      [](const v1::ListResponse& page, const v1::Handle& handle) {
        // The same shape as Get's, so that one filter reads both.
        v1::GetResponse line;
        *line.mutable_now() = page.now();
        *line.mutable_handle() = handle;
        return line;
      },
      [&](const std::vector<v1::Handle>& handles, const v1::ListResponse& page) {
        return session.human().Table(handles, page.now());
      });
}

}  // namespace timerd::cli
