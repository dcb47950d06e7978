#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/exit_code.h"
#include "client/cli/requests.h"
#include "client/cli/session.h"
#include "client/cli/verbs.h"

namespace timerd::cli {
namespace {

template <typename Request, typename Response>
using Method = grpc::Status (v1::Timers::Stub::*)(grpc::ClientContext*, const Request&, Response*);

template <typename Request, typename Response>
grpc::Status Call(Session& session, Method<Request, Response> method, const Request& request,
                  Response* reply) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + session.options().timeout));
  return (session.stub().*method)(&context, request, reply);
}

// Calls, then prints the reply as JSON or as `text(reply)` says.
template <typename Request, typename Response, typename Text>
int CallAndPrint(Session& session, Method<Request, Response> method, const Request& request,
                 const Text& text) {
  Response reply;
  const grpc::Status status = Call(session, method, request, &reply);
  if (!status.ok()) {
    return session.Failed(status);
  }
  session.Print(reply, text(reply));
  return kOk;
}

}  // namespace

absl::StatusOr<int> Cancel(const Arguments& arguments, Session& session) {
  v1::CancelRequest request;
  request.set_id(arguments.operand());
  return CallAndPrint(session, &v1::Timers::Stub::Cancel, request,
                      [&](const v1::CancelResponse& reply) {
                        return session.human().Cancelled(request.id(), reply);
                      });
}

absl::StatusOr<int> StopLoop(const Arguments& arguments, Session& session) {
  v1::StopLoopRequest request;
  request.set_id(arguments.operand());
  return CallAndPrint(session, &v1::Timers::Stub::StopLoop, request,
                      [&](const v1::StopLoopResponse& reply) {
                        return session.human().Stopped(request.id(), reply);
                      });
}

absl::StatusOr<int> Report(const Arguments& arguments, Session& session) {
  const absl::StatusOr<v1::ReportRequest> request = MakeReportRequest(arguments);
  if (!request.ok()) {
    return request.status();
  }
  return CallAndPrint(
      session, &v1::Timers::Stub::Report, *request,
      [&](const v1::ReportResponse& reply) { return session.human().Reported(*request, reply); });
}

absl::StatusOr<int> Reschedule(const Arguments& arguments, Session& session) {
  const absl::StatusOr<v1::RescheduleRequest> request = MakeRescheduleRequest(arguments);
  if (!request.ok()) {
    return request.status();
  }
  return CallAndPrint(session, &v1::Timers::Stub::Reschedule, *request,
                      [&](const v1::RescheduleResponse& reply) {
                        return session.human().Rescheduled(request->id(), reply);
                      });
}

absl::StatusOr<int> Get(const Arguments& arguments, Session& session) {
  v1::GetRequest request;
  request.set_id(arguments.operand());
  return CallAndPrint(session, &v1::Timers::Stub::Get, request,
                      [&](const v1::GetResponse& reply) { return session.human().Handle(reply); });
}

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
