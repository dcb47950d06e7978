#include "client/examples/demo/stories.h"

#include <atomic>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace timerd::demo {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(15);
// A demonstration may run on a busy machine; late by more than this is wrong all the same.
constexpr absl::Duration kLateAtMost = absl::Seconds(1);

bool IsAt(absl::Duration time, absl::Duration due) {
  return time >= due && time <= due + kLateAtMost;
}

std::string Text(const absl::Status& status) {
  return absl::StrFormat("%s: \"%s\"", absl::StatusCodeToString(status.code()),
                         std::string(status.message()));
}

absl::StatusOr<std::string> ResultOf(const Handle& handle) {
  return handle.result().Wait(kPatience).value_or(
      absl::InternalError("no end in good time: the server is not there?"));
}

// Waits out `duration`, or gives up as soon as nobody waits for it any more.
absl::StatusOr<std::string> Operation(absl::Duration duration, const CancellationToken& token) {
  if (token.WaitFor(duration)) {
    return absl::CancelledError("given up");
  }
  return absl::StrCat("what took ", absl::FormatDuration(duration));
}

// The result of an operation of `duration` bounded at `limit` must be this.
void ExpectBounded(Teller& teller, const std::string& name, absl::Duration duration,
                   absl::Duration limit, const absl::StatusOr<std::string>& result) {
  if (result.ok()) {
    teller.Expect(duration <= limit + kLateAtMost && *result != "a default",
                  absl::StrCat(name, ": the result is \"", *result, "\""));
  } else {
    teller.Expect(duration >= limit - kLateAtMost && WasTimedOut(result.status()) &&
                      !WasCancelled(result.status()),
                  absl::StrCat(name, ": TimedOut, not cancelled; ", Text(result.status())));
  }
}

}  // namespace

void HelloWorld(Client& client, Teller& teller) {
  constexpr absl::Duration kDelay = absl::Milliseconds(3500);
  teller.Begin();
  teller.Say("in 3.5 s: say hello; the same with a result; the same, failing");
  DelayedCall hello = client.CallLater(
      kDelay, [&teller] { teller.Expect(IsAt(teller.elapsed(), kDelay), "hello, world"); });
  DeferredCall good = client.DeferLater(kDelay, [] { return "hello, world, says the function"; });
  DeferredCall bad = client.DeferLater(kDelay, []() -> absl::StatusOr<std::string> {
    return absl::UnavailableError("the world is out");
  });
  const auto end = hello.Wait(kPatience);
  teller.Expect(end.has_value() && end->end == End::kFired, "the call is over: it FIRED");
  const auto value = ResultOf(good);
  teller.Expect(value.ok() && *value == "hello, world, says the function",
                absl::StrCat("the caller gets the result: ",
                             value.ok() ? "\"" + *value + "\"" : Text(value.status())));
  const absl::Status failure = ResultOf(bad).status();
  teller.Expect(failure.code() == absl::StatusCode::kUnavailable &&
                    failure.message() == "the world is out" && EndOf(failure) == End::kFailed,
                absl::StrCat("the caller gets the failure: ", Text(failure)));
}

void Loops(Client& client, Teller& teller) {
  teller.Begin();
  teller.Say("every second: A stops the third time, B fails the third time");
  std::atomic<int> runs_of_a = 0;
  std::atomic<int> runs_of_b = 0;
  LoopingCall a = client.StartLoop(absl::Seconds(1), [&](const LoopTick& tick) -> LoopResult {
    ++runs_of_a;
    teller.Say(absl::StrCat("A: run ", tick.run, tick.run == 3 ? ", and stop" : ""));
    return tick.run == 3 ? LoopResult::Stop() : absl::OkStatus();
  });
  LoopingCall b = client.StartLoop(absl::Seconds(1), [&](const LoopTick& tick) -> LoopResult {
    ++runs_of_b;
    teller.Say(absl::StrCat("B: run ", tick.run, tick.run == 3 ? ", and fail" : ""));
    return tick.run == 3 ? absl::DataLossError("the tape is torn") : absl::OkStatus();
  });
  const absl::StatusOr<std::string> end_of_a = ResultOf(a);
  teller.Expect(end_of_a.ok() && a.done().ready() && a.done().Get().end == End::kStopped,
                absl::StrCat("A is over with success: STOPPED"));
  const absl::Status end_of_b = ResultOf(b).status();
  teller.Expect(end_of_b.code() == absl::StatusCode::kDataLoss && EndOf(end_of_b) == End::kFailed,
                absl::StrCat("B's caller gets the failure: ", Text(end_of_b)));
  absl::SleepFor(absl::Milliseconds(1500));
  teller.Expect(runs_of_a == 3 && runs_of_b == 3 && !a.active() && !b.active(),
                absl::StrCat("one and a half intervals on: A has run ", runs_of_a.load(), ", B ",
                             runs_of_b.load(), " times"));
}

