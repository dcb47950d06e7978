// Pages of a feed, read from the state store.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/reactor/command.h"
#include "server/store/state_store.h"

namespace timerd::reactor {

// A notice as it is stored, with its place in the feed.
void EncodeFeedEvent(const Notice& notice, storage::v1::FeedEvent& event);
// DataLoss when `bytes` is not a serialized storage.v1.FeedEvent.
absl::StatusOr<Notice> DecodeFeedEvent(absl::string_view bytes);

// One page of what `read` asks for, of a feed that reaches as far as `extent` says. Looks at a
// bounded number of events, so that a rare filter costs many short pages rather than one long turn.
// INVALID_ARGUMENT when it would begin behind an event that has not been made.
absl::StatusOr<FeedPage> ReadFeedPage(const store::StateStore& state,
                                      const store::FeedExtent& extent, const ReadFeed& read);

}  // namespace timerd::reactor
