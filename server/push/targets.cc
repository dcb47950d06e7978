#include "server/push/targets.h"

#include <google/protobuf/util/time_util.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status.h"
#include "server/clock/clock.h"
#include "server/push/http_sender.h"

namespace timerd::push {
namespace {

using google::protobuf::util::TimeUtil;

constexpr uint32_t kMostConcurrent = 1000;
constexpr double kMostPerSecond = 1e6;
constexpr Span kLeastTimeout = std::chrono::seconds(1);
constexpr Span kMostTimeout = std::chrono::hours(1);

absl::Status OutOfRange(absl::string_view target, absl::string_view field, absl::string_view value,
                        absl::string_view rule) {
  const std::string name = absl::StrCat(target, ".", field);
  return Refuse(Reason::kInvalidField,
                absl::StrCat(name, ": ", value, " is out of range; use ", rule), name);
}

int64_t UnixSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(Span(clock::RealClock::UnixNow()))
      .count();
}

}  // namespace

Targets::Targets(TargetsOptions options)
    : options_(std::move(options)), http_client_(options_.max_answer_bytes) {}

Targets::~Targets() = default;

absl::StatusOr<TargetSettings> Targets::Check(const v1::Target& target,
                                              absl::string_view field) const {
  TargetSettings settings;
  TIMERD_ASSIGN_OR_RETURN(settings.url,
                          options_.allow.Check(target.url(), absl::StrCat(field, ".url")));
  if (target.max_concurrent() > kMostConcurrent) {
    return OutOfRange(field, "max_concurrent", absl::StrCat(target.max_concurrent()),
                      absl::StrCat("1 to ", kMostConcurrent));
  }
  if (target.max_concurrent() != 0) {
    settings.max_concurrent = target.max_concurrent();
  }
  // Written so that it is false for what is no number.
  if (!(target.max_per_second() >= 0 && target.max_per_second() <= kMostPerSecond)) {
    return OutOfRange(field, "max_per_second", absl::StrCat(target.max_per_second()),
                      "0 (no limit) to 1,000,000");
  }
  settings.max_per_second = target.max_per_second();
  if (target.has_timeout()) {
    // In seconds first: nanoseconds could overflow.
    const bool near = target.timeout().seconds() >= 0 && target.timeout().seconds() <= 3600;
    settings.timeout =
        near ? Span(TimeUtil::DurationToNanoseconds(target.timeout())) : Span::zero();
    if (settings.timeout < kLeastTimeout || settings.timeout > kMostTimeout) {
      return OutOfRange(field, "timeout", absl::StrCat(target.timeout().seconds(), " s"),
                        "1 s to 1 h");
    }
  }
  return settings;
}

std::shared_ptr<PushWorker> Targets::NewWorker(const std::string& queue,
                                               const TargetSettings& target,
                                               PushWorker::Settle settle, PushWorker::Free free) {
  std::shared_ptr<Sender> sender;
  if (target.url.scheme == "grpc") {
    sender = std::make_shared<GrpcSender>(grpc_calls_, target.url, target.timeout,
                                          options_.max_answer_bytes, TIMERD_VERSION);
  } else {
    sender =
        std::make_shared<HttpSender>(http_client_, target.url, target.timeout,
                                     HttpSenderOptions{.version = TIMERD_VERSION,
                                                       .secret = options_.secret,
                                                       .max_retry_after = options_.max_retry_after,
                                                       .unix_seconds = &UnixSeconds});
  }
  return std::make_shared<PushWorker>(PushWorkerOptions{.queue = queue,
                                                        .max_concurrent = target.max_concurrent,
                                                        .max_per_second = target.max_per_second,
                                                        .timeout = target.timeout},
                                      std::move(sender), alarms_, std::move(settle),
                                      std::move(free));
}

}  // namespace timerd::push
