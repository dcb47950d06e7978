// The plain calls of a client, in great number: all over one Submit stream.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "client/src/call.h"
#include "client/src/effects.h"
#include "timerd/v1/timers.pb.h"

namespace timerd {
inline namespace client {

// A call goes out at once when no message is being written and few are unanswered; those that come
// meanwhile gather into the next message. So a lone call waits for nothing, and the more there are,
// the more go together. Calls on one id are carried out one after the other, in the order in which
// they came. When the stream breaks, those whose answer is unknown are sent again if they say that
// they may be. Thread-safe; nothing here blocks.
class Submitter : public std::enable_shared_from_this<Submitter> {
 public:
  using Result = Answer<v1::BatchResult>;

  struct Call {
    v1::BatchItem item;
    // The id that it is for; empty when nobody else can name it yet.
    std::string id;
    // Whether it may be sent again when it is not known whether it has arrived.
    Retry retry = Retry::kUntilAnswered;
    // Called before each try; may be null.
    std::function<void(v1::BatchItem&)> prepare;
    // Called once, on a thread that must not block.
    std::function<void(const Result&)> on_answer;
  };

  // Owned by `connection`, which outlives it.
  Submitter(Connection& connection, const ClientOptions& options);

  // Answered with kResourceExhausted when more wait than the client's options allow.
  void Submit(Call call);
  // The client is being closed: no further call is taken, and none is sent again. What is under way
  // is answered, or ends with the stream.
  void Close();

 private:
  class Stream;

  struct Waiting {
    Call call;
    size_t bytes = 0;
    Result result;
  };
  using WaitingPtr = std::unique_ptr<Waiting>;
  struct Message {
    v1::SubmitRequest request;
    std::vector<WaitingPtr> calls;  // those of request.items()
  };

  // Called by the stream.
  void OnWritten();
  void OnAnswer(v1::SubmitResponse& response);
  void OnBroken();
  void OnStreamEnd(absl::Status status);

  // The names ending in Locked are called with mutex_ held.
  absl::Status RefusalLocked(size_t bytes) const;
  void SendLocked(Effects& effects);
  std::shared_ptr<Message> GatherLocked();
  void PauseLocked(Effects& effects);
  void EndStreamLocked(Effects& effects);
  bool HalveLocked(const absl::Status& refusal, size_t items);
  // Gives the calls of a message to `take`, the last first.
  template <typename Take>
  void TakeBackLocked(Message& message, Take take);
  void TakeResultsLocked(Message& message, v1::SubmitResponse& response,
                         std::vector<WaitingPtr>& answered);
  // To the front of the queue, or to `answered`.
  void RetryOrAnswerLocked(WaitingPtr waiting, absl::Status status,
                           std::vector<WaitingPtr>& answered);
  void AnswerLocked(WaitingPtr waiting, absl::Status status, std::vector<WaitingPtr>& answered);
  void TakeAllLocked(std::vector<WaitingPtr>& answered);

  // Hands out the answers, then lets go of what waited for them.
  void Finish(std::vector<WaitingPtr> answered);

  Connection& connection_;
  const size_t max_calls_;
  const size_t max_bytes_;

  std::mutex mutex_;
  // All guarded by mutex_.
  std::shared_ptr<Stream> stream_;
  bool writable_ = false;  // stream_ is open, and not being closed
  std::shared_ptr<Message> writing_;
  std::map<uint64_t, std::shared_ptr<Message>> unanswered_;  // by tag
  uint64_t last_tag_ = 0;
  Backoff backoff_;
  bool paused_ = false;  // until the backoff is over
  bool closed_ = false;
  // What the server takes in one message, as far as known.
  size_t message_items_;
  size_t message_bytes_;
  // Calls to be sent, in order; and for each id that one of them or of those under way is for, the
  // calls that come after it.
  std::deque<WaitingPtr> queue_;
  std::unordered_map<std::string, std::list<WaitingPtr>> followers_;
  // How many calls, of how many bytes, wait for their answer, wherever they are.
  size_t waiting_calls_ = 0;
  size_t waiting_bytes_ = 0;
  std::optional<Activity::Scope> until_answered_;  // while there are any
};

}  // namespace client
}  // namespace timerd
