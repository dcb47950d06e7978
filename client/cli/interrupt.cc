#include "client/cli/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>

namespace timerd::cli {
namespace {

sigset_t Interrupts() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

int SignalFd() {
  const sigset_t signals = Interrupts();
  return signalfd(-1, &signals, SFD_CLOEXEC);
}

// Milliseconds for poll(), rounded up so that it does not spin before the end.
int PollTimeout(absl::Time give_up) {
  const absl::Duration left = std::max(give_up - absl::Now(), absl::ZeroDuration());
  return static_cast<int>(
      std::min<int64_t>(absl::ToInt64Milliseconds(left + absl::Milliseconds(1)), 1'000'000'000));
}

}  // namespace

void BlockInterrupts() {
  const sigset_t signals = Interrupts();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

Interrupt::Interrupt(grpc::ClientContext& context, absl::Duration timeout)
    : context_(context),
      signal_fd_(SignalFd()),
      wake_fd_(eventfd(0, EFD_CLOEXEC)),
      thread_([this, give_up = absl::Now() + timeout] { Wait(give_up); }) {}

Interrupt::~Interrupt() {
  finished_ = true;
  Wake();
  thread_.join();
  close(signal_fd_);
  close(wake_fd_);
}

void Interrupt::OnAnswer() {
  if (!answered_.exchange(true)) {
    Wake();
  }
}

void Interrupt::Wake() {
  const uint64_t one = 1;
  // Writing to an eventfd fails only when its counter overflows; two wake-ups are all there are.
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof one);
}

void Interrupt::Wait(absl::Time give_up) {
  while (!finished_) {
    pollfd fds[] = {{signal_fd_, POLLIN, 0}, {wake_fd_, POLLIN, 0}};
    poll(fds, 2, answered_ ? -1 : PollTimeout(give_up));
    if (fds[0].revents != 0) {
      signalfd_siginfo info = {};
      if (read(signal_fd_, &info, sizeof info) == sizeof info) {
        signal_ = static_cast<int>(info.ssi_signo);
        context_.TryCancel();
      }
    }
    if (fds[1].revents != 0) {
      uint64_t count = 0;
      [[maybe_unused]] const ssize_t size = read(wake_fd_, &count, sizeof count);
    } else if (!answered_ && absl::Now() >= give_up) {
      timed_out_ = true;
      context_.TryCancel();
      return;
    }
  }
}

}  // namespace timerd::cli
