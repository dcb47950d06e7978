// What a server says of itself over HTTP, read back after real calls.
#include <signal.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

#include "tests/integration/server_test.h"
#include "tests/support/http_get.h"

namespace timerd::testing {
namespace {

using ::testing::HasSubstr;

constexpr auto kExhausted = grpc::StatusCode::RESOURCE_EXHAUSTED;

// The words in `text` that stand behind `prefix`: letters, dashes and underscores.
std::vector<std::string> Behind(const std::string& prefix, const std::string& text) {
  std::vector<std::string> words;
  for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at)) {
    at += prefix.size();
    const size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-_", at);
    words.push_back(text.substr(at, end - at));
  }
  return words;
}

class MetricsTest : public ServerTest {
 protected:
  std::string Text() {
    const HttpAnswer answer = HttpGet(server().http_address(), "/metrics");
    EXPECT_EQ(answer.status, 200);
    EXPECT_THAT(answer.headers, HasSubstr("Content-Type: text/plain; version=0.0.4"));
    return answer.body;
  }
  // The sample `series`, "timerd_streams" or "timerd_handles{...}"; nothing if it is not there.
  std::optional<double> Metric(const std::string& series) {
    const std::string text = "\n" + Text();
    const size_t at = text.find("\n" + series + " ");
    return at == std::string::npos
               ? std::nullopt
               : std::optional<double>(std::stod(text.substr(at + series.size() + 2)));
  }
  std::optional<double> OfDefault(const std::string& name, const std::string& label) {
    return Metric(name + "{namespace=\"default\"," + label + "}");
  }
  std::optional<double> Handles(const std::string& kind) {
    return OfDefault("timerd_handles", "kind=\"" + kind + "\"");
  }
  std::optional<double> Created(const std::string& kind) {
    return OfDefault("timerd_handles_created_total", "kind=\"" + kind + "\"");
  }
  std::optional<double> Events(const std::string& type) {
    return OfDefault("timerd_events_total", "type=\"" + type + "\"");
  }
  std::optional<double> Calls(const std::string& method, const std::string& code) {
    return Metric("timerd_calls_total{method=\"" + method + "\",code=\"" + code + "\"}");
  }
  std::optional<double> Refused(const std::string& limit) {
    return Metric("timerd_refused_total{limit=\"" + limit + "\"}");
  }

  // For what a server does on its own some time after a call.
  template <typename Condition>
  static bool Soon(Condition condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > until) {
        return false;
      }
      std::this_thread::yield();
    }
    return true;
  }
};

TEST_F(MetricsTest, CountHandlesEventsAndCallsAsTheyHappen) {
  StartServer();
  EXPECT_EQ(Handles("timer"), 0);
  EXPECT_EQ(Events("FIRED"), 0);

  auto timer = client().Schedule("id: 'timer' delay { nanos: 20000000 }");
  ASSERT_EQ(timer.Acknowledged().id(), "timer");
  EXPECT_EQ(Created("timer"), 1);
  ASSERT_EQ(timer.Event().type(), v1::Event::TYPE_FIRED);
  EXPECT_THAT(timer.Finish(), IsOkCall());
  EXPECT_EQ(Handles("timer"), 0);
  EXPECT_EQ(Events("FIRED"), 1);
  EXPECT_EQ(Calls("Schedule", "OK"), 1);

  auto loop = client().StartLoop("id: 'loop' interval { seconds: 3600 } start_now: true");
  loop.Acknowledged();
  ASSERT_EQ(loop.Event().type(), v1::Event::TYPE_TICK);
  // The same request again makes nothing.
  auto again = client().StartLoop("id: 'loop' interval { seconds: 3600 } start_now: true");
  EXPECT_TRUE(again.Acknowledged().existed());
  EXPECT_EQ(Handles("loop"), 1);
  EXPECT_EQ(Created("loop"), 1);
  EXPECT_EQ(Events("TICK"), 1);
  EXPECT_EQ(Metric("timerd_streams"), 2);

  auto task = client().WithTimeout("id: 'task' timeout { nanos: 1000000 }");
  task.Acknowledged();
  ASSERT_EQ(task.Event().type(), v1::Event::TYPE_TIMED_OUT);
  EXPECT_EQ(Handles("task"), 0);
  EXPECT_EQ(Events("TIMED_OUT"), 1);

  ASSERT_THAT(client().Cancel("id: 'loop'").status, IsOkCall());
  EXPECT_FALSE(client().Cancel("id: 'loop'").status.ok());
  EXPECT_FALSE(client().Cancel("id: 'none'").status.ok());
  // The reply to a Cancel comes before the event.
  EXPECT_TRUE(Soon([this] { return Handles("loop") == 0 && Events("CANCELLED") == 1; }));
  EXPECT_EQ(Calls("Cancel", "OK"), 1);
  EXPECT_EQ(Calls("Cancel", "FAILED_PRECONDITION"), 1);
  EXPECT_EQ(Calls("Cancel", "NOT_FOUND"), 1);
  EXPECT_TRUE(Soon([this] { return Metric("timerd_streams") == 0; }));
}

