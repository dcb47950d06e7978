// The text that Prometheus reads.
#include "server/console/metrics.h"

#include <set>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
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
                   .feed_streams = [] { return 3; },
                   .shards =
                       [] {
                         return std::vector<reactor::Load>{
                             {.inbox = 1, .inbox_most = 5},
                             {.inbox_most = 2,
                              .residents = 1'234'567,
                              .resident_bytes = 2'345'678'901,
                              .unapplied_bytes = 4'567'890,
                              .window = std::chrono::milliseconds(1500),
                              .loaded_ahead = -std::chrono::milliseconds(250),
                              .pages = 7,
                              .late_pages = 3}};
                       },
                   .queues =
                       [] {
                         return std::vector<QueueReading>{{.name_space = "a",
                                                           .name = "mail",
                                                           .scheduled = 1,
                                                           .waiting = 2,
                                                           .leased = 3,
                                                           .dead_letters = 4,
                                                           .workers = 5}};
                       }};
};

TEST_F(MetricsTest, ShowsTheServer) {
  const auto lines = Lines();
  for (const char* line : {
           "timerd_build_info{version=\"1.2.3\"} 1",
           "timerd_streams 17",
           "timerd_feed_streams 3",
           "timerd_queue_scheduled{namespace=\"a\",queue=\"mail\"} 1",
           "timerd_queue_waiting{namespace=\"a\",queue=\"mail\"} 2",
           "timerd_queue_leased{namespace=\"a\",queue=\"mail\"} 3",
           "timerd_queue_dead_letters{namespace=\"a\",queue=\"mail\"} 4",
           "timerd_queue_workers{namespace=\"a\",queue=\"mail\"} 5",
           "timerd_inbox_depth{shard=\"0\"} 1",
           "timerd_inbox_depth{shard=\"1\"} 0",
           "timerd_inbox_depth_max{shard=\"0\"} 5",
           "timerd_inbox_depth_max{shard=\"1\"} 2",
           "timerd_residents{shard=\"0\"} 0",
           "timerd_residents{shard=\"1\"} 1234567",
           "timerd_resident_bytes{shard=\"1\"} 2345678901",
           "timerd_unapplied_bytes{shard=\"1\"} 4567890",
           "timerd_window_seconds{shard=\"1\"} 1.5",
           "timerd_loaded_ahead_seconds{shard=\"1\"} -0.25",
           "timerd_pages_loaded_total{shard=\"1\"} 7",
           "timerd_pages_late_total{shard=\"1\"} 3",
           "# HELP timerd_thing_limit Things: --max-things.",
           "# TYPE timerd_thing_limit gauge",
           "timerd_thing_limit 1000000000",
       }) {
    EXPECT_THAT(lines, Contains(line));
  }
}

TEST_F(MetricsTest, ShowsTheDiskWhereThereIsOne) {
  EXPECT_EQ(MetricsText(sources_).find("timerd_disk"), std::string::npos);
  reactor::DiskRoom disk({.percent = 10});
  sources_.disk = &disk;
  disk.Update({.free = 101, .size = 1000});
  EXPECT_THAT(Lines(), Contains("timerd_disk_free_bytes 101"));
  EXPECT_THAT(Lines(), Contains("timerd_disk_size_bytes 1000"));
  EXPECT_THAT(Lines(), Contains("timerd_disk_free_limit_bytes 100"));
  EXPECT_THAT(Lines(), Contains("timerd_disk_short 0"));
  disk.Update({.free = 99, .size = 1000});
  EXPECT_THAT(Lines(), Contains("timerd_disk_free_bytes 99"));
  EXPECT_THAT(Lines(), Contains("timerd_disk_short 1"));
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
  std::set<std::string> helped;
  std::string name;
  std::string type;
  size_t samples = 0;
  for (const std::string& line : Lines()) {
    const std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 3));
    if (absl::StartsWith(line, "# HELP ")) {
      name = words[2];
      EXPECT_THAT(name, StartsWith("timerd_"));
      EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos) << line;
      EXPECT_TRUE(helped.insert(name).second) << "twice: " << line;
      EXPECT_TRUE(absl::EndsWith(line, ".")) << line;
    } else if (absl::StartsWith(line, "# TYPE ")) {
      EXPECT_EQ(words[2], name);
      type = words[3];
    } else {
      const size_t name_end = line.find_first_of("{ ");
      const size_t value = line.rfind(' ');
      ASSERT_TRUE(absl::StartsWith(line, name)) << line;
      const std::string part = line.substr(name.size(), name_end - name.size());
      EXPECT_EQ(absl::EndsWith(name, "_total"), type == "counter") << line;
      EXPECT_EQ(part == "_bucket" || part == "_count" || part == "_sum", type == "histogram")
          << line;
      EXPECT_EQ(part.empty(), type != "histogram") << line;
      double number = -1;
      EXPECT_TRUE(absl::SimpleAtod(line.substr(value + 1), &number)) << line;
      EXPECT_TRUE(number >= 0 || absl::StrContains(name, "_ahead_")) << line;
      EXPECT_TRUE(name_end == value || (line[name_end] == '{' && line[value - 1] == '}')) << line;
      ++samples;
    }
  }
  EXPECT_GT(helped.size(), 10u);
  EXPECT_GT(samples, 50u);
}

}  // namespace
}  // namespace timerd::console
