// What a Watch asks for when it is not for one handle.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "server/reactor/command.h"
#include "server/service/cursor.h"
#include "server/service/validation.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::service {

// Whether `request` has anything that only feeds have.
bool IsFeed(const v1::WatchRequest& request);

// What to let through, all arguments checked but the cursor. REQUIRES: IsFeed(request).
absl::StatusOr<reactor::FeedFilter> ToFeedFilter(const Validator& validator,
                                                 const v1::WatchRequest& request);
// Where each of `shards` shards begins.
absl::StatusOr<std::vector<reactor::FeedStart>> ToFeedStarts(const Cursors& cursors,
                                                             const v1::WatchRequest& request,
                                                             size_t shards);

}  // namespace timerd::service