TEST_F(MetricsTest, MeasureLateness) {
  StartServer();
  constexpr int kTimers = 20;
  for (int i = 0; i < kTimers; ++i) {
    ASSERT_THAT(client().Try("Schedule", "delay { nanos: 10000000 }"), IsOkCall());
  }
  const std::string name = "timerd_lateness_seconds";
  EXPECT_EQ(Metric(name + "_count{namespace=\"default\"}"), kTimers);
  EXPECT_EQ(Metric(name + "_bucket{namespace=\"default\",le=\"+Inf\"}"), kTimers);
  // Of one that is overdue by a little more than 10 s, which no bound below that may hold.
  const auto due = std::chrono::system_clock::now() - std::chrono::seconds(11);
  const auto seconds = std::chrono::system_clock::to_time_t(due);
  const double before = Metric(name + "_bucket{namespace=\"default\",le=\"10\"}").value_or(-1);
  ASSERT_THAT(client().Try("Schedule", "at { seconds: " + std::to_string(seconds) + " }"),
              IsOkCall());
  EXPECT_EQ(Metric(name + "_bucket{namespace=\"default\",le=\"10\"}"), before);
  EXPECT_EQ(Metric(name + "_bucket{namespace=\"default\",le=\"60\"}"), kTimers + 1);
  EXPECT_GE(Metric(name + "_sum{namespace=\"default\"}"), 11);
  EXPECT_LT(Metric(name + "_sum{namespace=\"default\"}"), 60);
}

TEST_F(MetricsTest, KnowTheLiveHandlesOfBeforeARestart) {
  StartServer();
  for (const char* id : {"a", "b", "c"}) {
    ASSERT_THAT(client().Try("Schedule", std::string("id: '") + id +
                                             "' delay { seconds: 3600 } detached: true"),
                IsOkCall());
  }
  ASSERT_THAT(client().Try("StartLoop", "id: 'l' interval { seconds: 9 } detached: true"),
              IsOkCall());
  ASSERT_THAT(client().Cancel("id: 'c'").status, IsOkCall());
  server().Kill();
  Restart();
  EXPECT_TRUE(Soon([this] { return Handles("timer") == 2 && Handles("loop") == 1; })) << Text();
  EXPECT_EQ(Created("timer"), 0);
  ASSERT_THAT(client().Cancel("id: 'a'").status, IsOkCall());
  EXPECT_TRUE(Soon([this] { return Handles("timer") == 1; }));
}

