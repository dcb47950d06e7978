// How late timers fire, at a rate that the server sustains, with a million timers pending and 5,000
// new ones a second. The timers go to a worker of a queue, which settles them.
//
//   --rate=N      timers fired per second; by default the highest of a few that is sustained
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/bench/batches.h"
#include "tests/bench/program.h"
#include "tests/bench/submit_load.h"
#include "tests/bench/worker.h"
#include "tests/support/server_process.h"

namespace timerd::bench {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr std::array<size_t, 12> kRates = {50'000, 40'000, 30'000, 25'000, 20'000, 15'000,
                                           12'000, 10'000, 8'000,  6'000,  4'000,  2'000};
constexpr size_t kNewPerSecond = 5'000;

class Fires {
 public:
  Fires(const std::string& target, double fill_per_s)
      : target_(target), fill_per_s_(fill_per_s), worker_(target, "work") {}

  // Occurrences per second when there are more than can be delivered.
  double Drain(size_t timers) {
    const int64_t due = Schedule(timers, 0);
    WaitFor(timers, 60);
    return static_cast<double>(timers) * kSecond / static_cast<double>(UnixNanos() - due);
  }

  // Fires `rate` timers a second for `seconds`. Nothing when more than one in a hundred came more
  // than a tenth of a second late: then they queue up, and their lateness is that of the queue.
  std::optional<std::vector<Firing>> Run(size_t rate, double seconds) {
    const auto timers = static_cast<size_t>(static_cast<double>(rate) * seconds);
    const auto spread = static_cast<int64_t>(seconds * kSecond);
    const int64_t due = Schedule(timers, spread);
    std::this_thread::sleep_for(std::chrono::nanoseconds(due - UnixNanos() - kSecond / 2));
    std::thread fresh([this, seconds] { ScheduleNew(seconds + 1); });
    worker_.TakeFirings();
    WaitFor(timers, 60);
    fresh.join();
    std::vector<Firing> firings = worker_.TakeFirings();
    if (firings.size() != timers) {
      throw std::runtime_error("some came twice");
    }
    const auto late = std::count_if(firings.begin(), firings.end(), [](const Firing& firing) {
      return firing.arrived > firing.deadline + kSecond / 10;
    });
    if (late > static_cast<int64_t>(timers / 100)) {
      return std::nullopt;
    }
    return firings;
  }

 private:
  // Makes timers that are due from some time after all are made; returns from when on.
  int64_t Schedule(size_t timers, int64_t spread) {
    const double takes = 1.5 * static_cast<double>(timers) / fill_per_s_ + 1;
    const int64_t due = UnixNanos() + static_cast<int64_t>(takes * kSecond);
    const auto batches = QueueBatches("work", timers, due, spread);
    RunSubmit({.target = target_}, Cycle(batches, batches.size()));
    if (UnixNanos() > due - kSecond / 2) {
      throw std::runtime_error("scheduled too slowly: some were due before the last was made");
    }
    return due;
  }
  // 50 every 10 ms, for later.
  void ScheduleNew(double seconds) const {
    const auto batches = TimerBatches(3600, 86'400, 16, kNewPerSecond / 100);
    const auto start = Clock::now();
    size_t sent = 0;
    RunSubmit({.target = target_, .streams = 1}, [&]() -> std::optional<grpc::ByteBuffer> {
      std::this_thread::sleep_until(start + sent * std::chrono::milliseconds(10));
      if (SecondsSince(start) >= seconds) {
        return std::nullopt;
      }
      return batches[sent++ % batches.size()];
    });
  }
  void WaitFor(size_t more, double seconds) {
    settled_ += more;
    if (worker_.WaitUntilSettled(settled_, seconds) < settled_) {
      throw std::runtime_error("not all timers were settled");
    }
  }

  const std::string target_;
  const double fill_per_s_;
  Worker worker_;
  uint64_t settled_ = 0;
};

void AddPercentiles(const std::string& prefix, std::vector<double> values, Results& results) {
  std::sort(values.begin(), values.end());
  for (const auto& [suffix, fraction] :
       {std::pair("p50", 0.5), {"p99", 0.99}, {"p999", 0.999}, {"max", 1.0}}) {
    const double index = fraction * static_cast<double>(values.size() - 1);
    results.Add(prefix + suffix + "_us", values[static_cast<size_t>(index)], "us");
  }
}

// How many were at most so late, and later than the bound before: ten bounds a decade.
void AddHistogram(const std::vector<double>& lateness_us, Results& results) {
  double below = -1;
  for (int step = 10; step <= 60; ++step) {
    const double bound = std::round(std::pow(10, step / 10.0));
    const auto count = std::count_if(lateness_us.begin(), lateness_us.end(),
                                     [&](double us) { return us > below && us <= bound; });
    char name[40];
    std::snprintf(name, sizeof name, "lateness.histogram.le_%07.0f_us", bound);
    if (count > 0) {
      results.Add(name, static_cast<double>(count), "timers");
    }
    below = bound;
  }
}

void Report(size_t rate, const std::vector<Firing>& firings, Results& results) {
  std::vector<double> decided;
  std::vector<double> delivered;
  size_t early = 0;
  for (const Firing& firing : firings) {
    decided.push_back(static_cast<double>(firing.decided - firing.deadline) / 1e3);
    delivered.push_back(static_cast<double>(firing.arrived - firing.deadline) / 1e3);
    early += firing.decided < firing.deadline || firing.arrived < firing.deadline;
  }
  results.Add("lateness.fires_per_s", static_cast<double>(rate), "/s");
  results.Add("lateness.new_per_s", kNewPerSecond, "/s");
  results.Add("lateness.fires", static_cast<double>(firings.size()), "");
  results.Add("lateness.early", static_cast<double>(early), "");
  AddPercentiles("lateness.", decided, results);
  AddPercentiles("lateness.delivered_", delivered, results);
  AddHistogram(decided, results);
}

void Measure(const Options& options, Results& results) {
  testing::ServerProcess timerd({.flags = {"--durability=sync", "--max-handles=100000000"}});
  const auto seconds = static_cast<double>(options.Number("seconds", options.full() ? 30 : 5));
  const size_t pending = options.Number("pending", 1'000'000);
  const auto batches = TimerBatches(3600, 86'400);
  const SubmitResult filled =
      RunSubmit({.target = timerd.address()}, Cycle(batches, pending / kBatch));
  results.Add("lateness.pending", static_cast<double>(filled.done), "");

  Fires fires(timerd.address(), filled.per_s() / 2);
  std::vector<size_t> rates(kRates.begin(), kRates.end());
  if (const size_t given = options.Number("rate", 0); given > 0) {
    rates = {given};
  } else {
    const double most = fires.Drain(50'000);
    std::erase_if(rates, [most](size_t rate) { return static_cast<double>(rate) > most; });
  }
  for (const size_t rate : rates) {
    if (const auto firings = fires.Run(rate, seconds)) {
      Report(rate, *firings, results);
      return;
    }
    std::printf("%zu fires per second were not sustained\n", rate);
  }
  throw std::runtime_error("no rate was sustained");
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) {
  return timerd::bench::RunProgram(argc, argv, timerd::bench::Measure);
}
