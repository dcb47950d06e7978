#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/exit_code.h"
#include "client/cli/feed.h"
#include "client/cli/follow_stream.h"
#include "client/cli/requests.h"
#include "client/cli/session.h"
#include "client/cli/text.h"
#include "client/cli/verbs.h"
#include "client/cli/wording.h"

namespace timerd::cli {
namespace {

// Which events of a handle are orders to run, as far as is known.
struct Runs {
  bool from_the_start = false;
  bool at_fired = false;
  bool at_tick = false;
};

// Follows one stream to its end. All four streaming replies have the same two messages.
class Follower {
 public:
  Follower(Session& session, const Wording& wording, const Runs& runs, bool detached,
           uint64_t after = 0)
      : session_(session), wording_(wording), runs_(runs), detached_(detached) {
    last_.set_sequence(after);
  }

  template <typename Response, typename Request>
  int Follow(std::unique_ptr<grpc::ClientReader<Response>> (v1::Timers::Stub::*method)(
                 grpc::ClientContext*, const Request&),
             const Request& request) {
    return OnEnd(FollowStream(session_, method, request, [&](const Response& response) {
      if (response.has_acknowledged()) {
        OnAcknowledged(response, response.acknowledged());
      } else if (response.has_event()) {
        OnEvent(response, response.event());
      }
    }));
  }

 private:
  void OnAcknowledged(const google::protobuf::Message& response,
                      const v1::Acknowledgement& acknowledgement) {
    id_ = acknowledgement.id();
    session_.Print(response, session_.human().Acknowledged(wording_, acknowledgement));
    if (runs_.from_the_start && !detached_) {
      HintReport(1);
    }
  }

  void OnEvent(const google::protobuf::Message& response, const v1::Event& event) {
    session_.Print(response, session_.human().Event(event));
    last_ = event;
    // What is delivered again may have been reported long ago.
    const bool begins_run = (event.type() == v1::Event::TYPE_TICK && runs_.at_tick) ||
                            (event.type() == v1::Event::TYPE_FIRED && runs_.at_fired);
    if (begins_run && !event.redelivery()) {
      HintReport(event.run());
    }
  }

  int OnEnd(const StreamEnd& end) {
    // A signal that came after the end of the stream interrupted nothing.
    if (!end.status.ok()) {
      return ToldOf(end,
                    {.command = id_.empty() ? "" : WatchCommand(),
                     .detached = "detached; it goes on. Follow it again: ",
                     .broken = "The handle is not affected. Follow it again: "},
                    session_);
    }
    if (detached_) {
      return kOk;
    }
    if (last_.type() == v1::Event::TYPE_TICK) {
      return session_.Failed(grpc::Status(grpc::StatusCode::UNKNOWN,
                                          "the server closed the stream before the end event"));
    }
    if (last_.type() == v1::Event::TYPE_UNSPECIFIED) {
      session_.Hint(absl::StrCat(id_, " has ended, with no event after #", last_.sequence()));
    }
    return ExitCodeOf(last_.type());
  }

  // Once is enough: the next runs are reported likewise.
  void HintReport(uint64_t run) {
    if (!std::exchange(hinted_, true)) {
      session_.HintReport(id_, run);
    }
  }

  std::string WatchCommand() const {
    return absl::StrCat(session_.options().command, " watch ", ShellWord(id_),
                        last_.sequence() == 0 ? "" : absl::StrCat(" --after=", last_.sequence()));
  }

  Session& session_;
  const Wording wording_;
  const Runs runs_;
  const bool detached_;
  std::string id_;
  v1::Event last_;
  bool hinted_ = false;
};

}  // namespace

absl::StatusOr<int> Schedule(const Arguments& arguments, Session& session) {
  const absl::StatusOr<v1::ScheduleRequest> request = MakeScheduleRequest(arguments);
  if (!request.ok()) {
    return request.status();
  }
  // What a queue delivers is settled by who takes it.
  return Follower(session, WordingOf(*request),
                  {.at_fired = request->reported() && request->queue().empty()},
                  request->detached())
      .Follow(&v1::Timers::Stub::Schedule, *request);
}

absl::StatusOr<int> StartLoop(const Arguments& arguments, Session& session) {
  const absl::StatusOr<v1::StartLoopRequest> request = MakeStartLoopRequest(arguments);
  if (!request.ok()) {
    return request.status();
  }
  return Follower(session, WordingOf(*request),
                  {.at_tick = !request->plain() && request->queue().empty()}, request->detached())
      .Follow(&v1::Timers::Stub::StartLoop, *request);
}

absl::StatusOr<int> WithTimeout(const Arguments& arguments, Session& session) {
  const absl::StatusOr<v1::WithTimeoutRequest> request = MakeWithTimeoutRequest(arguments);
  if (!request.ok()) {
    return request.status();
  }
  return Follower(session, WordingOf(*request), {.from_the_start = request->target_id().empty()},
                  request->detached())
      .Follow(&v1::Timers::Stub::WithTimeout, *request);
}

absl::StatusOr<int> Watch(const Arguments& arguments, Session& session) {
  const absl::StatusOr<v1::WatchRequest> request = MakeWatchRequest(arguments);
  if (!request.ok()) {
    return request.status();
  }
  if (request->id().empty()) {
    return FollowFeed(*request, session);
  }
  // Events do not say whether their handle is plain, so nothing is said of reports.
  return Follower(session, WordingOf(*request), Runs(), false, request->after_sequence())
      .Follow(&v1::Timers::Stub::Watch, *request);
}

}  // namespace timerd::cli