TEST_F(MetricsTest, CountEachRefusalUnderItsLimit) {
  StartServer({"--max-delay=10s", "--max-id-bytes=3", "--max-payload-bytes=10",
               "--max-request-bytes=1024", "--max-timeouts=1"});
  ASSERT_THAT(client().Try("Schedule", "id: 'a' delay { seconds: 10 } detached: true"), IsOkCall());
  struct Refusal {
    std::string limit;
    std::string method;
    std::string request;
  };
  const std::string long_id(2000, 'i');
  const Refusal refusals[] = {
      {"max-delay", "Schedule", "delay { seconds: 11 }"},
      {"max-delay", "Schedule", "at { seconds: 9999999999 }"},
      {"max-delay", "Reschedule", "id: 'a' delay_by { seconds: 9 }"},
      {"max-id-bytes", "Get", "id: 'long'"},
      {"max-payload-bytes", "Schedule", "delay {} payload: '0123456789x'"},
      {"max-request-bytes", "Get", "id: '" + long_id + "'"},
  };
  std::map<std::string, double> expected;
  for (const Refusal& refusal : refusals) {
    EXPECT_FALSE(client().Try(refusal.method, refusal.request).ok()) << refusal.request;
    EXPECT_EQ(Refused(refusal.limit), ++expected[refusal.limit]) << refusal.request;
  }
  EXPECT_EQ(Calls("Schedule", "INVALID_ARGUMENT"), 2);
  EXPECT_EQ(Calls("Schedule", "RESOURCE_EXHAUSTED"), 1);

  const std::string bound = "target_id: 'a' timeout { seconds: 9 } detached: true";
  ASSERT_THAT(client().Try("WithTimeout", bound), IsOkCall());
  EXPECT_THAT(client().Try("WithTimeout", bound), IsRefusedWith(kExhausted, "LIMIT_EXCEEDED"));
  EXPECT_EQ(Refused("max-timeouts"), 1);

  EXPECT_EQ(Refused("other"), 0);
}

TEST_F(MetricsTest, CountStreamsAndThoseThatWereOneTooMany) {
  StartServer({"--max-streams=2"});
  auto first = client().Schedule("id: 'a' delay { seconds: 3600 }");
  first.Acknowledged();
  auto second = client().Watch("id: 'a'");
  second.Acknowledged();
  EXPECT_EQ(Metric("timerd_streams"), 2);
  EXPECT_EQ(Metric("timerd_stream_limit"), 2);
  EXPECT_EQ(Refused("max-streams"), 0);
  EXPECT_THAT(client().Try("Watch", "id: 'a'"), IsRefusedWith(kExhausted, "LIMIT_EXCEEDED"));
  EXPECT_EQ(Refused("max-streams"), 1);
  EXPECT_EQ(Calls("Watch", "RESOURCE_EXHAUSTED"), 1);
  first.Detach();
  EXPECT_TRUE(Soon([this] { return Metric("timerd_streams") == 1; }));
  EXPECT_EQ(Calls("Schedule", "CANCELLED"), 1);
}

