// Replies and events as people like to read them: aligned, local times, and how long until or
// since.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::cli {

// Pure: what is relative is relative to the server's `now` or to a deadline, never to a clock of
// this machine. Results end in a newline.
class HumanText {
 public:
  HumanText(absl::TimeZone zone, bool colour) : zone_(zone), colour_(colour) {}

  // `subject` names the handle ("timer standup"), `deadline_is` what its deadline means ("fires"),
  // `otherwise` is said when the request set none.
  std::string Acknowledged(absl::string_view subject, absl::string_view deadline_is,
                           absl::string_view otherwise,
                           const v1::Acknowledgement& acknowledgement) const;
  // Columns that stay aligned from one event to the next.
  std::string Event(const v1::Event& event) const;

  std::string Cancelled(absl::string_view id, const v1::CancelResponse& reply) const;
  std::string Stopped(absl::string_view id, const v1::StopLoopResponse& reply) const;
  std::string Reported(const v1::ReportRequest& request, const v1::ReportResponse& reply) const;
  std::string Rescheduled(absl::string_view id, const v1::RescheduleResponse& reply) const;
  std::string Handle(const v1::GetResponse& reply) const;
  // A table with the columns that hold something.
  std::string Table(const std::vector<v1::Handle>& handles,
                    const google::protobuf::Timestamp& now) const;

 private:
  // "2026-11-24 09:00:00.000 (in 4m 59s)"
  std::string When(const google::protobuf::Timestamp& time,
                   const google::protobuf::Timestamp& now) const;

  absl::TimeZone zone_;
  bool colour_;
};

}  // namespace timerd::cli
