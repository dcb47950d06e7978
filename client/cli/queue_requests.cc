// Requests about queues.
#include <cstdint>
#include <limits>
#include <utility>

#include "client/cli/delivery_flags.h"
#include "client/cli/flag_reader.h"
#include "client/cli/requests.h"

namespace timerd::cli {
namespace {

using Sign = FlagReader::Sign;

void ReadTarget(FlagReader& reader, v1::QueueSettings* settings) {
  if (reader.Has("push-to")) {
    settings->mutable_target()->set_url(reader.OptionalText("push-to", "URL"));
  } else if (reader.Has("push-concurrency") || reader.Has("push-rate") ||
             reader.Has("push-timeout")) {
    // There is nowhere to send them without --push-to.
    reader.Fail(
        "--push-concurrency, --push-rate and --push-timeout are for --push-to=URL; add it, or "
        "leave them out");
  }
  if (reader.Has("push-concurrency")) {
    settings->mutable_target()->set_max_concurrent(static_cast<uint32_t>(
        reader.Number("push-concurrency", 1, std::numeric_limits<uint32_t>::max())));
  }
  if (reader.Has("push-rate")) {
    settings->mutable_target()->set_max_per_second(reader.Real("push-rate", 0));
  }
  if (reader.Has("push-timeout")) {
    reader.Read("push-timeout", Sign::kPositive, settings->mutable_target()->mutable_timeout());
  }
}

}  // namespace

absl::StatusOr<WorkOptions> MakeWorkOptions(const Arguments& arguments) {
  FlagReader reader(arguments);
  WorkOptions options;
  options.queue = arguments.operand();
  if (reader.Has("credit")) {
    options.credit =
        static_cast<uint32_t>(reader.Number("credit", 1, std::numeric_limits<uint32_t>::max()));
  }
  options.name = reader.OptionalText("name", "NAME");
  if (reader.Has("count")) {
    options.count = reader.Number("count", 1, std::numeric_limits<uint64_t>::max());
  }
  options.command = arguments.command();
  return reader.Finish(std::move(options));
}

absl::StatusOr<v1::ConfigureQueueRequest> MakeConfigureQueueRequest(const Arguments& arguments) {
  FlagReader reader(arguments);
  v1::ConfigureQueueRequest request;
  request.set_queue(arguments.operand());
  v1::QueueSettings& settings = *request.mutable_settings();
  ReadDelivery(reader, &settings);
  ReadTarget(reader, &settings);
  if (reader.Has("max-backlog")) {
    settings.set_max_backlog(reader.Number("max-backlog", 1, std::numeric_limits<uint64_t>::max()));
  }
  if (reader.Has("max-pending")) {
    settings.set_max_pending(reader.Number("max-pending", 1, std::numeric_limits<uint64_t>::max()));
  }
  if (reader.Has("max-rate")) {
    settings.set_max_rate(
        static_cast<uint32_t>(reader.Number("max-rate", 1, std::numeric_limits<uint32_t>::max())));
  }
  // What is left out goes back to the default: leaving out all of it should be meant.
  const bool sets_nothing = settings.ByteSizeLong() == 0;
  if (sets_nothing && !reader.Has("defaults")) {
    reader.Fail(
        "no setting is there; write for example --lease=1m, or --defaults to go back to all of the "
        "server's");
  } else if (!sets_nothing && reader.Has("defaults")) {
    reader.Fail("--defaults takes all settings back, and one is there too; leave out one of them");
  }
  return reader.Finish(std::move(request));
}

absl::StatusOr<Listing<v1::ListQueuesRequest>> MakeQueueListing(const Arguments& arguments) {
  FlagReader reader(arguments);
  return reader.Finish(WithLimit(reader, v1::ListQueuesRequest()));
}

absl::StatusOr<Listing<v1::ListDeadLettersRequest>> MakeDeadLetterListing(
    const Arguments& arguments) {
  FlagReader reader(arguments);
  v1::ListDeadLettersRequest request;
  request.set_queue(arguments.operand());
  return reader.Finish(WithLimit(reader, std::move(request)));
}

template <typename Request>
absl::StatusOr<Request> MakeDeadLettersRequest(const Arguments& arguments) {
  FlagReader reader(arguments);
  Request request;
  request.set_queue(arguments.operand());
  request.set_letter(reader.OptionalText("letter", "LETTER"));
  return reader.Finish(std::move(request));
}

template absl::StatusOr<v1::ReplayDeadLettersRequest> MakeDeadLettersRequest(const Arguments&);
template absl::StatusOr<v1::PurgeDeadLettersRequest> MakeDeadLettersRequest(const Arguments&);

}  // namespace timerd::cli
