// Closing a client: nothing hangs, nothing is cancelled, nothing finished is lost.
#include <optional>

#include "tests/client/fake_timers_fixture.h"

namespace timerd::testing {
namespace {

class ClosingTest : public ::testing::Test {
 protected:
  static ClientOptions WithGrace(const FakeTimers& server) {
    ClientOptions options = OptionsFor(server);
    options.close_grace = kPatience;
    return options;
  }

  FakeTimers server_;
  std::optional<Client> client_{std::in_place, WithGrace(server_)};
};

TEST_F(ClosingTest, EndsWhatIsUnfinishedAndCancelsNothing) {
  DelayedCall call = client_->CallLater(absl::Seconds(60), [] {});
  FakeCallPtr stream = server_.Next("Schedule");
  stream->Send(Acknowledged(call.id()));
  ASSERT_TRUE(call.acknowledged().Get().ok());
  std::atomic<bool> told = false;
  call.OnDone([&told](const Ending& ending) { told = ending.end == End::kDetached; });
  client_.reset();
  EXPECT_TRUE(told);
  EXPECT_TRUE(stream->WaitUntilCancelled());
  EXPECT_TRUE(server_.Quiet("Cancel"));
  ASSERT_TRUE(call.done().ready());
  EXPECT_EQ(call.done().Get().end, End::kDetached);
  EXPECT_EQ(call.result().Get().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(call.result().Get().status().message()),
              ::testing::HasSubstr("client was closed"));
  EXPECT_EQ(call.Cancel().Get().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(call.Reset(absl::Seconds(1)).Get().status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ClosingTest, DoesNotHangWithoutAServer) {
  server_.Shutdown();
  DelayedCall call = client_->CallLater(absl::Seconds(1), [] {});
  Future<absl::Status> cancelled = call.Cancel();
  DeferredCall other = client_->DeferLater(absl::Seconds(1), [] { return "value"; });
  Future<absl::StatusOr<v1::Handle>> got = client_->Get("some");
  Future<absl::Status> armed = other.AddTimeout(absl::Seconds(1));
  client_.reset();
  EXPECT_EQ(call.acknowledged().Wait(absl::ZeroDuration())->code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(cancelled.ready());
  EXPECT_TRUE(armed.ready());
  EXPECT_EQ(got.Wait(absl::ZeroDuration())->status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ClosingTest, DoesNotHangOnAServerThatNeverAnswers) {
  client_.emplace(OptionsFor(server_));  // with a short grace
  Future<absl::StatusOr<v1::Handle>> got = client_->Get("some");
  FakeCallPtr unanswered = server_.Next("Get");
  client_.reset();
  EXPECT_FALSE(got.Wait(absl::ZeroDuration())->ok());
  EXPECT_TRUE(unanswered->WaitUntilCancelled());
}

TEST_F(ClosingTest, WaitsForARunningFunctionAndSendsItsReport) {
  Promise<bool> begun([](std::function<void()> callback) { callback(); });
  Task task = client_->WithTimeout(absl::Seconds(60), [&begun](const CancellationToken& token) {
    begun.Set(true);
    EXPECT_TRUE(token.WaitFor(kPatience));  // told that the client is being closed
    return "what is done";
  });
  FakeCallPtr stream = server_.Next("WithTimeout");
  stream->Send(Acknowledged(task.id()));
  ASSERT_TRUE(begun.future().Wait(kPatience).has_value());
  std::thread closer([this] { client_.reset(); });
  FakeCallPtr report = server_.Next("Report");
  EXPECT_EQ(report->request<v1::ReportRequest>().outcome().payload(), "what is done");
  report->Reply(v1::ReportResponse());
  closer.join();
  EXPECT_EQ(task.done().Get().end, End::kDetached);
}

TEST_F(ClosingTest, SendsAReportThatIsUnderWay) {
  Task task = client_->WithTimeout(absl::Seconds(60));
  FakeCallPtr stream = server_.Next("WithTimeout");
  stream->Send(Acknowledged(task.id()));
  ASSERT_TRUE(task.acknowledged().Get().ok());
  ASSERT_TRUE(task.Complete("value"));
  std::thread closer([this] { client_.reset(); });
  FakeCallPtr report = server_.Next("Report");
  report->Reply(v1::ReportResponse());
  closer.join();
  EXPECT_FALSE(report->request<v1::ReportRequest>().id().empty());
}

TEST_F(ClosingTest, AnswersPlainCallsThatAreUnderWay) {
  Future<absl::Status> cancelled = client_->Cancel("some");
  FakeCallPtr message = server_.Next("Submit");
  Handle told = client_->Watch("told of the closing");
  const absl::Time begin = absl::Now();
  std::thread closer([this] { client_.reset(); });
  EXPECT_EQ(told.done().Get().end, End::kDetached);
  EXPECT_FALSE(cancelled.Wait(absl::Milliseconds(20)).has_value());  // time to come to the wait
  v1::SubmitResponse response;
  response.set_tag(message->request<v1::SubmitRequest>().tag());
  response.add_results()->mutable_cancel();
  message->Reply(response);
  closer.join();
  EXPECT_TRUE(cancelled.Get().ok());
  EXPECT_LT(absl::Now() - begin, kPatience / 2);  // the grace is not waited out
}

TEST_F(ClosingTest, EndsPlainCallsThatAServerDoesNotAnswer) {
  client_.emplace(OptionsFor(server_));  // with a short grace
  std::vector<Future<absl::Status>> futures;
  for (const char* id : {"a", "a", "b", "c", "d", "e"}) {
    futures.push_back(client_->Cancel(id));  // the last ones wait for the first ones
  }
  server_.Next("Submit");
  client_.reset();
  for (const auto& future : futures) {
    ASSERT_TRUE(future.ready());
    EXPECT_THAT(std::string(future.Get().message()), ::testing::HasSubstr("client was closed"));
  }
}

TEST_F(ClosingTest, EndsPlainCallsThatWaitForAServer) {
  server_.Shutdown();
  Future<absl::Status> cancelled = client_->Cancel("some");
  Future<absl::Status> behind = client_->Cancel("some");
  client_.reset();
  EXPECT_TRUE(cancelled.ready());
  EXPECT_EQ(behind.Wait(absl::ZeroDuration())->code(), absl::StatusCode::kUnavailable);
}

TEST_F(ClosingTest, EndsAWaitInsideAFunction) {
  Promise<bool> begun([](std::function<void()> callback) { callback(); });
  DelayedCall never = client_->CallLater(absl::Seconds(60), [] {});
  server_.Next("Schedule")->Send(Acknowledged(never.id()));
  std::optional<Ending> seen;
  DelayedCall waiter = client_->CallLater(absl::ZeroDuration(), [&] {
    begun.Set(true);
    seen = never.Wait(kPatience);
  });
  FakeCallPtr stream = server_.Next("Schedule");
  stream->Send(Acknowledged(waiter.id()));
  stream->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
  ASSERT_TRUE(begun.future().Wait(kPatience).has_value());
  client_.reset();
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->end, End::kDetached);
}

}  // namespace
}  // namespace timerd::testing
