#include "server/service/feed_request.h"

#include <string>

#include "server/base/handle_key.h"
#include "server/service/refusals.h"

namespace timerd::service {

bool IsFeed(const v1::WatchRequest& request) {
  return !request.id_prefix().empty() || !request.queue().empty() || request.everything() ||
         !request.cursor().empty() || request.from_oldest();
}

absl::StatusOr<reactor::FeedFilter> ToFeedFilter(const Validator& validator,
                                                 const v1::WatchRequest& request) {
  TIMERD_ASSIGN_OR_RETURN(const std::string name, Validator::ToNamespace(request.namespace_()));
  const bool of_prefix = !request.id_prefix().empty();
  const bool of_queue = !request.queue().empty();
  if (!request.id().empty()) {
    return BadField("id", Subject("Watch of", request.id()), ": id is set, and ",
                    of_prefix               ? "id_prefix"
                    : of_queue              ? "queue"
                    : request.everything()  ? "everything"
                    : request.from_oldest() ? "from_oldest"
                                            : "cursor",
                    " too, which is for feeds; follow one handle with id and after_sequence alone, "
                    "or leave id out");
  }
  if (int{of_prefix} + int{of_queue} + int{request.everything()} != 1) {
    return BadField("everything",
                    "Watch: a feed is of exactly one of id_prefix, queue and everything; set one "
                    "of them");
  }
  if (request.after_sequence() != 0) {
    return BadField("after_sequence", "Watch: after_sequence ", request.after_sequence(),
                    " is for one handle; a feed goes on after a cursor");
  }
  if (of_prefix) {
    TIMERD_RETURN_IF_ERROR(validator.CheckId("id_prefix", request.id_prefix()));
  }
  if (of_queue) {
    TIMERD_RETURN_IF_ERROR(validator.CheckId("queue", request.queue()));
  }
  return reactor::FeedFilter{.prefix = HandleKey(name, request.id_prefix()),
                             .queue = request.queue()};
}

absl::StatusOr<std::vector<reactor::FeedStart>> ToFeedStarts(const Cursors& cursors,
                                                             const v1::WatchRequest& request,
                                                             size_t shards) {
  if (request.cursor().empty()) {
    const reactor::FeedStart start = request.from_oldest()
                                         ? reactor::FeedStart(reactor::FromOldest{})
                                         : reactor::FeedStart(reactor::FromNow{});
    return std::vector<reactor::FeedStart>(shards, start);
  }
  TIMERD_ASSIGN_OR_RETURN(const std::string name, Validator::ToNamespace(request.namespace_()));
  return cursors.Read(request.cursor(), name, shards);
}

}  // namespace timerd::service
