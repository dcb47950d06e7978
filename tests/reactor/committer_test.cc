// When frames are applied: late, unless there is reason to.
#include "server/reactor/committer.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/store/kv_shard_log.h"
#include "server/store/kv_state_store.h"
#include "server/store/memory_kv.h"
#include "tests/support/status_matchers.h"

namespace timerd::reactor {
namespace {

using ::timerd::testing::IsOk;

constexpr auto kPatience = std::chrono::seconds(60);
// Longer than any test.
constexpr auto kNever = std::chrono::hours(1);

class CommitterTest : public ::testing::Test {
 protected:
  CommitterTest() {
    auto log = store::KvShardLog::Open(kv_, 0, store::Durability::kMemory);
    auto state = store::KvStateStore::Open(kv_, 0);
    EXPECT_THAT(log, IsOk());
    EXPECT_THAT(state, IsOk());
    log_ = *std::move(log);
    state_ = *std::move(state);
  }
  void Start(size_t max_gathered, std::chrono::milliseconds max_lag) {
    committer_.emplace(CommitterOptions{.max_gathered = max_gathered, .max_lag = max_lag}, *log_,
                       *state_, 0, [this] {
                         const std::lock_guard<std::mutex> lock(mutex_);
                         progress_.notify_all();
                       });
  }
  // One more frame, and waits until it is durable.
  void Commit() {
    const auto frame = store::NewFrame();
    frame->set_sequence(++last_);
    storage::v1::Put& put = *frame->add_operations()->mutable_put();
    put.set_key(absl::StrCat("default/", last_));
    put.set_spec("spec");
    put.set_state("state");
    committer_->Submit(frame);
    ASSERT_TRUE(WaitUntil([this] { return committer_->durable() == last_; }));
  }
  template <typename Condition>
  bool WaitUntil(Condition condition) {
    std::unique_lock<std::mutex> lock(mutex_);
    return progress_.wait_for(lock, kPatience, condition);
  }
  uint64_t Stored() { return state_->position()->sequence(); }

  store::MemoryKv kv_;
  std::unique_ptr<store::KvShardLog> log_;
  std::unique_ptr<store::KvStateStore> state_;
  std::mutex mutex_;
  std::condition_variable progress_;
  uint64_t last_ = 0;
  std::optional<Committer> committer_;
};

TEST_F(CommitterTest, AppliesNothingThatNobodyWants) {
  Start(1 << 20, kNever);
  for (int i = 0; i < 5; ++i) {
    Commit();
  }
  EXPECT_EQ(committer_->applied(), 0U);
  EXPECT_EQ(Stored(), 0U);
}

TEST_F(CommitterTest, AppliesAllUpToWhatIsWanted) {
  Start(1 << 20, kNever);
  Commit();
  Commit();
  committer_->Want(3);  // which is yet to come
  Commit();
  ASSERT_TRUE(WaitUntil([this] { return committer_->applied() == 3; }));
  EXPECT_EQ(Stored(), 3U);
  EXPECT_EQ(committer_->unapplied_bytes(), 0U);
  Commit();
  EXPECT_EQ(committer_->applied(), 3U);
}

TEST_F(CommitterTest, AppliesWhenMuchIsGathered) {
  Start(1, kNever);
  Commit();
  ASSERT_TRUE(WaitUntil([this] { return committer_->applied() == 1; }));
}

TEST_F(CommitterTest, AppliesWhatHasWaitedForLong) {
  Start(1 << 20, std::chrono::milliseconds(1));
  Commit();
  ASSERT_TRUE(WaitUntil([this] { return committer_->applied() == 1; }));
}

TEST_F(CommitterTest, LeavesEverythingAppliedAndTheLogEmpty) {
  Start(1 << 20, kNever);
  for (int i = 0; i < 5; ++i) {
    Commit();
  }
  committer_.reset();
  EXPECT_EQ(Stored(), 5U);
  int left = 0;
  EXPECT_THAT(log_->Read(1,
                         [&left](const store::Frame&) {
                           ++left;
                           return absl::OkStatus();
                         }),
              IsOk());
  EXPECT_EQ(left, 0);
}

}  // namespace
}  // namespace timerd::reactor
