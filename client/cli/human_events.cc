#include "absl/strings/str_cat.h"
#include "client/cli/duration.h"
#include "client/cli/human.h"
#include "client/cli/names.h"
#include "client/cli/text.h"
#include "client/cli/time_text.h"

namespace timerd::cli {
namespace {

constexpr size_t kEventPayloadLimit = 60;
constexpr size_t kTypeWidth = 9;
// Of a feed; one id that is longer moves what is behind it.
constexpr size_t kFeedIdWidth = 20;

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
  const std::string facts = FactsOf(event);
  return absl::StrCat(
      Padded(absl::StrCat("#", event.sequence()), 4), "  ", LocalTime(event.time(), zone_), "  ",
      Type(EventName(event.type()), MoodOf(event.type()), facts.empty()), facts, "\n");
}

std::string HumanText::FeedEvent(const v1::Event& event) const {
  const std::string facts = FactsOf(event);
  return absl::StrCat(LocalTime(event.time(), zone_), "  ",
                      Type(EventName(event.type()), MoodOf(event.type())), "  ",
                      facts.empty() ? event.id() : Padded(event.id(), kFeedIdWidth), facts, "\n");
}

std::string HumanText::FeedBegun(const v1::WatchRequest& request,
                                 const v1::Acknowledgement& begun) const {
  const std::string of = !request.id_prefix().empty()
                             ? absl::StrCat("ids that begin with ", request.id_prefix())
                         : !request.queue().empty() ? absl::StrCat("queue ", request.queue())
                                                    : std::string("everything");
  const std::string from = !request.cursor().empty() ? std::string("from the cursor on")
                           : request.from_oldest()
                               ? std::string("from the oldest event on")
                               : absl::StrCat("from ", LocalTime(begun.now(), zone_), " on");
  return absl::StrCat("watching ", of, " ", from, "\n");
}

std::string HumanText::Missing(const v1::Gap& gap) const {
  return absl::StrCat(Counted(gap.missing(), "event"), " of the namespace ",
                      gap.missing() == 1 ? "is" : "are", " not kept any more",
                      gap.has_oldest()
                          ? absl::StrCat("; the oldest there is ", LocalTime(gap.oldest(), zone_))
                          : "",
                      "\n");
}

HumanText::Mood HumanText::MoodOf(v1::Event::Type type) {
  switch (type) {
    case v1::Event::TYPE_FAILED:
    case v1::Event::TYPE_TIMED_OUT:
      return Mood::kBad;
    case v1::Event::TYPE_CANCELLED:
      return Mood::kUnwanted;
    default:
      return Mood::kGood;
  }
}

std::string HumanText::Type(absl::string_view name, Mood mood, bool last) const {
  std::string type = Padded(name, last ? 0 : kTypeWidth);
  if (!colour_ || mood == Mood::kNone) {
    return type;
  }
  const absl::string_view colour = mood == Mood::kBad        ? "\033[31m"
                                   : mood == Mood::kUnwanted ? "\033[33m"
                                                             : "\033[32m";
  return absl::StrCat(colour, type, "\033[0m");
}

std::string HumanText::FactsOf(const v1::Event& event) const {
  std::string facts;
  if (event.run() > 0) {
    absl::StrAppend(&facts, "  run ", event.run());
  }
  // One is what is expected.
  if (event.attempts() > 1) {
    absl::StrAppend(&facts, "  after ", event.attempts(), " attempts");
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
  return facts;
}

}  // namespace timerd::cli
