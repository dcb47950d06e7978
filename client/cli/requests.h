// From the words of a command line to the requests of timers.proto and queues.proto.
//
// Errors are what main prints behind "timerctl VERB: "; they name the flag, the value, the rule and
// the way out. What the server judges (the length of ids, the longest delay, which policies of a
// loop go together) is left to it. The namespace is the session's.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/flag_reader.h"
#include "client/cli/flags.h"
#include "client/cli/pages.h"
#include "client/cli/work_options.h"
#include "timerd/v1/queues.pb.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::cli {

absl::StatusOr<v1::ScheduleRequest> MakeScheduleRequest(const Arguments& arguments);
absl::StatusOr<v1::StartLoopRequest> MakeStartLoopRequest(const Arguments& arguments);
absl::StatusOr<v1::WithTimeoutRequest> MakeWithTimeoutRequest(const Arguments& arguments);
absl::StatusOr<v1::WatchRequest> MakeWatchRequest(const Arguments& arguments);
absl::StatusOr<v1::ReportRequest> MakeReportRequest(const Arguments& arguments);
absl::StatusOr<v1::RescheduleRequest> MakeRescheduleRequest(const Arguments& arguments);
absl::StatusOr<v1::ChangeIntervalRequest> MakeChangeIntervalRequest(const Arguments& arguments);
absl::StatusOr<v1::AdvanceRequest> MakeAdvanceRequest(const Arguments& arguments);

absl::StatusOr<WorkOptions> MakeWorkOptions(const Arguments& arguments);
absl::StatusOr<v1::ConfigureQueueRequest> MakeConfigureQueueRequest(const Arguments& arguments);
// Request: v1::ReplayDeadLettersRequest or v1::PurgeDeadLettersRequest.
template <typename Request>
absl::StatusOr<Request> MakeDeadLettersRequest(const Arguments& arguments);

absl::StatusOr<Listing<v1::ListRequest>> MakeListing(const Arguments& arguments);
absl::StatusOr<Listing<v1::ListQueuesRequest>> MakeQueueListing(const Arguments& arguments);
absl::StatusOr<Listing<v1::ListDeadLettersRequest>> MakeDeadLetterListing(
    const Arguments& arguments);

// The global --timeout.
absl::StatusOr<absl::Duration> AnswerTimeout(const Arguments& arguments);

}  // namespace timerd::cli
