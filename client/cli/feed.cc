#include "client/cli/feed.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/follow_stream.h"
#include "client/cli/text.h"

namespace timerd::cli {
namespace {

std::string TextOf(const v1::WatchRequest& request, const v1::WatchResponse& response,
                   const HumanText& human) {
  switch (response.message_case()) {
    case v1::WatchResponse::kAcknowledged:
      return human.FeedBegun(request, response.acknowledged());
    case v1::WatchResponse::kEvent:
      return human.FeedEvent(response.event());
    case v1::WatchResponse::kGap:
      return human.Missing(response.gap());
    case v1::WatchResponse::MESSAGE_NOT_SET:
      break;
  }
  return std::string();
}

std::string CommandAfter(const std::string& cursor, const v1::WatchRequest& request,
                         const Session& session) {
  if (cursor.empty()) {
    return std::string();
  }
  const std::string of =
      !request.id_prefix().empty() ? absl::StrCat("--prefix=", ShellWord(request.id_prefix()))
      : !request.queue().empty()   ? absl::StrCat("--queue=", ShellWord(request.queue()))
                                   : std::string("--all");
  return absl::StrCat(session.options().command, " watch ", of, " --cursor=", ShellWord(cursor));
}

}  // namespace

int FollowFeed(const v1::WatchRequest& request, Session& session) {
  std::string cursor;
  StreamEnd end = FollowStream(
      session, &v1::Timers::Stub::Watch, request, [&](const v1::WatchResponse& response) {
        cursor = response.cursor();
        session.Print(response, TextOf(request, response, session.human()));
      });
  if (end.status.ok()) {
    end.status =
        grpc::Status(grpc::StatusCode::UNKNOWN, "the server closed a feed, which has no end");
  }
  return ToldOf(end,
                {.command = CommandAfter(cursor, request, session),
                 .detached = "detached. Go on from here: ",
                 .broken = "No event is lost. Go on from here: "},
                session);
}

}  // namespace timerd::cli
