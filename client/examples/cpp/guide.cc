// The snippets of docs/client.md, as they are compiled and run.
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "timerd/client.h"
#include "timerd/watcher.h"
#include "timerd/worker.h"

namespace {

// [later]
void Later(timerd::Client& client) {
  timerd::DelayedCall reminder =
      client.CallLater(absl::Minutes(30), [] { std::cout << "tea is ready\n"; });
  reminder.Delay(absl::Minutes(5));   // five minutes later than it would have been
  reminder.Reset(absl::Minutes(10));  // ten minutes from now
  reminder.Cancel();                  // from here on the function does not begin
  reminder.OnDone([](const timerd::Ending& ending) {
    std::cout << "reminder: " << timerd::EndName(ending.end) << "\n";
  });
}
// [later]

// [deferred]
void Deferred(timerd::Client& client) {
  timerd::DeferredCall lookup = client.DeferLater(
      absl::Milliseconds(200),
      []() -> absl::StatusOr<std::string> { return absl::NotFoundError("no such user"); });
  absl::StatusOr<std::string> user = lookup.result().Get();
  if (!user.ok()) {
    std::cout << "lookup: " << user.status().code() << ": " << user.status().message() << "\n";
  }
}
// [deferred]

// [loop]
void Loop(timerd::Client& client) {
  timerd::LoopingCall poll = client.StartLoop(
      absl::Milliseconds(100), [](const timerd::LoopTick& tick) -> timerd::LoopResult {
        if (tick.run == 3) {
          return timerd::LoopResult::Stop();
        }
        return tick.missed < 100 ? absl::OkStatus() : absl::UnavailableError("fell behind");
      });
  std::cout << "poll: " << poll.result().Get().status() << "\n";
}
// [loop]

// [cron]
void Nightly(timerd::Client& client) {
  timerd::LoopOptions options;
  options.id = "nightly-report";
  options.missed_ticks.policy = timerd::MissedTicks::Policy::kRunOnce;
  options.client_lost_after = absl::Minutes(10);
  timerd::LoopingCall nightly = client.StartLoop(
      timerd::Cron{"0 3 * * MON-FRI", "Europe/Berlin"},
      [](const timerd::LoopTick& tick) -> timerd::LoopResult {
        std::cout << "report for " << *tick.wall_deadline << "\n";
        return absl::OkStatus();
      },
      options);
  nightly.Pause();    // no run until Resume()
  nightly.Trigger();  // but for this one, now
  nightly.Cancel();
}
// [cron]

// [replace]
void LatestWins(timerd::Client& client) {
  const auto due_in = [&client](absl::Duration delay) {
    return client.CallLater(delay, [] { std::cout << "saved\n"; },
                            {.id = "autosave/7", .replace = true});
  };
  timerd::DelayedCall first = due_in(absl::Milliseconds(200));
  first.acknowledged().Get().IgnoreError();
  timerd::DelayedCall second = due_in(absl::Milliseconds(100));
  std::cout << "first: " << first.done().Get().reason << "\n";  // REPLACED
  std::cout << "second: " << timerd::EndName(second.done().Get().end) << "\n";
}
// [replace]

// [plain]
void InGreatNumber(timerd::Client& client) {
  std::vector<timerd::Future<absl::StatusOr<timerd::Scheduled>>> made;
  for (int i = 0; i < 10'000; ++i) {
    made.push_back(client.Schedule(absl::Hours(24),
                                   {.id = "invoice/" + std::to_string(i), .payload = "remind"}));
  }
  int durable = 0;
  for (const auto& answer : made) {
    durable += answer.Get().ok() ? 1 : 0;
  }
  std::cout << "plain: " << durable << " durable\n";
  client.Reschedule("invoice/7", absl::Hours(1));
  std::cout << "plain: " << client.Cancel("invoice/7").Get() << "\n";
}
// [plain]

// [worker]
void ThroughAQueue(timerd::Client& client) {
  timerd::ScheduleOptions options{.id = "mail/9", .payload = "remind"};
  options.delivery = {.queue = "mail", .retry = {.max_attempts = 5}};
  std::cout << "queued: " << client.Schedule(absl::Milliseconds(100), options).Get().status()
            << "\n";

  // In this program or another, as many as you like:
  timerd::Worker worker(client, {.queue = "mail", .name = "mailer", .concurrency = 8},
                        [](const timerd::WorkRun& run) -> timerd::WorkResult {
                          if (run.payload().empty()) {
                            return absl::InvalidArgumentError("nothing to send");  // final
                          }
                          return "sent " + run.id();  // the timer's result
                        });
  std::cout << "worker: " << worker.registered().Get() << "\n";

  timerd::Handle reminder = client.Watch("mail/9");
  std::cout << "mail: " << timerd::EndName(reminder.done().Get().end) << "\n";
  worker.Stop(absl::Seconds(10));  // ends what runs, gives back the rest
}
// [worker]

// [watcher]
void Feed(timerd::Client& client, std::string stored_cursor) {
  timerd::Watcher watcher(client, {.id_prefix = "mail/", .cursor = std::move(stored_cursor)},
                          [](const timerd::WatchedItem& item) {
                            if (item.event) {
                              std::cout << "feed: " << item.event->id() << "\n";
                            }  // else item.gap says what was not kept for long enough
                            // Store item.cursor here, to go on from it another time.
                          });
  std::cout << "watching: " << watcher.watching().Get() << "\n";
}
// [watcher]

// [task]
void Bounded(timerd::Client& client) {
  timerd::TimeoutOptions options;
  options.on_timeout = [](const timerd::Ending&) -> absl::StatusOr<std::string> {
    return "yesterday's rate";
  };
  timerd::Task rate = client.WithTimeout(absl::Milliseconds(300), options);
  // An operation that runs elsewhere would call one of these when it is done:
  //   rate.Complete("1.0832");  rate.Fail(absl::UnavailableError("no quotes"));
  rate.Heartbeat(absl::Milliseconds(200));  // still busy: count from now
  std::cout << "rate: " << *rate.result().Get() << "\n";
}
// [task]

// [told-apart]
void ToldApart(timerd::Client& client) {
  timerd::Task task = client.WithTimeout(absl::Milliseconds(100));
  const absl::StatusOr<std::string> result = task.result().Get();
  if (timerd::WasTimedOut(result.status())) {
    std::cout << "task: too slow\n";
  } else if (timerd::WasCancelled(result.status())) {
    std::cout << "task: not wanted any more\n";
  }
}
// [told-apart]

// [watch]
void Watching(timerd::Client& client) {
  timerd::DelayedCall call = client.CallLater(absl::Milliseconds(100), [] {}, {.id = "billing/42"});
  const absl::Status made = call.acknowledged().Get();  // durable from here on, if OK
  std::cout << "call: " << made << " " << timerd::ReasonOf(made) << "\n";

  timerd::Handle other = client.Watch("billing/42");  // it could be in another program
  std::cout << "watched: " << timerd::EndName(other.done().Get().end) << "\n";
}
// [watch]

}  // namespace

int main(int argc, char** argv) {
  timerd::Client client({.target = argc > 1 ? argv[1] : "127.0.0.1:7400"});
  Later(client);
  Deferred(client);
  Loop(client);
  Nightly(client);
  LatestWins(client);
  InGreatNumber(client);
  ThroughAQueue(client);
  Feed(client, "");
  Bounded(client);
  ToldApart(client);
  Watching(client);
  return EXIT_SUCCESS;
}
