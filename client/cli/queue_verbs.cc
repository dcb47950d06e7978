// Verbs about queues, apart from `work`.
#include "absl/strings/str_cat.h"
#include "client/cli/call.h"
#include "client/cli/names.h"
#include "client/cli/pages.h"
#include "client/cli/requests.h"
#include "client/cli/session.h"
#include "client/cli/verbs.h"

namespace timerd::cli {
namespace {

template <typename Request>
Request WithQueue(const Arguments& arguments) {
  Request request;
  request.set_queue(arguments.operand());
  return request;
}

}  // namespace

absl::StatusOr<int> ListQueues(const Arguments& arguments, Session& session) {
  const absl::StatusOr<Listing<v1::ListQueuesRequest>> listing = MakeQueueListing(arguments);
  if (!listing.ok()) {
    return listing.status();
  }
  return CallAndPrintPages(
      session, &v1::Queues::Stub::ListQueues, *listing, &v1::ListQueuesResponse::mutable_queues,
      [](const v1::ListQueuesResponse& page, const v1::Queue& queue) {
        // The same shape as GetQueue's, so that one filter reads both.
        v1::GetQueueResponse line;
        *line.mutable_now() = page.now();
        *line.mutable_queue() = queue;
        return line;
      },
      [&](const std::vector<v1::Queue>& queues, const v1::ListQueuesResponse& page) {
        return session.human().QueueTable(queues, page.now());
      });
}

absl::StatusOr<int> GetQueue(const Arguments& arguments, Session& session) {
  return CallAndPrint(
      session, &v1::Queues::Stub::GetQueue, WithQueue<v1::GetQueueRequest>(arguments),
      [&](const v1::GetQueueResponse& reply) { return session.human().Queue(reply); });
}

absl::StatusOr<int> ConfigureQueue(const Arguments& arguments, Session& session) {
  const absl::StatusOr<v1::ConfigureQueueRequest> request = MakeConfigureQueueRequest(arguments);
  if (!request.ok()) {
    return request.status();
  }
  return CallAndPrint(
      session, &v1::Queues::Stub::ConfigureQueue, *request,
      [&](const v1::ConfigureQueueResponse&) { return session.human().Configured(*request); });
}

absl::StatusOr<int> PauseQueue(const Arguments& arguments, Session& session) {
  return CallAndPrint(session, &v1::Queues::Stub::PauseQueue,
                      WithQueue<v1::PauseQueueRequest>(arguments),
                      [&](const v1::PauseQueueResponse&) {
                        return absl::StrCat(arguments.operand(), " is paused\n");
                      });
}

absl::StatusOr<int> ResumeQueue(const Arguments& arguments, Session& session) {
  return CallAndPrint(session, &v1::Queues::Stub::ResumeQueue,
                      WithQueue<v1::ResumeQueueRequest>(arguments),
                      [&](const v1::ResumeQueueResponse&) {
                        return absl::StrCat(arguments.operand(), " goes on\n");
                      });
}

absl::StatusOr<int> PurgeQueue(const Arguments& arguments, Session& session) {
  return CallAndPrint(session, &v1::Queues::Stub::PurgeQueue,
                      WithQueue<v1::PurgeQueueRequest>(arguments),
                      [&](const v1::PurgeQueueResponse& reply) {
                        return absl::StrCat(Counted(reply.purged(), "occurrence"), " dropped from ",
                                            arguments.operand(), "\n");
                      });
}

absl::StatusOr<int> ListDeadLetters(const Arguments& arguments, Session& session) {
  const absl::StatusOr<Listing<v1::ListDeadLettersRequest>> listing =
      MakeDeadLetterListing(arguments);
  if (!listing.ok()) {
    return listing.status();
  }
  return CallAndPrintPages(
      session, &v1::Queues::Stub::ListDeadLetters, *listing,
      &v1::ListDeadLettersResponse::mutable_dead_letters,
      [](const v1::ListDeadLettersResponse&, const v1::DeadLetter& letter) { return letter; },
      [&](const std::vector<v1::DeadLetter>& letters, const v1::ListDeadLettersResponse&) {
        return session.human().DeadLetterTable(letters);
      });
}

absl::StatusOr<int> ReplayDeadLetters(const Arguments& arguments, Session& session) {
  const absl::StatusOr<v1::ReplayDeadLettersRequest> request =
      MakeDeadLettersRequest<v1::ReplayDeadLettersRequest>(arguments);
  if (!request.ok()) {
    return request.status();
  }
  return CallAndPrint(session, &v1::Queues::Stub::ReplayDeadLetters, *request,
                      [&](const v1::ReplayDeadLettersResponse& reply) {
                        return session.human().Replayed(*request, reply);
                      });
}

absl::StatusOr<int> PurgeDeadLetters(const Arguments& arguments, Session& session) {
  const absl::StatusOr<v1::PurgeDeadLettersRequest> request =
      MakeDeadLettersRequest<v1::PurgeDeadLettersRequest>(arguments);
  if (!request.ok()) {
    return request.status();
  }
  return CallAndPrint(session, &v1::Queues::Stub::PurgeDeadLetters, *request,
                      [&](const v1::PurgeDeadLettersResponse& reply) {
                        return absl::StrCat(Counted(reply.purged(), "dead letter"), " of ",
                                            request->queue(), " forgotten\n");
                      });
}

}  // namespace timerd::cli
