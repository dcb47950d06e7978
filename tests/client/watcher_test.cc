// Feeds of many handles, followed over streams that break.
#include "timerd/watcher.h"

#include <vector>

#include "tests/client/fake_timers_fixture.h"

namespace timerd::testing {
namespace {

v1::WatchResponse Begun(const std::string& cursor) {
  v1::WatchResponse response;
  response.mutable_acknowledged()->mutable_now()->set_seconds(1000);
  response.set_cursor(cursor);
  return response;
}

v1::WatchResponse Fired(const std::string& id, const std::string& cursor) {
  v1::WatchResponse response;
  *response.mutable_event() = MakeEvent(v1::Event::TYPE_FIRED, 1, 1);
  response.mutable_event()->set_id(id);
  response.mutable_event()->set_cursor(cursor);
  response.set_cursor(cursor);
  return response;
}

class WatcherTest : public FakeTimersTest {
 protected:
  void Watch(WatcherOptions options) {
    watcher_ = std::make_unique<Watcher>(client_, std::move(options), [this](const WatchedItem& i) {
      std::lock_guard<std::mutex> lock(mutex_);
      items_.push_back(i);
      changed_.notify_all();
    });
  }
  // The items, once there are so many.
  std::vector<WatchedItem> Items(size_t number) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoMicroseconds(kPatience),
                      [&] { return items_.size() >= number; });
    EXPECT_EQ(items_.size(), number);
    return items_;
  }
  static const v1::WatchRequest& Request(const FakeCallPtr& call) {
    return call->request<v1::WatchRequest>();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<WatchedItem> items_;
  std::unique_ptr<Watcher> watcher_;
};

TEST_F(WatcherTest, AsksForWhatItIsToFollow) {
  Watch({});
  FakeCallPtr watch = server_.Next("Watch");
  EXPECT_TRUE(Request(watch).everything());
  EXPECT_FALSE(Request(watch).from_oldest());
  EXPECT_EQ(Request(watch).cursor(), "");
  EXPECT_EQ(Request(watch).id(), "");
  Watch({.id_prefix = "mail/", .from_oldest = true});
  watch = server_.Next("Watch");
  EXPECT_EQ(Request(watch).id_prefix(), "mail/");
  EXPECT_FALSE(Request(watch).everything());
  EXPECT_TRUE(Request(watch).from_oldest());
  Watch({.queue = "mail", .cursor = "17"});
  watch = server_.Next("Watch");
  EXPECT_EQ(Request(watch).queue(), "mail");
  EXPECT_FALSE(Request(watch).everything());
  EXPECT_EQ(Request(watch).cursor(), "17");
}

TEST_F(WatcherTest, GivesEachEventAndGapWithItsCursor) {
  Watch({.from_oldest = true});
  FakeCallPtr watch = server_.Next("Watch");
  EXPECT_FALSE(watcher_->watching().ready());
  watch->Send(Begun("10"));
  EXPECT_TRUE(watcher_->watching().Get().ok());
  EXPECT_EQ(watcher_->cursor(), "10");
  v1::WatchResponse gap;
  gap.mutable_gap()->set_missing(7);
  gap.set_cursor("17");
  watch->Send(gap);
  watch->Send(Fired("tea", "18"));
  const std::vector<WatchedItem> items = Items(2);
  EXPECT_EQ(items[0].cursor, "17");
  ASSERT_TRUE(items[0].gap.has_value());
  EXPECT_EQ(items[0].gap->missing(), 7u);
  EXPECT_FALSE(items[0].event.has_value());
  EXPECT_EQ(items[1].cursor, "18");
  ASSERT_TRUE(items[1].event.has_value());
  EXPECT_EQ(items[1].event->id(), "tea");
  EXPECT_EQ(watcher_->cursor(), "18");
}

TEST_F(WatcherTest, GoesOnBehindTheLastEventWhenTheStreamBreaks) {
  Watch({.queue = "mail", .from_oldest = true});
  FakeCallPtr watch = server_.Next("Watch");
  watch->Finish(kUnavailable);
  watch = server_.Next("Watch");
  EXPECT_TRUE(Request(watch).from_oldest());
  watch->Send(Begun("10"));
  watch->Send(Fired("tea", "11"));
  watch->Send(Fired("egg", "12"));
  Items(2);
  watch->Finish(grpc::Status::OK);
  watch = server_.Next("Watch");
  EXPECT_EQ(Request(watch).cursor(), "12");
  EXPECT_EQ(Request(watch).queue(), "mail");
  EXPECT_FALSE(Request(watch).from_oldest());
  watch->Send(Begun("12"));
  watch->Send(Fired("soup", "13"));
  EXPECT_EQ(Items(3)[2].event->id(), "soup");
}

TEST_F(WatcherTest, GoesOnFromWhereItBeganWhenTheStreamBreaksBeforeTheFirstEvent) {
  Watch({});
  FakeCallPtr watch = server_.Next("Watch");
  watch->Send(Begun("10"));
  ASSERT_TRUE(watcher_->watching().Get().ok());
  server_.Shutdown();
  server_.Listen();
  EXPECT_EQ(Request(server_.Next("Watch")).cursor(), "10");
}

TEST_F(WatcherTest, TriesAgainWhenItReadTooSlowly) {
  Watch({});
  FakeCallPtr watch = server_.Next("Watch");
  watch->Send(Begun("10"));
  watch->Finish(Refused(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"));
  EXPECT_EQ(Request(server_.Next("Watch")).cursor(), "10");
}

TEST_F(WatcherTest, IsOverWhenTheServerRefusesIt) {
  Watch({.queue = "mial"});
  server_.Next("Watch")->Finish(Refused(grpc::StatusCode::NOT_FOUND, "UNKNOWN_QUEUE"));
  EXPECT_EQ(ReasonOf(watcher_->over().Get()), "UNKNOWN_QUEUE");
  EXPECT_EQ(ReasonOf(watcher_->watching().Get()), "UNKNOWN_QUEUE");
}

TEST_F(WatcherTest, ReadsNoMoreThanAFewEventsAheadAndLosesNone) {
  Promise<bool> entered{[](std::function<void()> callback) { callback(); }};
  Promise<bool> open{[](std::function<void()> callback) { callback(); }};
  Promise<bool> all{[](std::function<void()> callback) { callback(); }};
  std::vector<std::string> ids;
  constexpr size_t kEvents = 5000;
  Watcher watcher(client_, {}, [&](const WatchedItem& item) {
    entered.Set(true);
    open.future().Wait(kPatience);
    ids.push_back(item.event->id());
    if (ids.size() == kEvents) {
      all.Set(true);
    }
  });
  FakeCallPtr watch = server_.Next("Watch");
  watch->Send(Begun("0"));
  for (size_t i = 1; i <= kEvents; ++i) {
    watch->Send(Fired(std::to_string(i), std::to_string(i)));
  }
  ASSERT_TRUE(entered.future().Get());
  EXPECT_EQ(watcher.cursor(), "1");
  open.Set(true);
  ASSERT_EQ(all.future().Wait(kPatience), true);
  for (size_t i = 0; i < kEvents; ++i) {
    ASSERT_EQ(ids[i], std::to_string(i + 1));
  }
}

TEST_F(WatcherTest, CallsNothingOnceItIsStopped) {
  Promise<bool> entered{[](std::function<void()> callback) { callback(); }};
  Promise<bool> open{[](std::function<void()> callback) { callback(); }};
  std::atomic<int> calls = 0;
  Watcher watcher(client_, {}, [&](const WatchedItem&) {
    ++calls;
    entered.Set(true);
    open.future().Wait(kPatience);
  });
  FakeCallPtr watch = server_.Next("Watch");
  watch->Send(Begun("10"));
  for (int i = 0; i < 1000; ++i) {
    watch->Send(Fired("tea", "11"));
  }
  ASSERT_TRUE(entered.future().Get());
  // It waits for the callback, which ends as soon as it is known that it was stopped.
  watcher.over().OnReady([&open](const absl::Status&) { open.Set(true); });
  watcher.Stop();
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(watcher.over().Get().ok());
  EXPECT_TRUE(watch->WaitUntilCancelled());
  EXPECT_EQ(calls, 1);
}

TEST_F(WatcherTest, CanBeStoppedInItsCallback) {
  std::atomic<int> calls = 0;
  std::atomic<Watcher*> self = nullptr;
  Watcher watcher(client_, {}, [&](const WatchedItem&) {
    ++calls;
    self.load()->Stop();
  });
  self = &watcher;
  FakeCallPtr watch = server_.Next("Watch");
  watch->Send(Begun("10"));
  watch->Send(Fired("tea", "11"));
  watch->Send(Fired("egg", "12"));
  EXPECT_TRUE(watcher.over().Get().ok());
  watcher.Stop();
  EXPECT_EQ(calls, 1);
}

TEST_F(WatcherTest, IsOverWhenItsClientIsClosed) {
  auto client = std::make_unique<Client>(OptionsFor(server_));
  Watcher watcher(*client, {}, [](const WatchedItem&) {});
  server_.Next("Watch")->Send(Begun("10"));
  ASSERT_TRUE(watcher.watching().Get().ok());
  client.reset();
  EXPECT_TRUE(absl::IsUnavailable(watcher.over().Get()));
}

}  // namespace
}  // namespace timerd::testing
