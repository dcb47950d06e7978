// A shard in the hand of a test: time moves, frames become durable and are applied when the test
// says so.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/handle_key.h"
#include "server/reactor/recovery.h"
#include "server/reactor/shard.h"
#include "server/store/kv_shard_log.h"
#include "server/store/kv_state_store.h"
#include "server/store/memory_kv.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_time.h"

namespace timerd::reactor {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::timerd::testing::At;
using ::timerd::testing::IsOk;
using ::timerd::testing::IsRefused;
using ::timerd::testing::kStart;
using ::timerd::testing::Seconds;

// The answer of a command that has perhaps not been given yet.
template <typename T>
using Answer = std::shared_ptr<std::optional<absl::StatusOr<T>>>;

class ShardTest : public ::testing::Test, protected EventSink {
 protected:
  ShardTest() { options_.limits.retention = std::chrono::hours(24); }

  // Makes the shard, after the options are set; later, makes it again from what is in the store.
  void Start(double seconds = 0) {
    StartWithBacklog(seconds);
    Settle();
  }
  // The same, but what came due meanwhile has not fired yet.
  void StartWithBacklog(double seconds) {
    shard_.reset();
    log_ = Open(store::KvShardLog::Open(kv_, options_.index, store::Durability::kSync));
    state_ = Open(store::KvStateStore::Open(kv_, options_.index));
    const absl::StatusOr<Recovered> recovered = Recover(*log_, *state_);
    ASSERT_THAT(recovered, IsOk());
    durable_ = recovered->position.sequence();
    to_apply_.clear();
    EventSink& sink = *this;
    shard_.emplace(options_, *recovered, At(seconds), *state_, sink);
    SetTime(seconds);
  }

  void SetTime(double seconds) {
    seconds_ = seconds;
    shard_->Begin({At(seconds), ToNanos(At(seconds) + Seconds(wall_ahead_))});
  }
  // The wall clock is set to `seconds` ahead of service time.
  void SetWallClock(double ahead) {
    wall_ahead_ = ahead;
    SetTime(seconds_);
  }
  // What the wall clock shows `seconds` after the start, if nobody sets it.
  static int64_t Wall(double seconds) { return ToNanos(At(seconds)); }

  static std::string Key(const std::string& id) { return HandleKey(kDefaultNamespace, id); }

  // Room in memory for `count` handles whose ids are short.
  static size_t RoomFor(size_t count) {
    return count * ResidentBytes({.key = Key("t000"), .timeouts = {{}}});
  }

  // ---- Commands: each returns where its answer will be.
  Answer<Opened> Create(const std::string& id, timer::Spec spec) {
    return CreateKey(Key(id), std::move(spec));
  }
  Answer<Opened> CreateKey(const std::string& key, timer::Spec spec, bool replace = false) {
    const auto answer = MakeAnswer<Opened>();
    shard_->Execute(
        reactor::Create{key, std::move(spec), replace, Into(answer, "create", ShownAs(key))});
    return answer;
  }
  Answer<Opened> CreateTimer(const std::string& id, double delay, bool reported = false) {
    return Create(id, {.kind = timer::Kind::kTimer, .reported = reported, .span = Seconds(delay)});
  }
  // Due when the wall clock shows `seconds` after the start.
  Answer<Opened> CreateAt(const std::string& id, double seconds) {
    return Create(id, {.kind = timer::Kind::kTimer, .at = Wall(seconds)});
  }
  Answer<Opened> CreateLoop(const std::string& id, double interval, bool start_now = false) {
    return Create(id, {.kind = timer::Kind::kLoop,
                       .reported = true,
                       .span = Seconds(interval),
                       .start_now = start_now});
  }
  Answer<Opened> CreateTask(const std::string& id, double timeout) {
    return Create(id, {.kind = timer::Kind::kTask, .reported = true, .span = Seconds(timeout)});
  }
  Answer<Opened> Bound(const std::string& id, double timeout) {
    const auto answer = MakeAnswer<Opened>();
    shard_->Execute(
        reactor::Bound{Key(id), Seconds(timeout), std::nullopt, "", Into(answer, "bound", id)});
    return answer;
  }
  Answer<Opened> Watch(const std::string& id, uint64_t after = 0) {
    const auto answer = MakeAnswer<Opened>();
    shard_->Execute(reactor::Watch{Key(id), after, Into(answer, "watch", id)});
    return answer;
  }
  Answer<Cancelled> Cancel(const std::string& id) {
    const auto answer = MakeAnswer<Cancelled>();
    shard_->Execute(reactor::Cancel{Key(id), Into(answer, "cancel", id)});
    return answer;
  }
  Answer<Reported> Report(const std::string& id, uint64_t run, bool success = true) {
    const auto answer = MakeAnswer<Reported>();
    shard_->Execute(reactor::Report{Key(id), run, {success, ""}, Into(answer, "report", id)});
    return answer;
  }
  Answer<Steered> Steer(const std::string& id, decltype(reactor::Steer::action) action) {
    const auto answer = MakeAnswer<Steered>();
    shard_->Execute(reactor::Steer{Key(id), action, Into(answer, "steer", id)});
    return answer;
  }
  // Somebody follows `id` from now on, or one that did is gone and nobody is left.
  void Follow(const std::string& id) { followed_.insert(Key(id)); }
  void Unfollow(const std::string& id) {
    followed_.erase(Key(id));
    shard_->Execute(reactor::Unfollow{Key(id)});
  }
  Answer<Moved> MoveFromNow(const std::string& id, double delay) {
    const auto answer = MakeAnswer<Moved>();
    shard_->Execute(
        reactor::Reschedule{Key(id), timer::FromNow{Seconds(delay)}, Into(answer, "move", id)});
    return answer;
  }
  Answer<Got> Get(const std::string& id) {
    const auto answer = MakeAnswer<Got>();
    shard_->Execute(reactor::Get{Key(id), Into(answer, "get", id)});
    return answer;
  }
  Answer<Listed> List(ListFilter filter, ListCursor after = {}, size_t max_rows = 100) {
    const auto answer = MakeAnswer<Listed>();
    shard_->Execute(
        reactor::List{std::move(filter), std::move(after), max_rows, Into(answer, "list", "")});
    return answer;
  }

