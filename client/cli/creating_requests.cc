// Requests that make a handle.
#include <cstdint>
#include <limits>
#include <utility>

#include "client/cli/delivery_flags.h"
#include "client/cli/flag_reader.h"
#include "client/cli/requests.h"

namespace timerd::cli {
namespace {

using Sign = FlagReader::Sign;

// Of missed ticks, as the API says.
constexpr uint64_t kMaxMadeUp = 10'000;

// The flags that all of them have.
template <typename Request>
void ReadCreation(FlagReader& reader, Request* request) {
  request->set_id(reader.OptionalText("id", "ID"));
  request->set_replace(reader.Has("replace"));
  request->set_idempotency_key(reader.OptionalText("key", "KEY"));
  if (reader.Has("client-lost-after")) {
    reader.Read("client-lost-after", Sign::kNotNegative, request->mutable_client_lost_after());
  }
  request->set_detached(reader.Has("detach"));
}

// Of those whose runs a queue can deliver.
template <typename Request>
void ReadQueue(FlagReader& reader, Request* request) {
  request->set_queue(reader.OptionalText("queue", "QUEUE"));
  ReadDelivery(reader, request);
}

void ReadTimes(FlagReader& reader, v1::StartLoopRequest* request) {
  reader.ExactlyOne({"every", "cron"}, "--every=1s");
  if (reader.Has("every")) {
    reader.Read("every", Sign::kNotNegative, request->mutable_interval());
  }
  if (reader.Has("cron")) {
    request->mutable_cron()->set_expression(reader.OptionalText("cron", "\"0 9 * * MON-FRI\""));
  }
  if (reader.Has("zone")) {
    // There is nowhere to send it without --cron.
    if (!reader.Has("cron")) {
      reader.Fail("--zone is for --cron; an interval has no time zone, leave it out");
    }
    request->mutable_cron()->set_time_zone(reader.OptionalText("zone", "Europe/Berlin"));
  }
}

void ReadMissedTicks(FlagReader& reader, v1::StartLoopRequest* request) {
  if (reader.Has("missed")) {
    request->mutable_missed_ticks()->set_policy(static_cast<v1::MissedTicks::Policy>(
        1 + reader.Choice("missed", {"skip", "run-once", "run-all"})));
  }
  if (reader.Has("missed-max")) {
    request->mutable_missed_ticks()->set_max_runs(
        static_cast<uint32_t>(reader.Number("missed-max", 1, kMaxMadeUp)));
  }
  if (reader.Has("missed-window")) {
    reader.Read("missed-window", Sign::kNotNegative,
                request->mutable_missed_ticks()->mutable_window());
  }
}

void ReadBounds(FlagReader& reader, v1::StartLoopRequest* request) {
  if (reader.Has("max-runs")) {
    request->set_max_runs(reader.Number("max-runs", 1, std::numeric_limits<uint64_t>::max()));
  }
  if (reader.Has("until")) {
    reader.Read("until", request->mutable_until());
  }
}

}  // namespace

absl::StatusOr<v1::ScheduleRequest> MakeScheduleRequest(const Arguments& arguments) {
  FlagReader reader(arguments);
  v1::ScheduleRequest request;
  reader.ExactlyOne({"in", "at"}, "--in=5m");
  if (reader.Has("in")) {
    reader.Read("in", Sign::kNotNegative, request.mutable_delay());
  }
  if (reader.Has("at")) {
    reader.Read("at", request.mutable_at());
  }
  request.set_reported(reader.Has("reported"));
  reader.Payload(request.mutable_payload());
  ReadQueue(reader, &request);
  ReadCreation(reader, &request);
  return reader.Finish(std::move(request));
}

absl::StatusOr<v1::StartLoopRequest> MakeStartLoopRequest(const Arguments& arguments) {
  FlagReader reader(arguments);
  v1::StartLoopRequest request;
  ReadTimes(reader, &request);
  request.set_start_now(reader.Has("now"));
  request.set_plain(reader.Has("plain"));
  if (reader.Has("fixed-delay")) {
    request.set_pacing(v1::PACING_FIXED_DELAY);
  }
  ReadMissedTicks(reader, &request);
  ReadBounds(reader, &request);
  if (reader.Has("jitter")) {
    reader.Read("jitter", Sign::kNotNegative, request.mutable_jitter());
  }
  reader.Payload(request.mutable_payload());
  ReadQueue(reader, &request);
  ReadCreation(reader, &request);
  return reader.Finish(std::move(request));
}

absl::StatusOr<v1::WithTimeoutRequest> MakeWithTimeoutRequest(const Arguments& arguments) {
  FlagReader reader(arguments);
  v1::WithTimeoutRequest request;
  reader.Require("in", "30s");
  if (reader.Has("in")) {
    reader.Read("in", Sign::kNotNegative, request.mutable_timeout());
  }
  reader.AtMostOne({"target", "id"});
  request.set_target_id(reader.OptionalText("target", "ID"));
  reader.AtMostOne({"fallback", "fallback-failure"});
  if (reader.Has("fallback") || reader.Has("fallback-failure")) {
    reader.Outcome("fallback", "fallback-failure", request.mutable_fallback());
  }
  ReadCreation(reader, &request);
  return reader.Finish(std::move(request));
}

}  // namespace timerd::cli
