// Starts that fail, each with an exit code and a message that names the thing and the way out; and
// where flags come from.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/integration/server_test.h"
#include "tests/support/temp_dir.h"

namespace timerd::testing {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr char kListen[] = "--listen=127.0.0.1:0";

// One message, on standard error, with all `parts`; nothing on standard output.
void ExpectRefused(const FinishedRun& run, int exit_code, const std::vector<std::string>& parts) {
  EXPECT_EQ(run.exit_code, exit_code) << run.err;
  EXPECT_EQ(run.out, "");
  for (const std::string& part : parts) {
    EXPECT_THAT(run.err, HasSubstr(part));
  }
  EXPECT_LE(std::count(run.err.begin(), run.err.end(), '\n'), 2) << run.err;
}

void ExpectWorks(const ServerProcess& server) {
  ApiClient client(server.address());
  EXPECT_THAT(client.Try("Schedule", "delay { nanos: 1000000 }"), IsOkCall());
}

TEST(StartTest, NamesThePortThatIsTaken) {
  const ServerProcess other;
  const TempDir data;
  ExpectRefused(RunServer({"--listen=" + other.address(), "--data-dir=" + data.path()}), 1,
                {other.address(), "in use", "--listen"});
  ExpectWorks(other);
  ExpectRefused(RunServer({"--listen=nonsense", "--data-dir=" + data.path()}), 1,
                {"nonsense", "--listen"});
}

TEST(StartTest, NamesTheHttpPortThatIsTaken) {
  const ServerProcess other;
  const TempDir data;
  const std::string dir = "--data-dir=" + data.path();
  ExpectRefused(RunServer({kListen, "--http=" + other.http_address(), dir}), 1,
                {other.http_address(), "HTTP", "in use", "--http", "off"});
  ExpectRefused(RunServer({kListen, dir}, {"TIMERD_HTTP=" + other.http_address()}), 1,
                {other.http_address(), "--http"});
  // gRPC has it already.
  ExpectRefused(RunServer({"--listen=" + other.address(), "--http=" + other.address(), dir}), 1,
                {other.address(), "--listen"});
  ExpectWorks(other);
  ExpectRefused(RunServer({kListen, "--http=nonsense", dir}), 1, {"nonsense", "--http"});
}

TEST(StartTest, NamesTheDataDirectoryThatAnotherServerHas) {
  const ServerProcess other;
  ExpectRefused(RunServer({kListen, "--data-dir=" + other.data_dir()}), 1,
                {other.data_dir(), "in use by another server", "--data-dir"});
  ExpectWorks(other);
}

TEST(StartTest, LeavesADirectoryWithOtherFilesAlone) {
  const TempDir data;
  std::ofstream(data.path() + "/thesis.txt") << "mine";
  ExpectRefused(RunServer({kListen, "--data-dir=" + data.path()}), 1,
                {data.path(), "thesis.txt", "--data-dir"});
  EXPECT_EQ(std::distance(fs::directory_iterator(data.path()), fs::directory_iterator()), 1);
  ExpectRefused(RunServer({kListen, "--data-dir=" + data.path() + "/thesis.txt"}), 1,
                {"thesis.txt", "--data-dir"});
  ExpectRefused(RunServer({kListen, "--data-dir=" + data.path() + "/no/such"}), 1,
                {"/no/such", "parent"});
}

TEST(StartTest, NamesAnotherNumberOfShards) {
  ServerProcess server({.flags = {"--shards=3"}});
  ASSERT_EQ(server.Terminate(), 0);
  ExpectRefused(RunServer({kListen, "--data-dir=" + server.data_dir(), "--shards=2"}), 1,
                {"3 shards", "--shards=2", "leave --shards out"});
  server.Restart();
  ExpectWorks(server);
}

TEST(StartTest, NamesBadFlags) {
  const TempDir data;
  const std::string dir = "--data-dir=" + data.path() + "/data";
  ExpectRefused(RunServer({"--shrads=2"}), 2, {"--shrads", "--help"});
  ExpectRefused(RunServer({"stray"}), 2, {"stray"});
  ExpectRefused(RunServer({dir, "--shards=two"}), 2, {"--shards", "two"});
  ExpectRefused(RunServer({dir, "--shards=65"}), 2, {"--shards", "65", "64"});
  ExpectRefused(RunServer({dir, "--shards=-1"}), 2, {"--shards", "-1"});
  ExpectRefused(RunServer({dir, "--durability=maybe"}), 2, {"--durability", "maybe", "sync"});
  ExpectRefused(RunServer({dir, "--retention=tomorrow"}), 2, {"--retention", "tomorrow", "10m"});
  ExpectRefused(RunServer({dir, "--max-delay=999ms"}), 2, {"--max-delay", "999ms", "1s"});
  ExpectRefused(RunServer({dir, "--max-stream-buffer=1"}), 2, {"--max-stream-buffer", "1"});
  ExpectRefused(RunServer({dir, "--config=/no/such/file"}), 2, {"/no/such/file"});
  ExpectRefused(RunServer({dir}, {"TIMERD_SHARDS=many"}), 2, {"many"});
  ExpectRefused(RunServer({dir, "--window=1s"}), 2, {"--window", "1s", "2s"});
  ExpectRefused(RunServer({dir, "--memory-budget=10MiB"}), 2,
                {"--memory-budget", "10MiB", "144MiB"});
  ExpectRefused(RunServer({dir, "--memory-budget=lots"}), 2, {"--memory-budget", "lots", "64MiB"});
  ExpectRefused(RunServer({dir, "--min-free-disk=91%"}), 2, {"--min-free-disk", "91%", "90%"});
  ExpectRefused(RunServer({dir, "--min-free-disk=nan%"}), 2, {"--min-free-disk", "nan%"});
  ExpectRefused(RunServer({dir, "--min-free-disk=5 percent"}), 2,
                {"--min-free-disk", "5 percent", "5%"});
  EXPECT_FALSE(fs::exists(data.path() + "/data"));
}

TEST(StartTest, NamesTheMemoryThatItsShardsNeed) {
  const TempDir data;
  const std::string dir = "--data-dir=" + data.path() + "/data";
  const std::vector<std::string> parts = {"--memory-budget=150MiB", "64 shards", "226MiB"};
  ExpectRefused(RunServer({kListen, dir, "--shards=64", "--memory-budget=150MiB"}), 1, parts);
  EXPECT_FALSE(fs::exists(data.path() + "/data"));
  // A directory that has as many.
  ServerProcess server(
      {.data_dir = data.path() + "/data", .flags = {"--shards=64", "--memory-budget=226MiB"}});
  ExpectWorks(server);
  ASSERT_EQ(server.Terminate(), 0);
  ExpectRefused(RunServer({kListen, dir, "--memory-budget=150MiB"}), 1, parts);
}

TEST(StartTest, TakesFlagsFromTheCommandLineThenTheEnvironmentThenTheFile) {
  const TempDir files;
  std::ofstream(files.path() + "/config")
      << "max-id-bytes=3\nmax-timeouts=1\nmax-payload-bytes=1\n";
  ServerProcess server({.flags = {"--config=" + files.path() + "/config", "--max-payload-bytes=5"},
                        .environment = {"TIMERD_MAX_ID_BYTES=4", "TIMERD_MAX_PAYLOAD_BYTES=4"}});
  ApiClient client(server.address());
  EXPECT_THAT(client.Try("Get", "id: 'abcde'").error_message(), HasSubstr("--max-id-bytes=4"));
  EXPECT_THAT(client.Try("Schedule", "delay {} payload: '123456'").error_message(),
              HasSubstr("--max-payload-bytes=5"));
  EXPECT_THAT(client.Try("Schedule", "id: 'a' delay { seconds: 9 } detached: true"), IsOkCall());
  const std::string bound = "target_id: 'a' timeout { seconds: 9 } detached: true";
  EXPECT_THAT(client.Try("WithTimeout", bound), IsOkCall());
  EXPECT_EQ(DetailOf(client.Try("WithTimeout", bound), "limit"), "max-timeouts");

  std::ofstream(files.path() + "/bad") << "max-streems=3\n";
  ExpectRefused(RunServer({"--config=" + files.path() + "/bad"}), 2, {"max-streems"});
}

TEST(StartTest, SaysItsVersionAndItsFlags) {
  EXPECT_THAT(RunServer({"--version"}).out, HasSubstr("timerd 0."));
  const FinishedRun help = RunServer({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.out, HasSubstr("--data-dir"));
  EXPECT_THAT(help.out, HasSubstr("--http=HOST:PORT"));
  EXPECT_THAT(help.out, HasSubstr("127.0.0.1:7480"));
  EXPECT_EQ(RunServer({"--check-health=127.0.0.1:1"}).exit_code, 1);
}

// The newest file of one kind in `directory`.
fs::path Newest(const std::string& directory, const std::string& extension) {
  fs::path newest;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == extension && entry.file_size() > 0 && entry.path() > newest) {
      newest = entry.path();
    }
  }
  return newest;
}

