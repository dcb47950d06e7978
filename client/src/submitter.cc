#include "client/src/submitter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/src/status.h"
#include "timerd/v1/timers.grpc.pb.h"

namespace timerd {
inline namespace client {
namespace {

// Of one message. The server's own limits are higher unless its flags say otherwise.
constexpr size_t kMaxItems = 1000;
constexpr size_t kMaxBytes = 256 << 10;
// While so many messages are unanswered, calls gather.
constexpr size_t kMaxUnanswered = 4;

}  // namespace

// Keeps itself alive until its end. Written to and half-closed by the submitter only, which holds
// it open (AddHold) for as long as it does.
class Submitter::Stream final
    : public grpc::ClientBidiReactor<v1::SubmitRequest, v1::SubmitResponse> {
 public:
  Stream(std::shared_ptr<Connection> connection, std::shared_ptr<Submitter> submitter)
      : connection_(std::move(connection)), submitter_(std::move(submitter)) {}

  // False when the connection is closing.
  bool Open(std::shared_ptr<Stream> self) {
    if (!connection_->EnterStream(context_.get())) {
      return false;
    }
    self_ = std::move(self);
    connection_->api().Submit(context_.get(), this);
    AddHold();
    StartRead(&response_);
    StartCall();
    return true;
  }

 private:
  void OnReadDone(bool ok) override {
    if (ok) {
      submitter_->OnAnswer(response_);
      StartRead(&response_);
    } else {
      submitter_->OnBroken();
      RemoveHold();
    }
  }

  void OnWriteDone(bool ok) override {
    if (ok) {
      submitter_->OnWritten();
    }
  }

  void OnDone(const grpc::Status& status) override {
    submitter_->OnStreamEnd(FromGrpc(status));
    grpc::ClientContext* const key = context_.get();
    context_.reset();
    connection_->Leave(key);
    const std::shared_ptr<Stream> last = std::move(self_);
  }

  const std::shared_ptr<Connection> connection_;
  const std::shared_ptr<Submitter> submitter_;
  std::unique_ptr<grpc::ClientContext> context_ = std::make_unique<grpc::ClientContext>();
  v1::SubmitResponse response_;
  std::shared_ptr<Stream> self_;
};

Submitter::Submitter(Connection& connection, const ClientOptions& options)
    : connection_(connection),
      max_calls_(options.max_waiting_calls),
      max_bytes_(options.max_waiting_bytes),
      backoff_(connection.NewBackoff()),
      message_items_(kMaxItems),
      message_bytes_(kMaxBytes) {}

void Submitter::Submit(Call call) {
  auto waiting = std::make_unique<Waiting>();
  waiting->call = std::move(call);
  waiting->bytes = waiting->call.item.ByteSizeLong();
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  if (absl::Status refusal = RefusalLocked(waiting->bytes); !refusal.ok()) {
    effects.Add([on_answer = std::move(waiting->call.on_answer), refusal = std::move(refusal)] {
      on_answer({refusal, {}});
    });
    return;
  }
  ++waiting_calls_;
  waiting_bytes_ += waiting->bytes;
  if (!until_answered_.has_value()) {
    until_answered_.emplace(connection_.activity());
  }
  if (!waiting->call.id.empty()) {
    const auto [found, is_first] = followers_.try_emplace(waiting->call.id);
    if (!is_first) {
      found->second.push_back(std::move(waiting));
      return;
    }
  }
  queue_.push_back(std::move(waiting));
  SendLocked(effects);
}

absl::Status Submitter::RefusalLocked(size_t bytes) const {
  if (closed_) {
    return ClosedStatus();
  }
  if (waiting_calls_ >= max_calls_) {
    return WithReason(
        absl::ResourceExhaustedError(absl::StrCat(
            waiting_calls_,
            " plain calls wait for their answers, as many as ClientOptions::max_waiting_calls "
            "allows; wait for some of them, or raise it")),
        "LIMIT_EXCEEDED");
  }
  if (waiting_bytes_ + bytes > max_bytes_) {
    return WithReason(absl::ResourceExhaustedError(absl::StrCat(
                          "plain calls of ", waiting_bytes_, " bytes wait for their answers, and ",
                          bytes, " more are above ClientOptions::max_waiting_bytes=", max_bytes_,
                          "; wait for some of them, or raise it")),
                      "LIMIT_EXCEEDED");
  }
  return absl::OkStatus();
}

void Submitter::SendLocked(Effects& effects) {
  if (queue_.empty() || paused_ || writing_ != nullptr || unanswered_.size() >= kMaxUnanswered) {
    return;
  }
  if (stream_ == nullptr) {
    stream_ = std::make_shared<Stream>(connection_.shared_from_this(), shared_from_this());
    writable_ = stream_->Open(stream_);
    if (!writable_) {
      stream_.reset();  // the connection is closing, and Close() comes
      return;
    }
  }
  if (!writable_) {
    return;
  }
  writing_ = GatherLocked();
  unanswered_.emplace(writing_->request.tag(), writing_);
  stream_->AddHold();
  effects.Add([stream = stream_, message = writing_] {
    stream->StartWrite(&message->request);
    stream->RemoveHold();
  });
}

std::shared_ptr<Submitter::Message> Submitter::GatherLocked() {
  auto message = std::make_shared<Message>();
  message->request.set_tag(++last_tag_);
  connection_.Stamp(message->request);
  size_t bytes = 0;
  while (!queue_.empty() && message->calls.size() < message_items_ &&
         (bytes == 0 || bytes + queue_.front()->bytes <= message_bytes_)) {
    WaitingPtr waiting = std::move(queue_.front());
    queue_.pop_front();
    bytes += waiting->bytes;
    if (waiting->call.prepare != nullptr) {
      waiting->call.prepare(waiting->call.item);
    }
    message->request.add_items()->Swap(&waiting->call.item);
    message->calls.push_back(std::move(waiting));
  }
  return message;
}

void Submitter::OnWritten() {
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  writing_.reset();
  SendLocked(effects);
}

void Submitter::OnAnswer(v1::SubmitResponse& response) {
  std::vector<WaitingPtr> answered;
  {
    Effects effects;
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = unanswered_.find(response.tag());
    if (found == unanswered_.end()) {
      return;
    }
    const std::shared_ptr<Message> message = std::move(found->second);
    unanswered_.erase(found);
    const size_t queued = queue_.size();
    if (!response.has_error()) {
      TakeResultsLocked(*message, response, answered);
    } else if (const absl::Status refusal = FromDetails(response.error());
               HalveLocked(refusal, message->calls.size())) {
      // Nothing of it was carried out.
      TakeBackLocked(*message,
                     [this](WaitingPtr waiting) { queue_.push_front(std::move(waiting)); });
      SendLocked(effects);
      return;
    } else {
      TakeBackLocked(*message, [&](WaitingPtr waiting) {
        RetryOrAnswerLocked(std::move(waiting), refusal, answered);
      });
    }
    if (queue_.size() > queued) {
      PauseLocked(effects);
    } else {
      backoff_.Reset();
    }
  }
  Finish(std::move(answered));
}

void Submitter::TakeResultsLocked(Message& message, v1::SubmitResponse& response,
                                  std::vector<WaitingPtr>& answered) {
  int index = message.request.items_size();
  TakeBackLocked(message, [&](WaitingPtr waiting) {
    absl::Status status = absl::DataLossError("the server has left out an answer");
    if (--index < response.results_size()) {
      v1::BatchResult& result = *response.mutable_results(index);
      status = result.has_error() ? OfItem(FromDetails(result.error())) : absl::OkStatus();
      waiting->result.response.Swap(&result);
    }
    RetryOrAnswerLocked(std::move(waiting), std::move(status), answered);
  });
}

bool Submitter::HalveLocked(const absl::Status& refusal, size_t items) {
  const std::string limit = DetailOf(refusal, "limit");
  if (items < 2 || (limit != "max-batch-items" && limit != "max-request-bytes")) {
    return false;
  }
  message_items_ = std::min(message_items_, (items + 1) / 2);
  return true;
}

template <typename Take>
void Submitter::TakeBackLocked(Message& message, Take take) {
  for (int i = message.request.items_size() - 1; i >= 0; --i) {
    WaitingPtr& waiting = message.calls[static_cast<size_t>(i)];
    waiting->call.item.Swap(message.request.mutable_items(i));
    take(std::move(waiting));
  }
}

void Submitter::RetryOrAnswerLocked(WaitingPtr waiting, absl::Status status,
                                    std::vector<WaitingPtr>& answered) {
  const bool transient = IsTransient(status.code());
  const bool closing = closed_ || connection_.closing();
  if (transient && !closing && waiting->call.retry == Retry::kUntilAnswered) {
    ++waiting->result.tries;
    queue_.push_front(std::move(waiting));
  } else {
    AnswerLocked(std::move(waiting), transient && closing ? ClosedStatus() : std::move(status),
                 answered);
  }
}

void Submitter::AnswerLocked(WaitingPtr waiting, absl::Status status,
                             std::vector<WaitingPtr>& answered) {
  --waiting_calls_;
  waiting_bytes_ -= waiting->bytes;
  waiting->result.status = std::move(status);
  answered.push_back(std::move(waiting));
}

void Submitter::PauseLocked(Effects& effects) {
  if (paused_) {
    return;
  }
  paused_ = true;
  effects.Add([self = shared_from_this(), delay = backoff_.Next()] {
    self->connection_.timer().After(delay, [self] {
      Effects later;
      std::lock_guard<std::mutex> lock(self->mutex_);
      self->paused_ = false;
      self->SendLocked(later);
    });
  });
}

void Submitter::OnBroken() {
  std::lock_guard<std::mutex> lock(mutex_);
  writable_ = false;
}

void Submitter::OnStreamEnd(absl::Status status) {
  if (status.ok()) {
    status = absl::UnavailableError("the server has ended the stream");
  }
  std::vector<WaitingPtr> answered;
  {
    Effects effects;
    std::lock_guard<std::mutex> lock(mutex_);
    stream_.reset();
    writing_.reset();
    // The latest first, so that the queue has them in order again.
    for (auto entry = unanswered_.rbegin(); entry != unanswered_.rend(); ++entry) {
      TakeBackLocked(*entry->second, [&](WaitingPtr waiting) {
        RetryOrAnswerLocked(std::move(waiting), status, answered);
      });
    }
    unanswered_.clear();
    if (closed_) {
      TakeAllLocked(answered);
    } else if (!queue_.empty()) {
      PauseLocked(effects);
    }
  }
  Finish(std::move(answered));
}

void Submitter::TakeAllLocked(std::vector<WaitingPtr>& answered) {
  for (WaitingPtr& waiting : queue_) {
    AnswerLocked(std::move(waiting), ClosedStatus(), answered);
  }
  queue_.clear();
  for (auto& [id, followers] : followers_) {
    for (WaitingPtr& waiting : followers) {
      AnswerLocked(std::move(waiting), ClosedStatus(), answered);
    }
    followers.clear();
  }
}

void Submitter::Close() {
  std::vector<WaitingPtr> answered;
  {
    Effects effects;
    std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    if (stream_ == nullptr) {
      TakeAllLocked(answered);
    }
    EndStreamLocked(effects);
  }
  Finish(std::move(answered));
}

void Submitter::EndStreamLocked(Effects& effects) {
  if (closed_ && waiting_calls_ == 0 && writable_) {
    writable_ = false;
    stream_->AddHold();
    effects.Add([stream = stream_] {
      stream->StartWritesDone();
      stream->RemoveHold();
    });
  }
}

void Submitter::Finish(std::vector<WaitingPtr> answered) {
  const Activity::Scope until_told(connection_.activity());
  for (const WaitingPtr& waiting : answered) {
    waiting->call.on_answer(waiting->result);
  }
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  for (const WaitingPtr& waiting : answered) {
    const auto found = followers_.find(waiting->call.id);
    if (found == followers_.end()) {
      continue;
    }
    if (found->second.empty()) {
      followers_.erase(found);
    } else {
      queue_.push_back(std::move(found->second.front()));
      found->second.pop_front();
    }
  }
  if (waiting_calls_ == 0) {
    until_answered_.reset();
  }
  SendLocked(effects);
  EndStreamLocked(effects);
}

}  // namespace client
}  // namespace timerd
