#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/exit_code.h"
#include "client/cli/interrupt.h"
#include "client/cli/requests.h"
#include "client/cli/session.h"
#include "client/cli/text.h"
#include "client/cli/verbs.h"

namespace timerd::cli {
namespace {

// How the acknowledgement of a verb reads: "timer standup fires 2026-...".
struct Wording {
  absl::string_view kind;  // Before the id; may be empty.
  absl::string_view deadline_is;
  absl::string_view otherwise;   // In place of a deadline,
  absl::string_view if_existed;  // and when the handle was there before; empty: the same.
  // Whether run 1 is under way from the start, and whether a FIRED is an order to run.
  bool runs_already = false;
  bool reported = false;
};

// Follows one stream to its end. All four streaming replies have the same two messages.
class Follower {
 public:
  Follower(Session& session, const Wording& wording, bool detached, uint64_t after = 0)
      : session_(session), wording_(wording), detached_(detached) {
    last_.set_sequence(after);
  }

  template <typename Response, typename Request>
  int Follow(std::unique_ptr<grpc::ClientReader<Response>> (v1::Timers::Stub::*method)(
                 grpc::ClientContext*, const Request&),
             const Request& request) {
    grpc::ClientContext context;
    Interrupt interrupt(context, session_.options().timeout);
    const auto reader = (session_.stub().*method)(&context, request);
    Response response;
    while (reader->Read(&response)) {
      interrupt.OnAnswer();
      if (response.has_acknowledged()) {
        OnAcknowledged(response, response.acknowledged());
      } else if (response.has_event()) {
        OnEvent(response, response.event());
      }
    }
    return OnFinished(reader->Finish(), interrupt);
  }

 private:
  void OnAcknowledged(const google::protobuf::Message& response,
                      const v1::Acknowledgement& acknowledgement) {
    id_ = acknowledgement.id();
    const std::string subject = wording_.kind.empty() ? id_ : absl::StrCat(wording_.kind, " ", id_);
    session_.Print(response, session_.human().Acknowledged(
                                 subject, wording_.deadline_is,
                                 acknowledgement.existed() && !wording_.if_existed.empty()
                                     ? wording_.if_existed
                                     : wording_.otherwise,
                                 acknowledgement));
    if (wording_.runs_already && !detached_) {
      HintReport(1);
    }
  }

  void OnEvent(const google::protobuf::Message& response, const v1::Event& event) {
    session_.Print(response, session_.human().Event(event));
    last_ = event;
    // What is delivered again may have been reported long ago.
    const bool begins_run = event.type() == v1::Event::TYPE_TICK ||
                            (event.type() == v1::Event::TYPE_FIRED && wording_.reported);
    if (begins_run && !event.redelivery()) {
      HintReport(event.run());
    }
  }

  int OnFinished(const grpc::Status& status, const Interrupt& interrupt) {
    // What came after the end of the stream interrupted nothing.
    if (!status.ok() && interrupt.signal() != 0) {
      // A shell prints ^C without a newline.
      session_.Hint(
          id_.empty() ? "\ndetached before the server answered"
                      : absl::StrCat("\ndetached; it goes on. Follow it again: ", WatchCommand()));
      return kSignalBase + interrupt.signal();
    }
    if (!status.ok() && interrupt.timed_out()) {
      return session_.Failed(grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, ""));
    }
    if (!status.ok()) {
      const int code = session_.Failed(status, !id_.empty());
      if (!id_.empty()) {
        session_.Hint(
            absl::StrCat("  The handle is not affected. Follow it again: ", WatchCommand()));
      }
      return code;
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
      session_.Hint(absl::StrCat("  waits for: ", session_.options().command, " report ",
                                 ShellWord(id_), " --run=", run, " --success (or --failure)"));
    }
  }

  std::string WatchCommand() const {
    return absl::StrCat(session_.options().command, " watch ", ShellWord(id_),
                        last_.sequence() == 0 ? "" : absl::StrCat(" --after=", last_.sequence()));
  }

  Session& session_;
  const Wording wording_;
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
  const Wording wording = {.kind = "timer",
                           .deadline_is = "is due",
                           .otherwise = "is there",
                           .if_existed = "was there before",
                           .reported = request->reported()};
  return Follower(session, wording, request->detached())
      .Follow(&v1::Timers::Stub::Schedule, *request);
}

absl::StatusOr<int> StartLoop(const Arguments& arguments, Session& session) {
  const absl::StatusOr<v1::StartLoopRequest> request = MakeStartLoopRequest(arguments);
  if (!request.ok()) {
    return request.status();
  }
  const Wording wording = {.kind = "loop",
                           .deadline_is = "ticks first",
                           .otherwise = "ticks from now on",
                           .if_existed = "was there before"};
  return Follower(session, wording, request->detached())
      .Follow(&v1::Timers::Stub::StartLoop, *request);
}

absl::StatusOr<int> WithTimeout(const Arguments& arguments, Session& session) {
  const absl::StatusOr<v1::WithTimeoutRequest> request = MakeWithTimeoutRequest(arguments);
  if (!request.ok()) {
    return request.status();
  }
  const bool makes_task = request->target_id().empty();
  const Wording wording = {.kind = makes_task ? "task" : "",
                           .deadline_is = "times out",
                           .otherwise = "had ended already",
                           .runs_already = makes_task};
  return Follower(session, wording, request->detached())
      .Follow(&v1::Timers::Stub::WithTimeout, *request);
}

absl::StatusOr<int> Watch(const Arguments& arguments, Session& session) {
  const absl::StatusOr<v1::WatchRequest> request = MakeWatchRequest(arguments);
  if (!request.ok()) {
    return request.status();
  }
  const Wording wording = {.kind = "watching", .deadline_is = "which is due", .otherwise = ""};
  return Follower(session, wording, false, request->after_sequence())
      .Follow(&v1::Timers::Stub::Watch, *request);
}

}  // namespace timerd::cli