TEST_F(MetricsTest, CountWhatAFullInboxRefuses) {
  StartServer({"--shards=1", "--max-inbox=1"});
  // Each waits for its answer, so as many requests as threads are on the way at once.
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      ApiClient own(server().address());
      while (refused == 0 && std::chrono::steady_clock::now() < until) {
        const grpc::Status status = own.Get("id: 'none'").status;
        if (DetailOf(status, "limit") == "max-inbox") {
          ++refused;
          EXPECT_EQ(RetryDelayOf(status), std::chrono::milliseconds(100));
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_GT(refused, 0);
  EXPECT_EQ(Refused("max-inbox"), refused);
  EXPECT_EQ(Calls("Get", "RESOURCE_EXHAUSTED"), refused);
  EXPECT_EQ(Metric("timerd_inbox_depth_max{shard=\"0\"}"), 1);
  EXPECT_EQ(Metric("timerd_inbox_limit"), 1);
}

// A limit that is added has to be shown, and its refusals to be counted.
TEST_F(MetricsTest, ShowEveryLimitOfTheCommandLine) {
  StartServer({"--max-inbox=77", "--max-delay=90s", "--memory-budget=200MiB", "--window=9s",
               "--min-free-disk=12345"});
  const std::string help = RunServer({"--help"}).out;
  std::string group;
  for (const char* const name : {"\nLimits:", "\nQueues:"}) {
    const size_t begin = help.find(name);
    ASSERT_NE(begin, std::string::npos) << help;
    group += help.substr(begin, help.find("\n\n", begin) - begin);
  }
  const std::string text = Text();
  int flags = 0;
  for (const std::string& name : Behind("--max-", group)) {
    EXPECT_NE(text.find(": --max-" + name + ".\n# TYPE "), std::string::npos)
        << "no gauge whose help names --max-" << name;
    EXPECT_EQ(Refused("max-" + name), 0) << name;
    ++flags;
  }
  EXPECT_GE(flags, 18) << group;
  EXPECT_EQ(Metric("timerd_inbox_limit"), 77);
  EXPECT_EQ(Metric("timerd_delay_limit_seconds"), 90);
  constexpr double kMiB = 1 << 20;
  EXPECT_EQ(Metric("timerd_memory_limit_bytes"), 200 * kMiB);
  EXPECT_THAT(Metric("timerd_resident_limit_bytes"),
              ::testing::Optional(::testing::DoubleNear((200 - 112) * kMiB * 9 / 16, 10)));
  EXPECT_EQ(Metric("timerd_window_limit_seconds"), 9);
  EXPECT_EQ(Metric("timerd_disk_free_limit_bytes"), 12345);
}

TEST_F(MetricsTest, AreExplainedInTheHandbook) {
  StartServer();
  std::ifstream file(TIMERD_SOURCE_DIR "/docs/operations.md");
  std::ostringstream handbook;
  handbook << file.rdbuf();
  const std::string text = Text();
  int names = 0;
  for (const std::string& name : Behind("# TYPE ", text)) {
    EXPECT_NE(handbook.str().find("\n| `" + name + "`"), std::string::npos) << name;
    ++names;
  }
  EXPECT_GT(names, 15);
}

TEST_F(MetricsTest, CountTheHandlesInMemory) {
  StartServer({"--shards=1"});
  ASSERT_THAT(client().Try("Schedule", "delay { seconds: 60 } detached: true"), IsOkCall());
  EXPECT_TRUE(Soon([this] { return Metric("timerd_residents{shard=\"0\"}") == 1; }));
  ASSERT_THAT(client().Try("Schedule", "delay { seconds: 3600 } detached: true"), IsOkCall());
  EXPECT_TRUE(Soon([this] { return Metric("timerd_residents{shard=\"0\"}") == 1; }));
  EXPECT_EQ(Handles("timer"), 2);
  const double small = Metric("timerd_resident_bytes{shard=\"0\"}").value_or(0);
  EXPECT_GT(small, 0);
  ASSERT_THAT(client().Try("Schedule", "delay { seconds: 60 } detached: true payload: '" +
                                           std::string(60'000, 'p') + "'"),
              IsOkCall());
  EXPECT_TRUE(Soon([&] { return Metric("timerd_resident_bytes{shard=\"0\"}") > small + 60'000; }));
  EXPECT_EQ(Metric("timerd_window_seconds{shard=\"0\"}"), 600);
  EXPECT_GT(Metric("timerd_loaded_ahead_seconds{shard=\"0\"}"), 290);
  EXPECT_EQ(Metric("timerd_pages_late_total{shard=\"0\"}"), 0);
}

TEST_F(MetricsTest, ShowTheDiskOfTheDataDirectory) {
  StartServer({"--min-free-disk=2%"});
  const double size = Metric("timerd_disk_size_bytes").value_or(0);
  EXPECT_GT(size, 0);
  EXPECT_NEAR(Metric("timerd_disk_free_limit_bytes").value_or(0), size / 50, 1);
  EXPECT_GT(Metric("timerd_disk_free_bytes"), 0);
  EXPECT_EQ(Metric("timerd_disk_short"), 0);
  StartServer({"--durability=none"});
  EXPECT_EQ(Metric("timerd_disk_short"), std::nullopt);
}

TEST(HealthTest, SaysServingUntilTheServerDrains) {
  ServerProcess server;
  const HttpAnswer serving = HttpGet(server.http_address(), "/healthz");
  EXPECT_EQ(serving.status, 200);
  EXPECT_EQ(serving.body, "serving\n");
  HttpAnswer answer;
  {
    // The drain waits for a client that does not look at the end of its stream.
    ApiClient client(server.address());
    auto stream = client.Schedule("delay { seconds: 3600 }");
    stream.Acknowledged();
    ASSERT_EQ(kill(server.pid(), SIGTERM), 0);
    do {
      answer = HttpGet(server.http_address(), "/healthz");
    } while (answer.status == 200);
  }
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "draining\n");
  EXPECT_EQ(server.Terminate(), 0);
}

TEST(HealthTest, IsNotToldOverHttpWhenThatIsOff) {
  const ServerProcess server({.flags = {"--http=off"}});
  EXPECT_EQ(server.http_address(), "off");
  ApiClient client(server.address());
  EXPECT_THAT(client.Try("Schedule", "delay {}"), IsOkCall());
}

}  // namespace
}  // namespace timerd::testing
