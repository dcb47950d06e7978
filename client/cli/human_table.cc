#include "absl/strings/str_cat.h"
#include "client/cli/duration.h"
#include "client/cli/human.h"
#include "client/cli/layout.h"
#include "client/cli/names.h"
#include "client/cli/text.h"
#include "client/cli/time_text.h"

namespace timerd::cli {
namespace {

constexpr size_t kTablePayloadLimit = 30;

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
      due{"DUE"}, bound{"TIMES OUT"}, ended{"ENDED"}, queue{"QUEUE"}, payload{"PAYLOAD"};
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
    queue.cells.push_back(handle.delivery().queue());
    payload.cells.push_back(
        handle.payload().empty() ? "" : PayloadText(handle.payload(), kTablePayloadLimit));
  }
  return Aligned({&id, &kind, &state, &schedule, &run, &due, &bound, &ended, &queue, &payload},
                 handles.size());
}

}  // namespace timerd::cli
