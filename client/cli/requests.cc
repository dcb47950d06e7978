#include "client/cli/requests.h"

#include <limits>
#include <utility>

#include "client/cli/flag_reader.h"

namespace timerd::cli {
namespace {

using Sign = FlagReader::Sign;

}  // namespace

absl::StatusOr<v1::WatchRequest> MakeWatchRequest(const Arguments& arguments) {
  FlagReader reader(arguments);
  v1::WatchRequest request;
  request.set_id(arguments.operand());
  reader.AtMostOne({"prefix", "queue", "all"});
  const bool is_feed = reader.Has("prefix") || reader.Has("queue") || reader.Has("all");
  if (is_feed && !request.id().empty()) {
    reader.Fail("an ID is there, and a flag for many handles too; leave out one of them");
  } else if (!is_feed && request.id().empty()) {
    reader.Fail(
        "no ID; write `timerctl watch ID`, or --prefix=TEXT, --queue=QUEUE or --all for many "
        "handles");
  }
  if (!is_feed && (reader.Has("cursor") || reader.Has("from-oldest"))) {
    reader.Fail(
        "--cursor and --from-oldest are for --prefix, --queue and --all; one handle goes on "
        "behind --after=N");
  }
  reader.AtMostOne({"cursor", "from-oldest"});
  if (is_feed && reader.Has("after")) {
    reader.Fail("--after is for one handle; many go on behind --cursor=CURSOR");
  }
  if (reader.Has("after")) {
    request.set_after_sequence(reader.Number("after", 0, std::numeric_limits<uint64_t>::max()));
  }
  request.set_id_prefix(reader.OptionalText("prefix", "TEXT"));
  request.set_queue(reader.OptionalText("queue", "QUEUE"));
  request.set_everything(reader.Has("all"));
  request.set_cursor(reader.OptionalText("cursor", "CURSOR"));
  request.set_from_oldest(reader.Has("from-oldest"));
  return reader.Finish(std::move(request));
}

absl::StatusOr<v1::ReportRequest> MakeReportRequest(const Arguments& arguments) {
  FlagReader reader(arguments);
  v1::ReportRequest request;
  request.set_id(arguments.operand());
  reader.Require("run", "1");
  if (reader.Has("run")) {
    request.set_run(reader.Number("run", 1, std::numeric_limits<uint64_t>::max()));
  }
  reader.ExactlyOne({"success", "failure"}, "--success");
  reader.Outcome("success", "failure", request.mutable_outcome());
  return reader.Finish(std::move(request));
}

absl::StatusOr<v1::RescheduleRequest> MakeRescheduleRequest(const Arguments& arguments) {
  FlagReader reader(arguments);
  v1::RescheduleRequest request;
  request.set_id(arguments.operand());
  reader.ExactlyOne({"in", "by", "at"}, "--in=5m");
  if (reader.Has("in")) {
    reader.Read("in", Sign::kNotNegative, request.mutable_from_now());
  }
  if (reader.Has("by")) {
    reader.Read("by", Sign::kAny, request.mutable_delay_by());
  }
  if (reader.Has("at")) {
    reader.Read("at", request.mutable_at());
  }
  return reader.Finish(std::move(request));
}

absl::StatusOr<v1::ChangeIntervalRequest> MakeChangeIntervalRequest(const Arguments& arguments) {
  FlagReader reader(arguments);
  v1::ChangeIntervalRequest request;
  request.set_id(arguments.operand());
  reader.Require("every", "5s");
  if (reader.Has("every")) {
    reader.Read("every", Sign::kNotNegative, request.mutable_interval());
  }
  return reader.Finish(std::move(request));
}

absl::StatusOr<v1::AdvanceRequest> MakeAdvanceRequest(const Arguments& arguments) {
  FlagReader reader(arguments);
  v1::AdvanceRequest request;
  reader.Require("by", "5m");
  if (reader.Has("by")) {
    reader.Read("by", Sign::kNotNegative, request.mutable_by());
  }
  request.set_jump(reader.Has("jump"));
  if (reader.Has("limit")) {
    request.set_limit(reader.Number("limit", 1, std::numeric_limits<uint64_t>::max()));
  }
  return reader.Finish(std::move(request));
}

absl::StatusOr<Listing<v1::ListRequest>> MakeListing(const Arguments& arguments) {
  FlagReader reader(arguments);
  v1::ListRequest request;
  if (reader.Has("state")) {
    request.set_state(static_cast<v1::State>(
        1 + reader.Choice("state", {"pending", "running", "stopping", "ended", "paused"})));
  }
  if (reader.Has("kind")) {
    request.set_kind(static_cast<v1::Kind>(1 + reader.Choice("kind", {"timer", "loop", "task"})));
  }
  if (reader.Has("prefix")) {
    request.set_id_prefix(reader.Text("prefix"));
  }
  return reader.Finish(WithLimit(reader, std::move(request)));
}

absl::StatusOr<absl::Duration> AnswerTimeout(const Arguments& arguments) {
  if (!arguments.Has("timeout")) {
    return absl::Seconds(10);
  }
  FlagReader reader(arguments);
  google::protobuf::Duration timeout;
  reader.Read("timeout", Sign::kPositive, &timeout);
  return reader.Finish(absl::Seconds(timeout.seconds()) + absl::Nanoseconds(timeout.nanos()));
}

}  // namespace timerd::cli
