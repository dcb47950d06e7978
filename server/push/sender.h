// One way of making the calls of one push target.
#pragma once

#include <memory>

#include "absl/functional/any_invocable.h"
#include "server/timer/delivery.h"
#include "timerd/v1/queues.pb.h"

namespace timerd::push {

// A call under way.
class Call {
 public:
  virtual ~Call() = default;
  // Breaks it off, if it still goes on. Any thread; does not wait.
  virtual void Abort() = 0;
};

class Sender {
 public:
  virtual ~Sender() = default;

  // Called once for each call, on a thread of the sender's: what the answer means. After an Abort()
  // it may mean anything.
  using Done = absl::AnyInvocable<void(timer::Verdict)>;
  // Makes a call; does not wait. Any thread.
  virtual std::shared_ptr<Call> Send(const v1::DeliverRequest& request, Done done) = 0;
};

}  // namespace timerd::push
