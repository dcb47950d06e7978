// timerd in one screen. Start a server (timerd --listen=127.0.0.1:7400), then run this.
#include <iostream>

#include "timerd/client.h"

int main(int argc, char** argv) {
  timerd::Client client({.target = argc > 1 ? argv[1] : "127.0.0.1:7400"});

  // Later.
  timerd::DelayedCall hello =
      client.CallLater(absl::Seconds(1), [] { std::cout << "hello, world\n"; });

  // Later, with a result.
  timerd::DeferredCall answer = client.DeferLater(absl::Seconds(1), [] { return "42"; });

  // Again and again, until it says stop.
  timerd::LoopingCall loop = client.StartLoop(
      absl::Milliseconds(500), [](const timerd::LoopTick& tick) -> timerd::LoopResult {
        std::cout << "tick " << tick.run << ", missed " << tick.missed << "\n";
        return tick.run < 3 ? absl::OkStatus() : timerd::LoopResult::Stop();
      });

  // Not longer than.
  timerd::Task task = client.WithTimeout(
      absl::Seconds(2), [](const timerd::CancellationToken& token) -> absl::StatusOr<std::string> {
        token.WaitFor(absl::Minutes(1));  // the work; it sees that nobody waits any more
        return "done";
      });

  hello.Wait(absl::Seconds(10));
  std::cout << "the answer is " << answer.result().Get().value_or("unknown") << "\n";
  std::cout << "the loop: " << loop.result().Get().status() << "\n";
  const absl::Status slow = task.result().Get().status();
  std::cout << "the task: " << slow << (timerd::WasTimedOut(slow) ? " (timed out)" : "") << "\n";
}
