#include "client/testing/settle.h"

#include <condition_variable>
#include <list>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/src/handle_core.h"
#include "client/src/status.h"

namespace timerd {
inline namespace client {
namespace {

// What the server has decided for the followed handles of a client, asked of the server itself: an
// event that it has handed to a stream may still be on its way here.
class Decided {
 public:
  // Asks for all of them at once and waits for the answers.
  static absl::StatusOr<std::unique_ptr<Decided>> Ask(std::shared_ptr<Connection> connection,
                                                      absl::Time until) {
    std::unique_ptr<Decided> decided(new Decided(std::move(connection)));
    for (std::shared_ptr<HandleCore>& core : decided->connection_->adopted()) {
      decided->AskFor(std::move(core), until);
    }
    std::unique_lock<std::mutex> lock(decided->mutex_);
    decided->answered_.wait(lock, [&decided] { return decided->missing_ == 0; });
    if (!decided->problem_.ok()) {
      return decided->problem_;
    }
    return decided;
  }

  // Those of which something has not been taken in yet.
  std::vector<std::string> Unseen() const {
    std::vector<std::string> ids;
    for (const Question& question : questions_) {
      const HandleCore::Progress progress = question.core->progress();
      const v1::Handle& handle = question.response.handle();
      // Besides its end all that a handle tells are its runs; a task's begins without an event.
      // What has replaced it has ended it. (Sequence numbers go on over those that had the id
      // before.)
      const bool lives =
          handle.state() != v1::STATE_ENDED && handle.generation() == progress.generation;
      const bool told = handle.kind() == v1::KIND_TASK || progress.run >= handle.run();
      // An id that has changed since is a timer made anew, which is activity.
      const bool is_another = progress.id != question.request.id();
      if (!progress.ended && !is_another && !(lives && told)) {
        ids.push_back(absl::StrCat("\"", question.request.id(), "\""));
      }
    }
    return ids;
  }

 private:
  struct Question {
    std::shared_ptr<HandleCore> core;
    v1::GetRequest request;
    v1::GetResponse response;
    std::unique_ptr<grpc::ClientContext> context = std::make_unique<grpc::ClientContext>();
  };

  explicit Decided(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}

  void AskFor(std::shared_ptr<HandleCore> core, absl::Time until) {
    Question& question = questions_.emplace_back();
    question.core = std::move(core);
    question.request.set_id(question.core->progress().id);
    connection_->Stamp(question.request);
    question.context->set_deadline(absl::ToChronoTime(until));
    if (!connection_->EnterUnary(question.context.get())) {
      questions_.pop_back();  // it is being closed, and follows nothing any more
      return;
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      ++missing_;
    }
    connection_->api().Get(
        question.context.get(), &question.request, &question.response,
        [this, &question](const grpc::Status& status) { OnAnswer(question, FromGrpc(status)); });
  }

  void OnAnswer(Question& question, const absl::Status& status) {
    grpc::ClientContext* const key = question.context.get();
    question.context.reset();
    connection_->Leave(key);
    std::lock_guard<std::mutex> lock(mutex_);
    // One that is gone has nothing more to say.
    if (!status.ok() && status.code() != absl::StatusCode::kNotFound) {
      problem_.Update(status);
    }
    --missing_;
    answered_.notify_all();
  }

  const std::shared_ptr<Connection> connection_;
  std::list<Question> questions_;
  std::mutex mutex_;
  std::condition_variable answered_;
  size_t missing_ = 0;    // guarded by mutex_
  absl::Status problem_;  // guarded by mutex_
};

absl::Status StillUnderWay() {
  return absl::DeadlineExceededError(
      "a function, a callback or a call to the server is still under way; one that waits for "
      "virtual time to pass cannot be waited for, unless it is the operation of WithTimeout()");
}

}  // namespace

absl::Status Settle(const std::vector<std::shared_ptr<Connection>>& connections, absl::Time until) {
  if (CallbackPool::OnItsThread()) {
    return absl::FailedPreconditionError(
        "called on a callback thread of a client, which would wait for itself; call it on a thread "
        "of the test");
  }
  while (true) {
    std::vector<uint64_t> begun;
    for (const auto& connection : connections) {
      if (!connection->activity().WaitUntilQuiet(until, [] { return true; })) {
        return StillUnderWay();
      }
      begun.push_back(connection->activity().begun());
    }
    for (const auto& connection : connections) {
      const absl::StatusOr<std::unique_ptr<Decided>> decided = Decided::Ask(connection, until);
      if (!decided.ok()) {
        return decided.status();
      }
      const auto all_seen = [&decided] { return (*decided)->Unseen().empty(); };
      if (!connection->activity().WaitUntilQuiet(until, all_seen)) {
        const bool quiet = connection->activity().WaitUntilQuiet(until, [] { return true; });
        return quiet
                   ? absl::DeadlineExceededError(absl::StrCat(
                         "events have not arrived, of ", absl::StrJoin((*decided)->Unseen(), ", ")))
                   : StillUnderWay();
      }
    }
    // What has begun meanwhile, if only to take in an event, may have led to more.
    bool same = true;
    for (size_t i = 0; i < connections.size(); ++i) {
      same = same && connections[i]->activity().begun() == begun[i];
    }
    if (same) {
      return absl::OkStatus();
    }
  }
}

}  // namespace client
}  // namespace timerd
