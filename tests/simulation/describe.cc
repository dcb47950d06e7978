#include "tests/simulation/describe.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/status.h"
#include "tests/support/test_time.h"

namespace timerd::simulation {
namespace {

std::string DescribeSpan(Span span) {
  return absl::StrFormat("%.9fs", static_cast<long double>(span.count()) / 1e9L);
}

std::string Describe(const std::optional<Instant>& instant) {
  return instant ? timerd::simulation::Describe(*instant) : "never";
}

std::string Describe(const std::optional<timer::EventType>& type) {
  return type ? std::string(timer::EventTypeName(*type)) : "no end";
}

std::string Describe(timer::Phase phase) {
  switch (phase) {
    case timer::Phase::kPending:
      return "pending";
    case timer::Phase::kRunning:
      return "running";
    case timer::Phase::kStopping:
      return "stopping";
    case timer::Phase::kEnded:
      return "ended";
    case timer::Phase::kPaused:
      return "paused";
  }
  return "";
}

std::string Describe(const timer::Event& event) {
  return absl::StrCat(timer::EventTypeName(event.type), " seq ", event.sequence, " at ",
                      timerd::simulation::Describe(event.time), " due ", Describe(event.deadline),
                      " run ", event.run, " count ", event.count,
                      event.timeout ? absl::StrCat(" timeout ", DescribeSpan(*event.timeout)) : "",
                      event.by_timeout ? " by time-out" : "", event.triggered ? " by hand" : "",
                      event.reason == timer::EndReason::kNone ? "" : " because ",
                      timer::EndReasonName(event.reason),
                      event.wall_deadline ? absl::StrCat(" for ", *event.wall_deadline) : "", " \"",
                      event.payload, "\"");
}

}  // namespace

std::string Describe(Instant instant) { return DescribeSpan(instant - testing::kStart); }

std::string Describe(const reactor::Notice& notice) {
  return absl::StrCat(notice.key, " ", Describe(notice.event), notice.end ? " end" : "",
                      notice.redelivery ? " redelivery" : "");
}

std::string Describe(const reactor::Opened& opened) {
  std::string text = absl::StrCat(opened.key, " opened at ", Describe(opened.now), " due ",
                                  Describe(opened.deadline), opened.existed ? " existed" : "",
                                  opened.ended ? " ended" : "");
  for (const reactor::Notice& notice : opened.retained) {
    absl::StrAppend(&text, " [", Describe(notice), "]");
  }
  return text;
}

std::string Describe(const reactor::Cancelled& cancelled) {
  return absl::StrCat("cancelled at ", Describe(cancelled.now));
}

std::string Describe(const reactor::Stopped& stopped) {
  return absl::StrCat("stopped at ", Describe(stopped.now), " ", Describe(stopped.phase));
}

std::string Describe(const reactor::Steered& steered) {
  return absl::StrCat("steered at ", Describe(steered.now), " ", Describe(steered.phase), " due ",
                      Describe(steered.deadline), " run ", steered.run);
}

std::string Describe(const reactor::Reported& reported) {
  return absl::StrCat("reported at ", Describe(reported.now),
                      reported.result.accepted ? " accepted, " : " not accepted, ",
                      Describe(reported.result.end), ", next ",
                      Describe(reported.result.next_deadline));
}

std::string Describe(const reactor::Moved& moved) {
  return absl::StrCat("moved at ", Describe(moved.now), " from ",
                      Describe(moved.result.old_deadline), " to ", Describe(moved.result.deadline));
}

std::string Describe(const timer::Handle& handle, Span wall_ahead) {
  std::string text =
      absl::StrCat(timer::Describe(handle), " ", Describe(handle.phase), " due ",
                   handle.due ? Describe(handle.due->ServiceTime(wall_ahead)) : "never", " run ",
                   handle.run, " payload \"", handle.spec.payload, "\"");
  for (const timer::Timeout& timeout : handle.timeouts) {
    absl::StrAppend(&text, " time-out ", Describe(timeout.due.ServiceTime(wall_ahead)),
                    timeout.own ? " own" : "");
  }
  if (handle.last_firing) {
    absl::StrAppend(&text, " [", Describe(*handle.last_firing), "]");
  }
  if (handle.end) {
    absl::StrAppend(&text, " end [", Describe(*handle.end), "]");
  }
  return text;
}

std::string Describe(const reactor::Got& got) {
  return absl::StrCat("got at ", Describe(got.now), " ",
                      simulation::Describe(got.handle, got.wall_ahead));
}

std::string DescribeRefusal(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  return absl::StrCat("refused ", reason.empty() ? status.ToString() : reason, " ",
                      DetailOf(status));
}

}  // namespace timerd::simulation
