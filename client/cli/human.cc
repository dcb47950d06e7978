#include "client/cli/human.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/duration.h"
#include "client/cli/text.h"
#include "client/cli/time_text.h"

namespace timerd::cli {
namespace {

using google::protobuf::Timestamp;

constexpr size_t kEventPayloadLimit = 60;
constexpr size_t kTablePayloadLimit = 30;
constexpr size_t kHandlePayloadLimit = 2000;

// "TIMED_OUT" of END_TIMED_OUT.
std::string Upper(absl::string_view name, absl::string_view prefix) {
  name.remove_prefix(std::min(prefix.size(), name.size()));
  return std::string(name);
}

// "timed out"
std::string Lower(absl::string_view name, absl::string_view prefix) {
  return absl::AsciiStrToLower(absl::StrReplaceAll(Upper(name, prefix), {{"_", " "}}));
}

std::string EndName(v1::End end) { return Upper(v1::End_Name(end), "END_"); }

std::string KindName(v1::Kind kind) { return Lower(v1::Kind_Name(kind), "KIND_"); }

// How it stands, in a word or two: for what has ended, how.
std::string StateName(const v1::Handle& handle) {
  return handle.state() == v1::STATE_ENDED ? Lower(v1::End_Name(handle.end()), "END_")
                                           : Lower(v1::State_Name(handle.state()), "STATE_");
}

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

std::string Times(uint64_t number, absl::string_view noun) {
  return absl::StrCat(number, " ", noun, number == 1 ? "" : "s");
}

}  // namespace

std::string HumanText::When(const Timestamp& time, const Timestamp& now) const {
  return absl::StrCat(LocalTime(time, zone_), " (", Relative(time, now), ")");
}

std::string HumanText::Acknowledged(absl::string_view subject, absl::string_view deadline_is,
                                    absl::string_view otherwise,
                                    const v1::Acknowledgement& acknowledgement) const {
  std::string line(subject);
  if (!acknowledgement.has_deadline()) {
    absl::StrAppend(&line, otherwise.empty() ? "" : " ", otherwise);
  } else if (acknowledgement.existed()) {
    // `now` is then that of the first request, so "in 5m" would mislead.
    absl::StrAppend(&line, " ", deadline_is, " ", LocalTime(acknowledgement.deadline(), zone_),
                    " (it was there before)");
  } else {
    absl::StrAppend(&line, " ", deadline_is, " ",
                    When(acknowledgement.deadline(), acknowledgement.now()));
  }
  return absl::StrCat(line, "\n");
}

std::string HumanText::Event(const v1::Event& event) const {
  std::string facts;
  if (event.run() > 0) {
    absl::StrAppend(&facts, "  run ", event.run());
  }
  if (event.has_timeout()) {
    absl::StrAppend(&facts, event.by_timeout() ? "  by the fallback after " : "  after ",
                    FormatDuration(event.timeout()));
  }
  if (event.has_deadline()) {
    absl::StrAppend(&facts, "  ", Lateness(event.deadline(), event.time()));
  }
  if (event.missed() > 0) {
    absl::StrAppend(&facts, "  ", event.missed(), " missed");
  }
  if (!event.payload().empty()) {
    absl::StrAppend(&facts, "  ", PayloadText(event.payload(), kEventPayloadLimit));
  }
  if (event.redelivery()) {
    absl::StrAppend(&facts, "  (redelivered)");
  }
  const std::string name = Upper(v1::Event::Type_Name(event.type()), "TYPE_");
  const std::string type = facts.empty() ? name : Padded(name, 9);
  return absl::StrCat(Padded(absl::StrCat("#", event.sequence()), 4), "  ",
                      LocalTime(event.time(), zone_), "  ", colour_ ? ColourOf(event.type()) : "",
                      type, colour_ ? "\033[0m" : "", facts, "\n");
}

std::string HumanText::Cancelled(absl::string_view id, const v1::CancelResponse& reply) const {
  return absl::StrCat(id, " cancelled at ", LocalTime(reply.now(), zone_), "\n");
}

std::string HumanText::Stopped(absl::string_view id, const v1::StopLoopResponse& reply) const {
  if (reply.state() == v1::STATE_STOPPING) {
    return absl::StrCat(id, " stops as soon as its run is reported\n");
  }
  return absl::StrCat(id, " stopped at ", LocalTime(reply.now(), zone_), "\n");
}

std::string HumanText::Reported(const v1::ReportRequest& request,
                                const v1::ReportResponse& reply) const {
  const std::string run = absl::StrCat(request.id(), " run ", request.run());
  const bool ended = reply.end() != v1::END_UNSPECIFIED;
  if (!reply.accepted()) {
    return ended ? absl::StrCat(run, " not counted: it had ended in ", EndName(reply.end()),
                                " before\n")
                 : absl::StrCat(run, " not counted: it was reported before\n");
  }
  if (ended) {
    return absl::StrCat(run, " reported, which ended it in ", EndName(reply.end()), "\n");
  }
  if (!reply.has_next_deadline()) {
    return absl::StrCat(run, " reported\n");
  }
  return absl::StrCat(run, " reported, next tick ", When(reply.next_deadline(), reply.now()), "\n");
}

std::string HumanText::Rescheduled(absl::string_view id,
                                   const v1::RescheduleResponse& reply) const {
  const absl::Duration moved = ToTime(reply.deadline()) - ToTime(reply.old_deadline());
  const std::string by =
      moved == absl::ZeroDuration()
          ? "where it was"
          : absl::StrCat(RoughSpan(moved), moved > absl::ZeroDuration() ? " later than it was"
                                                                        : " earlier than it was");
  return absl::StrCat(id, " is now due ", When(reply.deadline(), reply.now()), ", ", by, "\n");
}

std::string HumanText::Handle(const v1::GetResponse& reply) const {
  const v1::Handle& handle = reply.handle();
  std::vector<std::pair<absl::string_view, std::string>> rows;
  rows.emplace_back("id", handle.id());
  std::string kind = KindName(handle.kind());
  if (handle.has_interval()) {
    absl::StrAppend(&kind, ", every ", FormatDuration(handle.interval()));
  } else if (handle.kind() == v1::KIND_TIMER) {
    absl::StrAppend(&kind, handle.reported() ? ", reported" : ", plain");
  }
  rows.emplace_back("kind", kind);
  rows.emplace_back("state", StateName(handle));
  if (handle.has_deadline()) {
    rows.emplace_back("due", When(handle.deadline(), reply.now()));
  }
  for (const v1::Handle::Timeout& timeout : handle.timeouts()) {
    rows.emplace_back("times out", absl::StrCat(When(timeout.deadline(), reply.now()), ", after ",
                                                FormatDuration(timeout.timeout())));
  }
  rows.emplace_back("created", When(handle.created(), reply.now()));
  if (handle.has_ended()) {
    rows.emplace_back("ended",
                      absl::StrCat(When(handle.ended(), reply.now()),
                                   handle.by_timeout() ? ", by a time-out's fallback" : ""));
  }
  rows.emplace_back(
      "so far", absl::StrCat(Times(handle.run(), "run"), ", ", Times(handle.sequence(), "event")));
  if (!handle.payload().empty()) {
    rows.emplace_back("payload", PayloadText(handle.payload(), kHandlePayloadLimit));
  }
  if (!handle.end_payload().empty()) {
    rows.emplace_back("result", PayloadText(handle.end_payload(), kHandlePayloadLimit));
  }
  std::string out;
  for (const auto& [name, value] : rows) {
    absl::StrAppend(&out, Padded(name, 9), "  ", value, "\n");
  }
  return out;
}

std::string HumanText::Table(const std::vector<v1::Handle>& handles, const Timestamp& now) const {
  struct Column {
    absl::string_view title;
    std::vector<std::string> cells;
    bool to_the_right = false;
  };
  Column id{"ID"}, kind{"KIND"}, state{"STATE"}, run{"RUN", {}, true}, due{"DUE"},
      bound{"TIMES OUT"}, ended{"ENDED"}, payload{"PAYLOAD"};
  for (const v1::Handle& handle : handles) {
    id.cells.push_back(handle.id());
    kind.cells.push_back(KindName(handle.kind()));
    state.cells.push_back(StateName(handle));
    run.cells.push_back(handle.run() > 0 ? absl::StrCat(handle.run()) : "");
    due.cells.push_back(handle.has_deadline() ? When(handle.deadline(), now) : "");
    bound.cells.push_back(handle.timeouts().empty() ? ""
                                                    : Relative(handle.timeouts(0).deadline(), now));
    ended.cells.push_back(handle.has_ended() ? When(handle.ended(), now) : "");
    payload.cells.push_back(
        handle.payload().empty() ? "" : PayloadText(handle.payload(), kTablePayloadLimit));
  }
  std::vector<std::string> lines(handles.size() + 1);
  for (const Column* column : {&id, &kind, &state, &run, &due, &bound, &ended, &payload}) {
    size_t width = 0;
    for (const std::string& cell : column->cells) {
      width = std::max(width, Width(cell));
    }
    if (width == 0) {
      continue;
    }
    width = std::max(width, column->title.size());
    for (size_t i = 0; i < lines.size(); ++i) {
      const absl::string_view cell =
          i == 0 ? column->title : absl::string_view(column->cells[i - 1]);
      const std::string blanks(column->to_the_right ? width - Width(cell) : 0, ' ');
      absl::StrAppend(&lines[i], lines[i].empty() ? "" : "  ",
                      Padded(absl::StrCat(blanks, cell), width));
    }
  }
  std::string out;
  for (std::string& line : lines) {
    absl::StripTrailingAsciiWhitespace(&line);
    absl::StrAppend(&out, line, "\n");
  }
  return out;
}

}  // namespace timerd::cli