void Cancelled(Client& client, Teller& teller) {
  teller.Begin();
  std::atomic<int> runs = 0;
  DelayedCall call = client.CallLater(absl::Seconds(5), [&runs] { ++runs; });
  teller.Say("a call in 5 s");
  absl::SleepFor(absl::Seconds(1));
  const absl::Status cancelled =
      call.Cancel().Wait(kPatience).value_or(absl::InternalError("no answer"));
  teller.Expect(cancelled.ok(), absl::StrCat("cancelled: ", cancelled.ToString()));
  const auto again = call.Cancel().Wait(kPatience).value_or(absl::OkStatus());
  teller.Expect(ReasonOf(again) == "ALREADY_CANCELLED",
                absl::StrCat("cancelled again, the answer is ", ReasonOf(again)));
  // The server's own clock tells when its time has passed.
  DelayedCall later = client.CallLater(absl::Milliseconds(4500), [] {});
  const auto passed = later.Wait(kPatience);
  teller.Expect(passed.has_value() && passed->end == End::kFired && runs == 0,
                absl::StrCat("its time is past: it has run ", runs.load(), " times"));
  teller.Expect(WasCancelled(ResultOf(call).status()), "and its end is CANCELLED");
}

void Bounded(Client& client, Teller& teller) {
  constexpr absl::Duration kLimit = absl::Seconds(3);
  std::mt19937 random{std::random_device{}()};
  const auto draw = [&random] {
    return absl::Milliseconds(std::uniform_int_distribution<int>(1000, 5000)(random));
  };
  const absl::Duration any = draw();
  teller.Begin();
  teller.Say(
      absl::StrFormat("operations bounded at 3 s: A takes a random %.3f s, B 1 s, C, D and "
                      "E 5 s",
                      absl::ToDoubleSeconds(any)));
  const auto run = [&client](absl::Duration duration, TimeoutOptions options = {}) {
    return client.WithTimeout(
        kLimit, [duration](const CancellationToken& token) { return Operation(duration, token); },
        std::move(options));
  };
  Task a = run(any);
  Task b = run(absl::Seconds(1));
  Task c = run(absl::Seconds(5));
  std::atomic<int> translations = 0;
  TimeoutOptions translated;
  translated.on_timeout = [&translations](const Ending&) {
    ++translations;
    return "a default";
  };
  Task d = run(absl::Seconds(5), translated);
  Task e = run(absl::Seconds(5), translated);
  e.token().OnCancelled([&teller] { teller.Say("E: its operation learns that it is not wanted"); });
  absl::SleepFor(absl::Seconds(2));
  e.Cancel();
  const absl::Status end_of_e = ResultOf(e).status();
  teller.Expect(WasCancelled(end_of_e) && !WasTimedOut(end_of_e) && translations == 0,
                absl::StrCat("E: cancelled by its caller, and told apart; ", Text(end_of_e)));
  ExpectBounded(teller, "B", absl::Seconds(1), kLimit, ResultOf(b));
  ExpectBounded(teller, "A", any, kLimit, ResultOf(a));
  ExpectBounded(teller, "C", absl::Seconds(5), kLimit, ResultOf(c));
  const absl::StatusOr<std::string> end_of_d = ResultOf(d);
  teller.Expect(end_of_d.ok() && *end_of_d == "a default" && translations == 1 &&
                    d.done().Get().end == End::kTimedOut,
                "D: TimedOut, translated by its caller into \"a default\"");
  teller.Expect(teller.elapsed() >= kLimit && teller.elapsed() <= kLimit + kLateAtMost,
                "none of them was waited for longer than its bound");
}

}  // namespace timerd::demo
