#include "absl/strings/str_cat.h"
#include "client/cli/human.h"
#include "client/cli/text.h"
#include "client/cli/time_text.h"

namespace timerd::cli {
namespace {

constexpr size_t kPayloadLimit = 60;
constexpr size_t kIdWidth = 20;
constexpr size_t kTimeWidth = 23;

std::string RunOf(const v1::Occurrence& occurrence) {
  return absl::StrCat(Padded(occurrence.id(), kIdWidth), "  run ", occurrence.run());
}

}  // namespace

std::string HumanText::Taken(const v1::Occurrence& occurrence) const {
  std::string facts;
  // One is what is expected.
  if (occurrence.attempt() > 1) {
    absl::StrAppend(&facts, "  attempt ", occurrence.attempt());
  }
  if (occurrence.has_deadline()) {
    absl::StrAppend(&facts, "  ", Lateness(occurrence.deadline(), occurrence.time()));
  }
  if (occurrence.missed() > 0) {
    absl::StrAppend(&facts, "  ", occurrence.missed(), " missed");
  }
  if (!occurrence.payload().empty()) {
    absl::StrAppend(&facts, "  ", PayloadText(occurrence.payload(), kPayloadLimit));
  }
  return absl::StrCat(LocalTime(occurrence.time(), zone_), "  ", Type("TAKEN", Mood::kNone), "  ",
                      RunOf(occurrence), facts, "\n");
}

std::string HumanText::Settled(const v1::Occurrence& occurrence, const v1::Settlement& settlement,
                               const v1::Settled& settled) const {
  const bool done = settlement.has_success();
  const std::string& payload = done ? settlement.success() : settlement.failure().payload();
  std::string facts;
  if (settled.has_next_attempt()) {
    absl::StrAppend(&facts, "  again at ", LocalTime(settled.next_attempt(), zone_));
  } else if (!done) {
    absl::StrAppend(&facts, "  given up");
  }
  if (!payload.empty()) {
    absl::StrAppend(&facts, "  ", PayloadText(payload, kPayloadLimit));
  }
  return absl::StrCat(std::string(kTimeWidth, ' '), "  ",
                      done ? Type("DONE", Mood::kGood) : Type("FAILED", Mood::kBad), "  ",
                      RunOf(occurrence), facts, "\n");
}

std::string HumanText::Revoked(const v1::Occurrence& occurrence) const {
  return absl::StrCat(std::string(kTimeWidth, ' '), "  ", Type("REVOKED", Mood::kUnwanted), "  ",
                      RunOf(occurrence), "\n");
}

}  // namespace timerd::cli
