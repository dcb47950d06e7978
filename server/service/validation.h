// What the API accepts: requests checked field by field and turned into commands. Every refusal
// names the thing, the value, the rule and the way out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/instant.h"
#include "server/delivery/work_queue.h"
#include "server/reactor/command.h"
#include "server/timer/handle.h"
#include "timerd/v1/queues.pb.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::service {

struct RequestLimits {
  size_t max_id_bytes = 256;
  size_t max_payload_bytes = 64 << 10;
  size_t max_request_bytes = 1 << 20;
  Span max_delay = std::chrono::hours(24 * 365 * 100);
};

// Stateless but for its limits; any thread.
class Validator {
 public:
  explicit Validator(const RequestLimits& limits) : limits_(limits) {}

  // The request as a whole is not too large.
  absl::Status CheckSize(const google::protobuf::Message& request) const;
  // `id`, the value of `field`, is a good id. An empty one is refused.
  absl::Status CheckId(absl::string_view field, absl::string_view id) const;

  // The namespace that a request means: "default" when it is empty.
  static absl::StatusOr<std::string> ToNamespace(absl::string_view name);

  // `name`, the value of `field`, is a name as namespaces and queues have. An empty one is refused.
  static absl::Status CheckName(absl::string_view field, absl::string_view name);

  // What a worker says of a run, and what a queue is told to do.
  absl::StatusOr<timer::Verdict> ToVerdict(const v1::Settlement& settlement) const;
  absl::StatusOr<delivery::QueueSettings> ToSettings(absl::string_view subject,
                                                     const v1::QueueSettings& settings) const;
  absl::Status CheckCredit(uint32_t credit, uint32_t max_credit) const;

  // What to create.
  absl::StatusOr<timer::Spec> ToSpec(const v1::ScheduleRequest& request) const;
  absl::StatusOr<timer::Spec> ToSpec(const v1::StartLoopRequest& request) const;
  absl::StatusOr<timer::Spec> ToSpec(const v1::WithTimeoutRequest& request) const;

  absl::StatusOr<timer::Move> ToMove(const v1::RescheduleRequest& request) const;
  // The outcome of a Report. Also checks the run.
  absl::StatusOr<timer::Outcome> ToOutcome(const v1::ReportRequest& request) const;
  absl::StatusOr<Span> ToInterval(const v1::ChangeIntervalRequest& request) const;
  absl::StatusOr<decltype(reactor::Advance::way)> ToWay(const v1::AdvanceRequest& request) const;

 private:
  // `subject` is what messages begin with: the call and the id.
  absl::StatusOr<Span> ToSpan(absl::string_view subject, absl::string_view field,
                              const google::protobuf::Duration& value, bool may_be_negative) const;
  // Times before 1970 are all equally past. Those past 2262, which 64 bits of nanoseconds cannot
  // hold, come out as the last that they can: further ahead than --max-delay in any case.
  static absl::StatusOr<int64_t> ToUnixNanos(absl::string_view subject, absl::string_view field,
                                             const google::protobuf::Timestamp& value);
  // An interval: 0, or a tick or more.
  absl::StatusOr<Span> ToInterval(absl::string_view subject,
                                  const google::protobuf::Duration& value) const;
  absl::StatusOr<timer::LoopPolicy> ToLoopPolicy(absl::string_view subject,
                                                 const v1::StartLoopRequest& request,
                                                 Span interval) const;
  absl::StatusOr<timer::MissedTicks> ToMissedTicks(absl::string_view subject,
                                                   const v1::MissedTicks& missed) const;
  // What contradicts what.
  static absl::Status CheckTogether(absl::string_view subject, const v1::StartLoopRequest& request,
                                    Span interval, const timer::LoopPolicy& policy);
  // What creating requests have in common.
  template <typename Request>
  absl::Status TakeCommon(absl::string_view subject, const Request& request,
                          timer::Spec& spec) const;
  // The queue that a creating request names, and its policy there.
  template <typename Request>
  absl::Status TakeDelivery(absl::string_view subject, const Request& request,
                            timer::Spec& spec) const;
  // A duration of `least` to `most`.
  absl::StatusOr<Span> ToSpanWithin(absl::string_view subject, absl::string_view field,
                                    const google::protobuf::Duration& value, Span least,
                                    Span most) const;
  absl::StatusOr<timer::RetryPolicy> ToRetry(absl::string_view subject,
                                             const v1::RetryPolicy& retry) const;
  absl::Status CheckPayload(absl::string_view subject, absl::string_view field,
                            absl::string_view payload) const;
  absl::StatusOr<timer::Outcome> ToOutcome(absl::string_view subject, absl::string_view field,
                                           const v1::Outcome& outcome) const;

  const RequestLimits limits_;
};

}  // namespace timerd::service