  // ---- The disk.
  // The next frame goes into the log; returns how many handles are in it, -1 if there is no frame.
  int TakeFrame() {
    const std::shared_ptr<const store::Frame> frame = shard_->TakeFrame();
    if (!frame) {
      return -1;
    }
    EXPECT_THAT(log_->Append(*frame), IsOk());
    const int operations = frame->operations_size();
    operations_ += operations;
    to_apply_.push_back(*frame);
    return operations;
  }
  // All frames taken become durable, and are applied unless the test wants it otherwise.
  void Commit(bool apply = true) {
    while (TakeFrame() >= 0) {
    }
    for (const store::Frame& frame : to_apply_) {
      if (frame.sequence() > durable_) {
        shard_->OnDurable(frame.sequence());
        durable_ = frame.sequence();
      }
    }
    while (apply && !to_apply_.empty()) {
      ApplyNext();
    }
    shard_->Release();
  }
  // The last frame that is.
  uint64_t durable() const { return durable_; }
  // The next frame that is durable is applied.
  void ApplyNext() {
    EXPECT_THAT(state_->Apply(to_apply_.front()), IsOk());
    shard_->OnApplied(to_apply_.front().sequence());
    to_apply_.pop_front();
  }
  // One turn after the other until nothing is left to do.
  void Settle() {
    for (bool more = true; more;) {
      SetTime(seconds_);
      const absl::StatusOr<bool> loaded = shard_->LoadWindow();
      ASSERT_THAT(loaded, IsOk());
      more = *loaded;
      ASSERT_THAT(shard_->FireOverdue(1000), IsOk());
      more |= shard_->HasBacklog();
      more |= shard_->Fire(1000) > 0;
      const absl::StatusOr<size_t> dispatched = shard_->Dispatch(1000);
      ASSERT_THAT(dispatched, IsOk());
      more |= *dispatched > 0;
      const absl::StatusOr<size_t> forgotten = shard_->Forget();
      ASSERT_THAT(forgotten, IsOk());
      more |= *forgotten > 0;
      more |= shard_->waiting() > 0;
      Commit();
    }
  }
  void SettleAt(double seconds) {
    SetTime(seconds);
    Settle();
  }
  // What came out since the last call, in order: "create a", "a FIRED 1", "a FIRED 1 again".
  std::vector<std::string> TakeOutputs() { return std::exchange(outputs_, {}); }

  void OnEvent(std::unique_ptr<const Notice> notice) override {
    outputs_.push_back(absl::StrCat(ShownAs(notice->key), " ",
                                    timer::EventTypeName(notice->event.type), " ",
                                    notice->event.sequence, notice->redelivery ? " again" : ""));
    notices_.push_back(*notice);
  }
  bool IsFollowed(absl::string_view key) override { return followed_.contains(std::string(key)); }

  ShardOptions options_;
  store::MemoryKv kv_;
  std::unique_ptr<store::KvShardLog> log_;
  std::unique_ptr<store::KvStateStore> state_;
  std::optional<Shard> shard_;
  std::vector<Notice> notices_;
  std::set<std::string> followed_;  // keys
  int operations_ = 0;              // in all frames taken

 private:
  template <typename T>
  static T Open(absl::StatusOr<T> opened) {
    TIMERD_CHECK(opened.ok());
    return *std::move(opened);
  }
  // Keys without the namespace, where that is the default one.
  static std::string ShownAs(absl::string_view key) {
    return std::string(NamespaceOf(key) == kDefaultNamespace ? IdOf(key) : key);
  }
  template <typename T>
  static Answer<T> MakeAnswer() {
    return std::make_shared<std::optional<absl::StatusOr<T>>>();
  }
  template <typename T>
  Reply<T> Into(Answer<T> answer, const char* command, const std::string& id) {
    return [this, answer,
            name = id.empty() ? command : absl::StrCat(command, " ", id)](absl::StatusOr<T> given) {
      EXPECT_FALSE(answer->has_value()) << "answered twice: " << name;
      *answer = std::move(given);
      outputs_.push_back(name);
    };
  }

  double seconds_ = 0;
  double wall_ahead_ = 0;
  uint64_t durable_ = 0;
  std::deque<store::Frame> to_apply_;
  std::vector<std::string> outputs_;
};

}  // namespace timerd::reactor
