#include "absl/strings/str_cat.h"
#include "client/cli/duration.h"
#include "client/cli/human.h"
#include "client/cli/names.h"
#include "client/cli/text.h"
#include "client/cli/time_text.h"

namespace timerd::cli {
namespace {

constexpr size_t kEventPayloadLimit = 60;

absl::string_view ColourOf(v1::Event::Type type) {
  switch (type) {
    case v1::Event::TYPE_FAILED:
    case v1::Event::TYPE_TIMED_OUT:
      return "\033[31m";
    case v1::Event::TYPE_CANCELLED:
      return "\033[33m";
    default:
      return "\033[32m";
  }
}

}  // namespace

std::string HumanText::Acknowledged(const Wording& wording,
                                    const v1::Acknowledgement& acknowledgement) const {
  std::string line =
      absl::StrCat(wording.kind, wording.kind.empty() ? "" : " ", acknowledgement.id());
  if (!acknowledgement.has_deadline()) {
    const absl::string_view otherwise = acknowledgement.existed() && !wording.if_existed.empty()
                                            ? wording.if_existed
                                            : wording.otherwise;
    absl::StrAppend(&line, otherwise.empty() ? "" : " ", otherwise);
  } else if (acknowledgement.existed()) {
    // `now` is then that of the first request, so "in 5m" would mislead.
    absl::StrAppend(&line, " ", wording.deadline_is, " ",
                    LocalTime(acknowledgement.deadline(), zone_), " (it was there before)");
  } else {
    absl::StrAppend(&line, " ", wording.deadline_is, " ",
                    When(acknowledgement.deadline(), acknowledgement.now()));
  }
  if (acknowledgement.generation() > 1) {
    absl::StrAppend(&line, ", generation ", acknowledgement.generation());
  }
  return absl::StrCat(line, "\n");
}

std::string HumanText::Event(const v1::Event& event) const {
  std::string facts;
  if (event.run() > 0) {
    absl::StrAppend(&facts, "  run ", event.run());
  }
  if (event.triggered()) {
    absl::StrAppend(&facts, "  triggered");
  }
  if (event.has_timeout()) {
    absl::StrAppend(&facts, event.by_timeout() ? "  by the fallback after " : "  after ",
                    FormatDuration(event.timeout()));
  }
  if (event.has_deadline()) {
    absl::StrAppend(&facts, "  ", Lateness(event.deadline(), event.time()));
  }
  if (event.has_wall_deadline()) {
    absl::StrAppend(&facts, "  for ", LocalTime(event.wall_deadline(), zone_));
  }
  if (event.missed() > 0) {
    absl::StrAppend(&facts, "  ", event.missed(), " missed");
  }
  if (!event.reason().empty()) {
    absl::StrAppend(&facts, "  ", ReasonName(event.reason()));
  }
  if (!event.payload().empty()) {
    absl::StrAppend(&facts, "  ", PayloadText(event.payload(), kEventPayloadLimit));
  }
  if (event.redelivery()) {
    absl::StrAppend(&facts, "  (redelivered)");
  }
  const std::string name = EventName(event.type());
  const std::string type = facts.empty() ? name : Padded(name, 9);
  return absl::StrCat(Padded(absl::StrCat("#", event.sequence()), 4), "  ",
                      LocalTime(event.time(), zone_), "  ", colour_ ? ColourOf(event.type()) : "",
                      type, colour_ ? "\033[0m" : "", facts, "\n");
}

}  // namespace timerd::cli
