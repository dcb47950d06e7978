#include "tests/simulation/queue_describe.h"

#include "absl/strings/str_cat.h"

namespace timerd::simulation {
namespace {

std::string Describe(const std::optional<Instant>& instant) {
  return instant ? simulation::Describe(*instant) : "never";
}

std::string Describe(const std::optional<timer::EventType>& end) {
  return end ? std::string(timer::EventTypeName(*end)) : "no end";
}

}  // namespace

std::string Describe(const reactor::Occurrence& occurrence) {
  return absl::StrCat("occurrence of ", occurrence.key, " kind ", static_cast<int>(occurrence.kind),
                      " generation ", occurrence.generation, " run ", occurrence.run, " attempt ",
                      occurrence.attempt, " due ", Describe(occurrence.deadline), " at ",
                      Describe(occurrence.time), " until ", Describe(occurrence.lease_end),
                      " count ", occurrence.count, " \"", occurrence.payload, "\"",
                      occurrence.last_attempt ? " for the last time" : "");
}

std::string Describe(const reactor::Settled& settled) {
  return absl::StrCat("settled at ", Describe(settled.now), " lease ends ",
                      Describe(settled.result.lease_end), " next attempt ",
                      Describe(settled.result.next_attempt), " ", Describe(settled.end));
}

std::string DescribeQueued(const QueueModel::Sight& sight) {
  return absl::StrCat("phase ", static_cast<int>(sight.phase), " stage ",
                      static_cast<int>(sight.stage), " generation ", sight.generation, " run ",
                      sight.run, " attempts ", sight.attempts, " due ", Describe(sight.deadline),
                      " ", Describe(sight.end), " ", timer::EndReasonName(sight.reason), " \"",
                      sight.payload, "\"");
}

std::string DescribeQueued(const timer::Handle& handle) {
  QueueModel::Sight sight{.phase = handle.phase,
                          .stage = timer::StageOf(handle),
                          .generation = handle.generation,
                          .run = handle.run,
                          .attempts = handle.delivery.attempts};
  if (handle.delivery.due) {
    sight.deadline = handle.delivery.due->at;
  } else if (handle.due) {
    sight.deadline = handle.due->at;
  }
  if (handle.end) {
    sight.end = handle.end->type;
    sight.attempts = handle.end->attempts;
    sight.reason = handle.end->reason;
    sight.payload = handle.end->payload;
  }
  return DescribeQueued(sight);
}

std::string DescribeQueued(const QueueModel::Letter& letter) {
  return absl::StrCat("of ", letter.key, " generation ", letter.generation, " run ", letter.run,
                      " attempts ", letter.attempts, " due ", Describe(letter.deadline), " failed ",
                      Describe(letter.failed), " \"", letter.spec.payload, "\" \"", letter.failure,
                      "\"", letter.lapsed ? " lapsed" : "");
}

std::string DescribeQueued(const reactor::Letter& letter) {
  QueueModel::Letter same{.key = letter.letter.key(),
                          .spec = letter.spec,
                          .generation = letter.generation,
                          .run = letter.letter.run(),
                          .attempts = letter.letter.attempts(),
                          .failed = letter.key.deadline,
                          .failure = letter.letter.failure(),
                          .lapsed = letter.letter.lapsed()};
  if (letter.letter.has_deadline_ns()) {
    same.deadline = InstantFromNanos(letter.letter.deadline_ns());
  }
  return DescribeQueued(same);
}

}  // namespace timerd::simulation
