// Timers that fire and are delivered to a worker of a queue, which settles them: from the deadline
// of the first to the moment when the last settlement is durable. They come due faster than that.
#include <memory>
#include <stdexcept>
#include <vector>

#include "tests/bench/batches.h"
#include "tests/bench/program.h"
#include "tests/bench/submit_load.h"
#include "tests/bench/worker.h"
#include "tests/support/server_process.h"

namespace timerd::bench {
namespace {

void Measure(const Options& options, Results& results) {
  const size_t timers = options.Number("timers", options.full() ? 1'000'000 : 300'000);
  testing::ServerProcess timerd({.flags = {"--durability=sync"}});
  // Far enough ahead that all are there before the first is due.
  const auto lead_s = static_cast<int64_t>(timers / options.Number("fill-per-s", 25'000) + 2);
  const int64_t due = UnixNanos() + lead_s * 1'000'000'000;
  const auto batches = QueueBatches("work", timers, due, 1'000'000'000);
  const SubmitResult filled =
      RunSubmit({.target = timerd.address()}, Cycle(batches, batches.size()));
  results.Add("fire.schedule_per_s", filled.per_s(), "/s");
  if (UnixNanos() > due) {
    throw std::runtime_error("scheduled too slowly: the first came due before the last was made");
  }
  Worker worker(timerd.address(), "work");
  worker.WaitUntilSettled(1, static_cast<double>(lead_s) + 10);
  if (worker.WaitUntilSettled(timers, 120) < timers) {
    throw std::runtime_error("not all are settled after two minutes");
  }
  results.Add("fire.timers", static_cast<double>(timers), "");
  results.Add("fire.delivered_per_s",
              static_cast<double>(timers) * 1e9 / static_cast<double>(UnixNanos() - due), "/s");
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) {
  return timerd::bench::RunProgram(argc, argv, timerd::bench::Measure);
}
