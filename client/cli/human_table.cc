#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/duration.h"
#include "client/cli/human.h"
#include "client/cli/names.h"
#include "client/cli/text.h"
#include "client/cli/time_text.h"

namespace timerd::cli {
namespace {

constexpr size_t kTablePayloadLimit = 30;

struct Column {
  absl::string_view title;
  std::vector<std::string> cells;
  bool to_the_right = false;
};

// Those of `columns` that hold something, beside each other.
std::string Aligned(const std::vector<const Column*>& columns, size_t rows) {
  std::vector<std::string> lines(rows + 1);
  for (const Column* column : columns) {
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

// "every 1s", or the cron expression.
std::string ScheduleText(const v1::Handle& handle) {
  if (handle.loop().has_cron()) {
    return handle.loop().cron().expression();
  }
  return handle.has_interval() ? absl::StrCat("every ", FormatDuration(handle.interval())) : "";
}

}  // namespace

std::string HumanText::Table(const std::vector<v1::Handle>& handles,
                             const google::protobuf::Timestamp& now) const {
  Column id{"ID"}, kind{"KIND"}, state{"STATE"}, schedule{"SCHEDULE"}, run{"RUN", {}, true},
      due{"DUE"}, bound{"TIMES OUT"}, ended{"ENDED"}, payload{"PAYLOAD"};
  for (const v1::Handle& handle : handles) {
    id.cells.push_back(handle.id());
    kind.cells.push_back(KindName(handle.kind()));
    state.cells.push_back(StateName(handle));
    schedule.cells.push_back(ScheduleText(handle));
    run.cells.push_back(handle.run() > 0 ? absl::StrCat(handle.run()) : "");
    due.cells.push_back(handle.has_deadline() ? Due(handle, handle.deadline(), now) : "");
    bound.cells.push_back(handle.timeouts().empty() ? ""
                                                    : Relative(handle.timeouts(0).deadline(), now));
    ended.cells.push_back(handle.has_ended() ? When(handle.ended(), now) : "");
    payload.cells.push_back(
        handle.payload().empty() ? "" : PayloadText(handle.payload(), kTablePayloadLimit));
  }
  return Aligned({&id, &kind, &state, &schedule, &run, &due, &bound, &ended, &payload},
                 handles.size());
}

}  // namespace timerd::cli
