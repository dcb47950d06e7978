// A disk that runs full: nothing new is taken in time, what exists goes on, and where even that is
// too late nothing that was acknowledged is lost.
#include <algorithm>
#include <chrono>
#include <optional>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/integration/server_test.h"
#include "tests/support/http_get.h"
#include "tests/support/small_disk.h"
#include "tests/support/temp_dir.h"

namespace timerd::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kExhausted = grpc::StatusCode::RESOURCE_EXHAUSTED;
constexpr uint64_t kMiB = 1 << 20;

// Before any test: there may be no second thread yet.
class Disks final : public ::testing::Environment {
 public:
  static absl::Status& allowed() {
    static absl::Status status;
    return status;
  }
  void SetUp() override { allowed() = SmallDisk::Allow(); }
};
const auto* const kDisks = ::testing::AddGlobalTestEnvironment(new Disks);

class DiskTest : public ServerTest {
 protected:
  bool Shows(const std::string& sample) {
    return HttpGet(server().http_address(), "/metrics").body.find("\n" + sample + "\n") !=
           std::string::npos;
  }
  bool SoonShows(const std::string& sample) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!Shows(sample)) {
      if (std::chrono::steady_clock::now() > until) {
        return false;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }
  grpc::Status Make(const std::string& id) {
    return client()
        .Schedule(absl::StrCat("detached: true delay { seconds: 3600 } id: '", id, "'"))
        .Finish();
  }
  static size_t CountIn(const std::string& text, const std::string& part) {
    size_t count = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
      ++count;
    }
    return count;
  }
};

// Needs no rights: what is to be kept free is set near what the disk of temporary files has free
// now. Others may use that disk too, by less than what is to spare.
TEST_F(DiskTest, RefusesWhatIsNewWhileItIsShortOfRoom) {
  constexpr uint64_t kSpare = 512 * kMiB;
  const TempDir files;
  const uint64_t free = FreeBytes(files.path());
  if (free < 4 * kSpare) {
    GTEST_SKIP() << "needs a disk with 2 GiB free below " << files.path();
  }
  StartServer({"--shards=2", absl::StrCat("--min-free-disk=", free - kSpare)});
  for (const char* id : {"cancelled", "fires", "stays"}) {
    ASSERT_THAT(Make(id), IsOkCall());
  }
  auto task = client().WithTimeout("id: 'reported' timeout { seconds: 3600 }");
  task.Acknowledged();
  auto fires = client().Watch("id: 'fires'");
  fires.Acknowledged();
  EXPECT_TRUE(Shows("timerd_disk_short 0"));

  std::optional<Filler> filler(std::in_place, files.path(), 2 * kSpare);
  ASSERT_TRUE(SoonShows("timerd_disk_short 1"));
  const std::pair<std::string, std::string> requests[] = {
      {"Schedule", "delay { seconds: 60 } detached: true"},
      {"StartLoop", "interval { seconds: 60 } detached: true"},
      {"WithTimeout", "timeout { seconds: 60 } detached: true"}};
  for (const auto& [method, request] : requests) {
    const grpc::Status refused = client().Try(method, request);
    EXPECT_THAT(refused, IsRefusedWith(kExhausted, "LIMIT_EXCEEDED")) << method;
    EXPECT_EQ(DetailOf(refused, "limit"), "min-free-disk") << method;
    EXPECT_EQ(RetryDelayOf(refused), std::chrono::seconds(1)) << method;
    EXPECT_THAT(refused.error_message(), HasSubstr("--min-free-disk=")) << method;
  }
  const auto batch = client().Batch(
      "items { schedule { delay { seconds: 60 } } } items { cancel { id: 'cancelled' } }");
  ASSERT_THAT(batch.status, IsOkCall());
  EXPECT_EQ(ReasonOf(batch->results(0).error()), "LIMIT_EXCEEDED");
  EXPECT_FALSE(batch->results(1).has_error());
  EXPECT_TRUE(Shows("timerd_refused_total{limit=\"min-free-disk\"} 4"));

  EXPECT_THAT(Make("stays"), IsOkCall()) << "the same request again makes nothing";
  EXPECT_THAT(client().Reschedule("id: 'fires' from_now {}").status, IsOkCall());
  EXPECT_EQ(fires.Event().type(), v1::Event::TYPE_FIRED);
  EXPECT_THAT(client().Report("id: 'reported' run: 1 outcome { result: RESULT_SUCCESS }").status,
              IsOkCall());
  EXPECT_EQ(task.Event().type(), v1::Event::TYPE_COMPLETED);

  server().Kill();
  Restart();
  EXPECT_THAT(Make("new"), IsRefusedWith(kExhausted, "LIMIT_EXCEEDED")) << "right from the start";
  EXPECT_EQ(Get("stays").id(), "stays");

  filler.reset();
  ASSERT_TRUE(SoonShows("timerd_disk_short 0"));
  EXPECT_THAT(Make("new"), IsOkCall());
  const std::string log = server().Log();
  EXPECT_EQ(CountIn(log, "new handles are refused"), 2u) << "once in each life\n" << log;
  EXPECT_EQ(CountIn(log, "new handles are taken"), 1u) << log;
}

