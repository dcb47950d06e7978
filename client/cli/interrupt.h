// Ctrl-C while a stream is open: it ends the stream, not the program, so that timerctl can say
// where to go on.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "absl/time/time.h"
#include "grpcpp/client_context.h"

namespace timerd::cli {

// Keeps SIGINT and SIGTERM from ending the process, for all threads that are started later: call it
// before gRPC starts any.
void BlockInterrupts();

// From construction to destruction, acts when one of the signals comes, or when the server has not
// been heard of within `timeout`. Owns a thread that waits for the three.
class Interrupt {
 public:
  // Cancels `context`. REQUIRES: BlockInterrupts() was called; `context` outlives this.
  Interrupt(grpc::ClientContext& context, absl::Duration timeout);
  // Calls `act` on that thread: with each signal, and last with 0 when it was the timeout.
  Interrupt(std::function<void(int signal)> act, absl::Duration timeout);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // The server was heard of: from now on only a signal interrupts.
  void OnAnswer();

  // The signal that came, or 0.
  int signal() const { return signal_; }
  bool timed_out() const { return timed_out_; }

 private:
  using Steady = std::chrono::steady_clock;

  void Wait(Steady::time_point give_up);
  void Wake();

  const std::function<void(int signal)> act_;
  const int signal_fd_;
  const int wake_fd_;
  std::atomic<bool> answered_ = false;
  std::atomic<bool> finished_ = false;
  std::atomic<int> signal_ = 0;
  std::atomic<bool> timed_out_ = false;
  std::thread thread_;
};

}  // namespace timerd::cli
