// What cron schedules cost: counting what an outage missed, and finding the next match of common
// and of the rarest schedules.
#include <benchmark/benchmark.h>

#include <memory>

#include "server/timer/cron.h"

namespace timerd::timer {
namespace {

constexpr int64_t kDay = int64_t{86'400} * 1'000'000'000;
constexpr int64_t kStart = 1'800'000'000 * int64_t{1'000'000'000};  // January 2027

// Arguments: the days that the outage lasted.
void CountEverySecond(benchmark::State& state) {
  const auto schedule = CronSchedule::Parse("* * * * * *", "Europe/Berlin").value();
  uint64_t count = 0;
  for (auto _ : state) {
    count = schedule->Count(kStart, kStart + state.range(0) * kDay);
    benchmark::DoNotOptimize(count);
  }
  state.counters["matches"] = static_cast<double>(count);
}
BENCHMARK(CountEverySecond)->Arg(1)->Arg(365)->Arg(36'500);

void CountFixedHours(benchmark::State& state) {
  const auto schedule = CronSchedule::Parse("*/5 8-18 * * MON-FRI", "Europe/Berlin").value();
  for (auto _ : state) {
    benchmark::DoNotOptimize(schedule->Count(kStart, kStart + state.range(0) * kDay));
  }
}
BENCHMARK(CountFixedHours)->Arg(365);

void Next(benchmark::State& state, const char* expression) {
  const auto schedule = CronSchedule::Parse(expression, "Europe/Berlin").value();
  for (auto _ : state) {
    benchmark::DoNotOptimize(schedule->Next(kStart));
  }
}
BENCHMARK_CAPTURE(Next, every_second, "* * * * * *");
BENCHMARK_CAPTURE(Next, every_weekday, "30 9 * * MON-FRI");
BENCHMARK_CAPTURE(Next, leap_day, "0 0 29 2 *");

// From just after the leap day of 2088 that is a Sunday: the next such one is 40 years later.
void NextLeapDayOnASunday(benchmark::State& state) {
  const auto schedule = CronSchedule::Parse("0 0 29 2 */7", "Europe/Berlin").value();
  constexpr int64_t kAfter2088 = 3'729'000'000 * int64_t{1'000'000'000};
  for (auto _ : state) {
    benchmark::DoNotOptimize(schedule->Next(kAfter2088));
  }
}
BENCHMARK(NextLeapDayOnASunday);

void Parse(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(CronSchedule::Parse("*/5 8-18 * * MON-FRI", "Europe/Berlin"));
  }
}
BENCHMARK(Parse);

}  // namespace
}  // namespace timerd::timer
