#include "client/cli/call.h"
#include "client/cli/requests.h"
#include "client/cli/session.h"
#include "client/cli/verbs.h"

namespace timerd::cli {

absl::StatusOr<int> Now(const Arguments&, Session& session) {
  return CallAndPrint(session, &v1::Clock::Stub::Now, v1::NowRequest(),
                      [&](const v1::NowResponse& reply) { return session.human().Now(reply); });
}

absl::StatusOr<int> Advance(const Arguments& arguments, Session& session) {
  const absl::StatusOr<v1::AdvanceRequest> request = MakeAdvanceRequest(arguments);
  if (!request.ok()) {
    return request.status();
  }
  return CallAndPrint(session, &v1::Clock::Stub::Advance, *request,
                      [&](const v1::AdvanceResponse& reply) {
                        return session.human().Advanced(reply.now(), reply.fired());
                      });
}

absl::StatusOr<int> AdvanceToNext(const Arguments&, Session& session) {
  return CallAndPrint(session, &v1::Clock::Stub::AdvanceToNext, v1::AdvanceToNextRequest(),
                      [&](const v1::AdvanceToNextResponse& reply) {
                        return session.human().Advanced(reply.now(), reply.fired());
                      });
}

}  // namespace timerd::cli
