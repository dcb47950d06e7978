#include "client/cli/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <utility>

#include "client/cli/poll_timeout.h"

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

}  // namespace

void BlockInterrupts() {
  const sigset_t signals = Interrupts();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

Interrupt::Interrupt(grpc::ClientContext& context, absl::Duration timeout)
    : Interrupt([&context](int) { context.TryCancel(); }, timeout) {}

Interrupt::Interrupt(std::function<void(int signal)> act, absl::Duration timeout)
    : act_(std::move(act)),
      signal_fd_(SignalFd()),
      wake_fd_(eventfd(0, EFD_CLOEXEC)),
      // A year is for ever, and fits.
      thread_([this, give_up = Steady::now() + absl::ToChronoMicroseconds(
                                                   std::min(timeout, absl::Hours(365 * 24)))] {
        Wait(give_up);
      }) {}

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

void Interrupt::Wait(Steady::time_point give_up) {
  while (!finished_) {
    pollfd fds[] = {{signal_fd_, POLLIN, 0}, {wake_fd_, POLLIN, 0}};
    poll(fds, 2, answered_ ? -1 : PollTimeout(give_up));
    if (fds[0].revents != 0) {
      signalfd_siginfo info = {};
      if (read(signal_fd_, &info, sizeof info) == sizeof info) {
        signal_ = static_cast<int>(info.ssi_signo);
        act_(signal_);
      }
    }
    if (fds[1].revents != 0) {
      uint64_t count = 0;
      [[maybe_unused]] const ssize_t size = read(wake_fd_, &count, sizeof count);
    } else if (!answered_ && Steady::now() >= give_up) {
      timed_out_ = true;
      act_(0);
      return;
    }
  }
}

}  // namespace timerd::cli