void FlipABitAt(const fs::path& path, size_t offset) {
  const auto position = static_cast<std::streamoff>(offset);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(position);
  const char byte = static_cast<char>(file.get());
  file.seekp(position);
  file.put(static_cast<char>(byte ^ 0x10));
  ASSERT_TRUE(file.good());
}

enum class Damaged { kTable, kDatabaseLog, kFrames };

// Never a wrong answer: a damaged directory is refused, now or when the damage is met.
class CorruptionTest : public ::testing::TestWithParam<Damaged> {};

TEST_P(CorruptionTest, IsRefusedWithAWayOut) {
  ServerProcess server({.flags = {"--shards=1"}});
  {
    ApiClient client(server.address());
    for (int i = 0; i < 300; ++i) {
      ASSERT_THAT(client.Try("Schedule", "id: 't" + std::to_string(i) +
                                             "' detached: true delay { seconds: 300 } payload: '" +
                                             std::string(100 + i, 'p') + "'"),
                  IsOkCall());
    }
  }
  fs::path damaged;
  if (GetParam() == Damaged::kTable) {
    ASSERT_EQ(server.Terminate(), 0);
    damaged = Newest(server.data_dir(), ".sst");
  } else {
    server.Kill();
    damaged = GetParam() == Damaged::kFrames ? Newest(server.data_dir() + "/log", ".frames")
                                             : Newest(server.data_dir(), ".log");
  }
  ASSERT_FALSE(damaged.empty());
  // Of the frames one of the first.
  FlipABitAt(damaged, GetParam() == Damaged::kFrames ? size_t{8'300} : fs::file_size(damaged) / 2);
  ExpectRefused(RunServer({kListen, "--data-dir=" + server.data_dir()}), 1,
                {server.data_dir(), "backup"});
}

std::string NameOf(const ::testing::TestParamInfo<Damaged>& info) {
  switch (info.param) {
    case Damaged::kTable:
      return "Table";
    case Damaged::kDatabaseLog:
      return "DatabaseLog";
    case Damaged::kFrames:
      return "Frames";
  }
  return "";
}

INSTANTIATE_TEST_SUITE_P(Files, CorruptionTest,
                         ::testing::Values(Damaged::kTable, Damaged::kDatabaseLog,
                                           Damaged::kFrames),
                         NameOf);

}  // namespace
}  // namespace timerd::testing