TEST_F(DiskTest, LooksAtNoDiskWhereNothingIsKeptFree) {
  StartServer({"--shards=2", "--min-free-disk=0"});
  EXPECT_THAT(HttpGet(server().http_address(), "/metrics").body, Not(HasSubstr("timerd_disk")));
  EXPECT_THAT(Make("a"), IsOkCall());
}

// On a disk of their own, which is really full in the end.
class SmallDiskTest : public DiskTest {
 protected:
  void SetUp() override {
    if (!Disks::allowed().ok()) {
      GTEST_SKIP() << "needs a file system of its own: " << Disks::allowed();
    }
    disk_.emplace(192 * kMiB);
  }
  void TearDown() override { StopServer(); }

  void StartServerOn(const std::string& min_free_disk) {
    StartServerWith(
        {.data_dir = disk_->path() + "/data",
         .flags = {"--shards=2", "--memory-budget=144MiB", "--min-free-disk=" + min_free_disk}});
  }
  // Makes timers with large payloads, t0, t1 and so on, until that fails with `last`; returns how
  // many there are.
  int MakeUntilItFails(grpc::Status& last) {
    v1::ScheduleRequest request;
    request.set_detached(true);
    request.mutable_delay()->set_seconds(3600);
    std::string& payload = *request.mutable_payload();
    payload.resize(60'000);
    std::minstd_rand random;  // what cannot be compressed
    for (int made = 0; made < 10'000; ++made) {
      request.set_id(absl::StrCat("t", made));
      std::generate(payload.begin(), payload.end(), [&] { return static_cast<char>(random()); });
      last = client().Schedule(request).Finish();
      if (!last.ok()) {
        return made;
      }
    }
    return 0;
  }
  void ExpectAllThere(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string id = absl::StrCat("t", i);
      ASSERT_EQ(Get(id).id(), id) << "of " << count;
    }
  }

  std::optional<SmallDisk> disk_;
};

TEST_F(SmallDiskTest, RefusesInTimeAndHasRoomForTheEnds) {
  StartServerOn("50%");
  grpc::Status last;
  const int made = MakeUntilItFails(last);
  ASSERT_GT(made, 10);
  ASSERT_THAT(last, IsRefusedWith(kExhausted, "LIMIT_EXCEEDED"));
  EXPECT_EQ(DetailOf(last, "limit"), "min-free-disk");
  EXPECT_GT(FreeBytes(disk_->path()), 10 * kMiB);
  ExpectAllThere(made);
  for (int i = 0; i < made; ++i) {
    ASSERT_THAT(client().Cancel(absl::StrCat("id: 't", i, "'")).status, IsOkCall());
  }
  EXPECT_EQ(server().Terminate(), 0);
}

TEST_F(SmallDiskTest, StopsWithoutALossWhenItIsFull) {
  StartServerOn("0");
  std::optional<Filler> filler(std::in_place, disk_->path(), 100 * kMiB);
  grpc::Status last;
  const int made = MakeUntilItFails(last);
  ASSERT_GT(made, 10);
  EXPECT_EQ(last.error_code(), grpc::StatusCode::UNAVAILABLE) << ToString(last);
  EXPECT_EQ(server().Wait(), 1);
  EXPECT_THAT(server().Log(), HasSubstr("No space left on device"));
  EXPECT_THAT(server().Log(), HasSubstr("make room on the disk and restart the server"));

  // Nor does it begin what it could not go on with.
  Filler rest(disk_->path(), FreeBytes(disk_->path()), "rest");
  const FinishedRun run = RunServer(
      {"--listen=127.0.0.1:0", "--http=127.0.0.1:0", "--data-dir=" + disk_->path() + "/data"});
  EXPECT_EQ(run.exit_code, 1) << run.err;
  EXPECT_THAT(run.err, HasSubstr("free on its disk to be opened"));
  EXPECT_THAT(run.err, HasSubstr("make room on the disk"));

  filler.reset();
  Restart();
  ExpectAllThere(made);
  EXPECT_THAT(Make("new"), IsOkCall());
}

}  // namespace
}  // namespace timerd::testing
