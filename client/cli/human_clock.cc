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
  // Steps of the wall clock since the start of the server move the one and not the other.
  const absl::Duration apart = absl::AbsDuration(ToTime(reply.wall()) - ToTime(reply.now()));
  return absl::StrCat(now,
                      apart < absl::Milliseconds(1)
                          ? ""
                          : absl::StrCat(", wall clock ", LocalTime(reply.wall(), zone_)),
                      "\n");
}

std::string HumanText::Advanced(const google::protobuf::Timestamp& now, uint64_t fired) const {
  return absl::StrCat(
      "now ", LocalTime(now, zone_), ", ",
      fired == 0 ? "nothing fired" : absl::StrCat(Counted(fired, "deadline"), " fired"), "\n");
}

}  // namespace timerd::cli
