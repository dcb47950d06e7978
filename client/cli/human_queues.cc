#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/duration.h"
#include "client/cli/human.h"
#include "client/cli/layout.h"
#include "client/cli/names.h"
#include "client/cli/text.h"
#include "client/cli/time_text.h"

namespace timerd::cli {
namespace {

constexpr size_t kTablePayloadLimit = 30;

std::string CountOrNothing(uint64_t count) { return count == 0 ? "" : absl::StrCat(count); }

// What a policy says; empty where it leaves all to others.
std::string Retries(const v1::RetryPolicy& retry) {
  std::vector<std::string> parts;
  if (retry.max_attempts() > 0) {
    parts.push_back(absl::StrCat("at most ", Counted(retry.max_attempts(), "attempt")));
  }
  if (retry.has_initial_backoff()) {
    parts.push_back(absl::StrCat("the second after ", FormatDuration(retry.initial_backoff())));
  }
  if (retry.factor() > 0) {
    parts.push_back(absl::StrCat("each wait ", retry.factor(), " times the one before"));
  }
  if (retry.has_max_backoff()) {
    parts.push_back(absl::StrCat("no wait above ", FormatDuration(retry.max_backoff())));
  }
  return absl::StrJoin(parts, ", ");
}

std::string Pushes(const v1::Target& target) {
  std::string text = target.url();
  if (target.max_concurrent() > 0) {
    absl::StrAppend(&text, ", at most ", target.max_concurrent(), " at once");
  }
  if (target.max_per_second() > 0) {
    absl::StrAppend(&text, ", at most ", target.max_per_second(), " per second");
  }
  if (target.has_timeout()) {
    absl::StrAppend(&text, ", each to be answered within ", FormatDuration(target.timeout()));
  }
  return text;
}

void AddSettings(const v1::QueueSettings& settings, Facts* facts) {
  facts->Add("lease", settings.has_lease() ? FormatDuration(settings.lease()) : "");
  facts->Add("retries", Retries(settings.retry()));
  facts->Add("pushed to", settings.has_target() ? Pushes(settings.target()) : "");
  facts->Add("backlog", settings.max_backlog() > 0
                            ? absl::StrCat("at most ", settings.max_backlog(), " may wait")
                            : "");
  facts->Add("pending", settings.max_pending() > 0
                            ? absl::StrCat("at most ", settings.max_pending(), " not due yet")
                            : "");
  facts->Add("rate", settings.max_rate() > 0
                         ? absl::StrCat("at most ", settings.max_rate(), " new per second")
                         : "");
}

std::string NameOf(const v1::Queue::Worker& worker) {
  return worker.name().empty() ? worker.peer() : absl::StrCat(worker.name(), " ", worker.peer());
}

}  // namespace

void HumanText::AddDelivery(const v1::Delivery& delivery, const google::protobuf::Timestamp& now,
                            Facts* facts) const {
  std::string stage;
  switch (delivery.stage()) {
    case v1::Delivery::STAGE_WAITING:
      stage = ", waiting for a worker";
      break;
    case v1::Delivery::STAGE_LEASED:
      stage = absl::StrCat(", with a worker until ", When(delivery.until(), now));
      break;
    case v1::Delivery::STAGE_BACKOFF:
      stage = absl::StrCat(", tried again ", When(delivery.until(), now));
      break;
    default:
      break;
  }
  facts->Add("queue", absl::StrCat(delivery.queue(), stage));
  facts->Add("attempts", CountOrNothing(delivery.attempts()));
  facts->Add("lease", delivery.has_lease() ? FormatDuration(delivery.lease()) : "");
  facts->Add("retries", Retries(delivery.retry()));
}

std::string HumanText::Queue(const v1::GetQueueResponse& reply) const {
  const v1::Queue& queue = reply.queue();
  Facts facts;
  facts.Add("queue", queue.name());
  facts.Add("namespace", queue.namespace_());
  facts.Add("state", queue.paused() ? "paused" : "delivering");
  facts.Add("waiting",
            absl::StrCat(queue.depth(),
                         queue.has_oldest()
                             ? absl::StrCat(", the oldest due ", When(queue.oldest(), reply.now()))
                             : ""));
  facts.Add("leased", absl::StrCat(queue.in_flight()));
  facts.Add("scheduled", absl::StrCat(queue.scheduled()));
  facts.Add("dead", absl::StrCat(queue.dead_letters()));
  for (const v1::Queue::Worker& worker : queue.workers()) {
    facts.Add("workers",
              absl::StrCat(NameOf(worker), ", has ", worker.in_flight(), " of ", worker.credit(),
                           ", here since ", When(worker.since(), reply.now())));
  }
  AddSettings(queue.settings(), &facts);
  return facts.Aligned();
}

std::string HumanText::QueueTable(const std::vector<v1::Queue>& queues,
                                  const google::protobuf::Timestamp& now) const {
  Column name{"QUEUE"}, state{"STATE"}, waiting{"WAITING", {}, true}, oldest{"OLDEST"},
      leased{"LEASED", {}, true}, scheduled{"SCHEDULED", {}, true}, dead{"DEAD", {}, true},
      workers{"WORKERS", {}, true}, pushed{"PUSHED TO"};
  for (const v1::Queue& queue : queues) {
    name.cells.push_back(queue.name());
    state.cells.push_back(queue.paused() ? "paused" : "");
    waiting.cells.push_back(absl::StrCat(queue.depth()));
    oldest.cells.push_back(queue.has_oldest() ? Relative(queue.oldest(), now) : "");
    leased.cells.push_back(absl::StrCat(queue.in_flight()));
    scheduled.cells.push_back(absl::StrCat(queue.scheduled()));
    dead.cells.push_back(CountOrNothing(queue.dead_letters()));
    workers.cells.push_back(absl::StrCat(queue.worker_count()));
    pushed.cells.push_back(queue.settings().target().url());
  }
  return Aligned({&name, &state, &waiting, &oldest, &leased, &scheduled, &dead, &workers, &pushed},
                 queues.size());
}

std::string HumanText::Configured(const v1::ConfigureQueueRequest& request) const {
  Facts facts;
  AddSettings(request.settings(), &facts);
  const std::string set = facts.Aligned();
  return set.empty() ? absl::StrCat(request.queue(), " goes by the server's defaults\n")
                     : absl::StrCat(request.queue(), " is configured, all else by default:\n", set);
}

std::string HumanText::DeadLetterTable(const std::vector<v1::DeadLetter>& letters) const {
  Column letter{"LETTER"}, id{"ID"}, kind{"KIND"}, run{"RUN", {}, true},
      attempts{"ATTEMPTS", {}, true}, failed{"FAILED"}, failure{"FAILURE"}, payload{"PAYLOAD"};
  for (const v1::DeadLetter& dead : letters) {
    letter.cells.push_back(dead.letter());
    id.cells.push_back(dead.id());
    kind.cells.push_back(KindName(dead.kind()));
    run.cells.push_back(absl::StrCat(dead.run()));
    attempts.cells.push_back(absl::StrCat(dead.attempts()));
    failed.cells.push_back(LocalTime(dead.failed(), zone_));
    failure.cells.push_back(dead.lapsed() ? "lease lapsed"
                            : dead.failure().empty()
                                ? ""
                                : PayloadText(dead.failure(), kTablePayloadLimit));
    payload.cells.push_back(
        dead.payload().empty() ? "" : PayloadText(dead.payload(), kTablePayloadLimit));
  }
  return Aligned({&letter, &id, &kind, &run, &attempts, &failed, &failure, &payload},
                 letters.size());
}

std::string HumanText::Replayed(const v1::ReplayDeadLettersRequest& request,
                                const v1::ReplayDeadLettersResponse& reply) const {
  if (!reply.id().empty()) {
    return absl::StrCat(request.letter(), " is due again in ", request.queue(), " as timer ",
                        reply.id(), "\n");
  }
  return absl::StrCat(Counted(reply.replayed(), "dead letter"), " due again in ", request.queue(),
                      "\n");
}

}  // namespace timerd::cli
