#include "absl/strings/str_cat.h"
#include "client/cli/human.h"
#include "client/cli/names.h"
#include "client/cli/time_text.h"

namespace timerd::cli {

std::string HumanText::Now(const v1::NowResponse& reply) const {
  const std::string now = LocalTime(reply.now(), zone_);
  if (reply.is_virtual()) {
    return absl::StrCat(now, ", on a manual clock\n");
  }
  // Steps of the wall clock after the start of the server move the one and not the other.
  const std::string wall = LocalTime(reply.wall(), zone_);
  return absl::StrCat(now, wall == now ? "" : absl::StrCat(", wall clock ", wall), "\n");
}

std::string HumanText::Advanced(const google::protobuf::Timestamp& now, uint64_t fired) const {
  return absl::StrCat(
      "now ", LocalTime(now, zone_), ", ",
      fired == 0 ? "nothing fired" : absl::StrCat(Counted(fired, "deadline"), " fired"), "\n");
}

}  // namespace timerd::cli
