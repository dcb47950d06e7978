#include "absl/strings/str_cat.h"
#include "client/cli/duration.h"
#include "client/cli/human.h"
#include "client/cli/layout.h"
#include "client/cli/names.h"
#include "client/cli/text.h"
#include "client/cli/time_text.h"

namespace timerd::cli {
namespace {

constexpr size_t kPayloadLimit = 2000;

// When a loop ticks.
std::string Ticks(const v1::Handle& handle) {
  const v1::Loop& loop = handle.loop();
  std::string text;
  if (loop.has_cron()) {
    const std::string& zone = loop.cron().time_zone();
    text = absl::StrCat("at \"", loop.cron().expression(), "\" in ", zone.empty() ? "UTC" : zone);
  } else if (loop.pacing() == v1::PACING_FIXED_DELAY) {
    text = absl::StrCat(FormatDuration(handle.interval()), " after each ",
                        handle.reported() ? "report" : "tick");
  } else {
    text = absl::StrCat("every ", FormatDuration(handle.interval()));
  }
  if (loop.has_jitter()) {
    absl::StrAppend(&text, ", each up to ", FormatDuration(loop.jitter()), " later");
  }
  return text;
}

// What becomes of the ticks that a loop misses; empty where it cannot miss any.
std::string IfMissed(const v1::Handle& handle) {
  const v1::Loop& loop = handle.loop();
  const bool has_boundaries =
      loop.has_cron() || handle.interval().seconds() > 0 || handle.interval().nanos() > 0;
  if (loop.pacing() == v1::PACING_FIXED_DELAY || !has_boundaries) {
    return std::string();
  }
  const v1::MissedTicks& missed = loop.missed_ticks();
  switch (missed.policy()) {
    case v1::MissedTicks::POLICY_RUN_ONCE:
      return "one tick at once for all of them";
    case v1::MissedTicks::POLICY_RUN_ALL: {
      // 0 stands for 100.
      std::string text = absl::StrCat("a tick for each, at most ",
                                      missed.max_runs() == 0 ? 100 : missed.max_runs());
      if (missed.has_window()) {
        absl::StrAppend(&text, ", none older than ", FormatDuration(missed.window()));
      }
      return text;
    }
    default:
      return "told by the next tick, not made up for";
  }
}

std::string SoFar(const v1::Handle& handle) {
  const std::string events = Counted(handle.sequence(), "event");
  if (handle.kind() != v1::KIND_LOOP) {
    return absl::StrCat(Counted(handle.run(), "run"), ", ", events);
  }
  const uint64_t missed = handle.loop().missed();
  return absl::StrCat(Counted(handle.run(), "tick"), ", ",
                      missed == 0 ? std::string("none") : absl::StrCat(missed), " missed, ",
                      events);
}

}  // namespace

std::string HumanText::Due(const v1::Handle& handle, const google::protobuf::Timestamp& deadline,
                           const google::protobuf::Timestamp& now) const {
  // What follows the wall clock was asked for by that clock, which may be ahead of the other.
  const absl::Duration ahead = handle.has_wall_deadline()
                                   ? ToTime(handle.wall_deadline()) - ToTime(handle.deadline())
                                   : absl::ZeroDuration();
  return absl::StrCat(LocalTime(ToTime(deadline) + ahead, zone_), " (", Relative(deadline, now),
                      ")");
}

std::string HumanText::Handle(const v1::GetResponse& reply) const {
  const v1::Handle& handle = reply.handle();
  const v1::Loop& loop = handle.loop();
  Facts facts;
  facts.Add("id", handle.id());
  facts.Add("namespace", handle.namespace_());
  facts.Add("generation", handle.generation() > 0 ? absl::StrCat(handle.generation()) : "");
  facts.Add("kind", absl::StrCat(KindName(handle.kind()), handle.kind() == v1::KIND_TASK ? ""
                                                          : handle.reported() ? ", reported"
                                                                              : ", plain"));
  if (handle.kind() == v1::KIND_LOOP) {
    facts.Add("ticks", Ticks(handle));
    facts.Add("if missed", IfMissed(handle));
  }
  if (loop.has_max_runs()) {
    facts.Add("ends", absl::StrCat("after ", Counted(loop.max_runs(), "run")));
  }
  if (loop.has_until()) {
    facts.Add("ends", absl::StrCat("before a tick past ", LocalTime(loop.until(), zone_)));
  }
  if (handle.has_client_lost_after()) {
    facts.Add("client", absl::StrCat("lost after ", FormatDuration(handle.client_lost_after()),
                                     " of a run that nobody follows"));
  }
  if (handle.has_delivery()) {
    AddDelivery(handle.delivery(), reply.now(), &facts);
  }
  facts.Add("state", StateName(handle));
  if (handle.has_deadline()) {
    facts.Add("due", Due(handle, handle.deadline(), reply.now()));
  }
  for (const google::protobuf::Timestamp& deadline : loop.upcoming()) {
    // The first of them is the one that it is due at, unless a run is under way.
    if (!handle.has_deadline() || ToTime(deadline) != ToTime(handle.deadline())) {
      facts.Add("then", Due(handle, deadline, reply.now()));
    }
  }
  for (const v1::Handle::Timeout& timeout : handle.timeouts()) {
    facts.Add("times out", absl::StrCat(When(timeout.deadline(), reply.now()), ", after ",
                                        FormatDuration(timeout.timeout())));
  }
  facts.Add("created", When(handle.created(), reply.now()));
  if (handle.has_last_fired()) {
    facts.Add("last fired", When(handle.last_fired(), reply.now()));
  }
  if (handle.has_ended()) {
    facts.Add("ended", absl::StrCat(When(handle.ended(), reply.now()),
                                    handle.by_timeout() ? ", by a time-out's fallback" : "",
                                    handle.end_reason().empty() ? "" : ", ",
                                    ReasonName(handle.end_reason())));
  }
  facts.Add("so far", SoFar(handle));
  if (!handle.payload().empty()) {
    facts.Add("payload", PayloadText(handle.payload(), kPayloadLimit));
  }
  if (!handle.end_payload().empty()) {
    facts.Add("result", PayloadText(handle.end_payload(), kPayloadLimit));
  }
  return facts.Aligned();
}

}  // namespace timerd::cli
