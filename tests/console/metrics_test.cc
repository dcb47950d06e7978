// The text that Prometheus reads.
#include "server/console/metrics.h"

#include <regex>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/status.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::console {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::StartsWith;
using timer::EventType;
using timer::Kind;

class MetricsTest : public ::testing::Test {
 protected:
  std::vector<std::string> Lines() const {
    return absl::StrSplit(MetricsText(sources_), '\n', absl::SkipEmpty());
  }

  reactor::UsageRegistry usage_{10};
  service::CallCounts calls_;
  Sources sources_{.version = "1.2.3",
                   .limits = {{"timerd_thing_limit", "Things: --max-things.", 1e9}},
                   .usage = &usage_,
                   .calls = &calls_,
                   .streams = [] { return 17; },
                   .shards =
                       [] {
                         return std::vector<reactor::Load>{
                             {.inbox = 1, .inbox_most = 5},
                             {.inbox_most = 2, .residents = 1'234'567}};
                       }};
};

TEST_F(MetricsTest, ShowsTheServer) {
  const auto lines = Lines();
  for (const char* line : {
           "timerd_build_info{version=\"1.2.3\"} 1",
           "timerd_streams 17",
           "timerd_inbox_depth{shard=\"0\"} 1",
           "timerd_inbox_depth{shard=\"1\"} 0",
           "timerd_inbox_depth_max{shard=\"0\"} 5",
           "timerd_inbox_depth_max{shard=\"1\"} 2",
           "timerd_residents{shard=\"0\"} 0",
           "timerd_residents{shard=\"1\"} 1234567",
           "# HELP timerd_thing_limit Things: --max-things.",
           "# TYPE timerd_thing_limit gauge",
           "timerd_thing_limit 1000000000",
       }) {
    EXPECT_THAT(lines, Contains(line));
  }
}

TEST_F(MetricsTest, ShowsEachNamespace) {
  usage_.Get("a")->OnCreated(Kind::kTimer);
  usage_.Get("a")->OnCreated(Kind::kLoop);
  usage_.Get("a")->OnEvent(Kind::kTimer, {.type = EventType::kFired}, /*end=*/true);
  usage_.Get("b")->OnFound(Kind::kTask, 12);
  const auto lines = Lines();
  for (const char* line : {
           "timerd_handles{namespace=\"a\",kind=\"timer\"} 0",
           "timerd_handles{namespace=\"a\",kind=\"loop\"} 1",
           "timerd_handles{namespace=\"a\",kind=\"task\"} 0",
           "timerd_handles{namespace=\"b\",kind=\"task\"} 12",
           "timerd_handles_created_total{namespace=\"a\",kind=\"timer\"} 1",
           "timerd_handles_created_total{namespace=\"b\",kind=\"task\"} 0",
           "timerd_events_total{namespace=\"a\",type=\"FIRED\"} 1",
           "timerd_events_total{namespace=\"a\",type=\"TIMED_OUT\"} 0",
           "timerd_events_total{namespace=\"b\",type=\"FIRED\"} 0",
       }) {
    EXPECT_THAT(lines, Contains(line));
  }
}

TEST_F(MetricsTest, ShowsLatenessAsACumulativeHistogramInSeconds) {
  const Instant due = InstantFromNanos(1'700'000'000'000'000'000);
  for (const Span late : {Span(0), Span(std::chrono::microseconds(500)),
                          Span(std::chrono::milliseconds(4)), Span(std::chrono::hours(1))}) {
    usage_.Get("a")->OnEvent(
        Kind::kTimer, {.type = EventType::kFired, .time = due + late, .deadline = due}, true);
  }
  const auto lines = Lines();
  for (const char* line : {
           "# TYPE timerd_lateness_seconds histogram",
           "timerd_lateness_seconds_bucket{namespace=\"a\",le=\"0.0005\"} 2",
           "timerd_lateness_seconds_bucket{namespace=\"a\",le=\"0.003\"} 2",
           "timerd_lateness_seconds_bucket{namespace=\"a\",le=\"0.005\"} 3",
           "timerd_lateness_seconds_bucket{namespace=\"a\",le=\"60\"} 3",
           "timerd_lateness_seconds_bucket{namespace=\"a\",le=\"+Inf\"} 4",
           "timerd_lateness_seconds_count{namespace=\"a\"} 4",
           "timerd_lateness_seconds_sum{namespace=\"a\"} 3600.0045",
       }) {
    EXPECT_THAT(lines, Contains(line));
  }
}

TEST_F(MetricsTest, ShowsCallsByTheCodesThatCameAndOk) {
  calls_.Count<v1::CancelRequest>(Refuse(Reason::kUnknownId, "x"));
  calls_.Count<v1::ScheduleResponse>(absl::OkStatus());
  calls_.Count<v1::ScheduleResponse>(
      ByLimit("max-delay", Refuse(Reason::kInvalidField, "x", "delay")));
  const auto lines = Lines();
  for (const char* line : {
           "timerd_calls_total{method=\"Cancel\",code=\"OK\"} 0",
           "timerd_calls_total{method=\"Cancel\",code=\"NOT_FOUND\"} 1",
           "timerd_calls_total{method=\"Schedule\",code=\"OK\"} 1",
           "timerd_calls_total{method=\"Schedule\",code=\"INVALID_ARGUMENT\"} 1",
           "timerd_refused_total{limit=\"max-delay\"} 1",
           "timerd_refused_total{limit=\"max-streams\"} 0",
       }) {
    EXPECT_THAT(lines, Contains(line));
  }
  EXPECT_THAT(
      lines,
      Not(Contains(StartsWith("timerd_calls_total{method=\"Schedule\",code=\"NOT_FOUND\"}"))));
}

TEST_F(MetricsTest, EscapesNamesOfNamespaces) {
  usage_.Get("a \"quoted\" \\ name,\nin two lines")->OnCreated(Kind::kLoop);
  EXPECT_THAT(Lines(),
              Contains("timerd_handles{namespace=\"a \\\"quoted\\\" \\\\ name,\\nin two lines\","
                       "kind=\"loop\"} 1"));
}

// https://prometheus.io/docs/practices/naming and /docs/instrumenting/exposition_formats.
TEST_F(MetricsTest, KeepsToPrometheusNamesAndForm) {
  usage_.Get("a");
  const std::regex comment("# (HELP|TYPE) (timerd_[a-z_]+) (.+)");
  const std::regex sample(
      "(timerd_[a-z_]+?)(_bucket|_count|_sum)?"
      "(\\{([a-z]+=\"[^\"]*\",?)+\\})? [0-9.e+]+");
  std::set<std::string> helped;
  std::string name;
  std::string type;
  size_t samples = 0;
  for (const std::string& line : Lines()) {
    std::smatch match;
    if (std::regex_match(line, match, comment)) {
      if (match[1] == "HELP") {
        EXPECT_TRUE(helped.insert(match[2]).second) << "twice: " << line;
        EXPECT_TRUE(absl::EndsWith(std::string(match[3]), ".")) << line;
        name = match[2];
      } else {
        EXPECT_EQ(name, match[2]);
        type = match[3];
      }
    } else {
      ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
      EXPECT_EQ(match[1], name) << line;
      EXPECT_EQ(absl::EndsWith(name, "_total"), type == "counter") << line;
      EXPECT_EQ(match[2].length() > 0, type == "histogram") << line;
      ++samples;
    }
  }
  EXPECT_GT(helped.size(), 10u);
  EXPECT_GT(samples, 50u);
}

}  // namespace
}  // namespace timerd::console
