// How a worker ends.
#include <map>
#include <thread>

#include "tests/client/worker_fixture.h"

namespace timerd::testing {
namespace {

class WorkerStoppingTest : public WorkerTest {
 protected:
  ~WorkerStoppingTest() override {
    if (stopping_.joinable()) {
      stopping_.join();
    }
  }
  // Stop() on another thread; its result is in stopped_.
  void BeginToStop() {
    stopping_ = std::thread([this] { stopped_.Set(worker_->Stop(kPatience)); });
  }

  std::thread stopping_;
  Promise<bool> stopped_{[](std::function<void()> callback) { callback(); }};
};

TEST_F(WorkerStoppingTest, ReleasesWhatHasNotBegunAndFinishesTheRest) {
  Work(Gated(), Mail(/*concurrency=*/1, /*prefetch=*/2));
  FakeWorkPtr stream = Join();
  for (uint64_t i = 1; i <= 3; ++i) {
    stream->Deliver(MakeOccurrence("mail/" + std::to_string(i), i));
  }
  ASSERT_TRUE(gate_.WaitForEntries(1));
  // So that all three are here.
  v1::Occurrence again = MakeOccurrence("mail/3", 4, /*attempt=*/2, absl::Milliseconds(30));
  stream->Deliver(again);
  EXPECT_EQ(stream->NextExtension().lease(), 4u);

  BeginToStop();
  std::map<std::string, v1::Settlement> released;
  for (int i = 0; i < 2; ++i) {
    const v1::Settlement verdict = stream->NextVerdict();
    EXPECT_TRUE(verdict.has_release());
    released[verdict.id()] = verdict;
    stream->Answer(verdict);
  }
  EXPECT_EQ(released["mail/2"].lease(), 2u);
  EXPECT_EQ(released["mail/3"].lease(), 4u);
  stream->Drain();
  EXPECT_FALSE(stopped_.future().ready());
  gate_.Open();
  const v1::Settlement verdict = stream->NextVerdict();
  EXPECT_EQ(verdict.lease(), 1u);
  EXPECT_TRUE(verdict.has_success());
  EXPECT_FALSE(stopped_.future().ready());  // not before the answer
  stream->Answer(verdict);
  ASSERT_EQ(stopped_.future().Wait(kPatience), true);
  EXPECT_TRUE(worker_->over().Get().ok());
  stream->WaitUntilClosed();
  EXPECT_EQ(runs_, 1);
}

TEST_F(WorkerStoppingTest, ReleasesWhatComesBeforeTheServerHasDrained) {
  Work(Returning("done"));
  FakeWorkPtr stream = Join();
  ASSERT_TRUE(worker_->registered().Get().ok());
  BeginToStop();
  stream->WaitForDrain();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  const v1::Settlement verdict = stream->NextVerdict();
  EXPECT_TRUE(verdict.has_release());
  stream->Drain();
  stream->Answer(verdict);
  EXPECT_EQ(stopped_.future().Wait(kPatience), true);
  EXPECT_EQ(runs_, 0);
}

TEST_F(WorkerStoppingTest, GoesOnOverANewStreamUntilAllIsAnswered) {
  Work(Returning("done"));
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  stream->NextVerdict();
  BeginToStop();
  stream->WaitForDrain();
  stream->End(kConnectionLost);
  stream = Join();
  stream->Answer(stream->NextVerdict());
  stream->Drain();
  EXPECT_EQ(stopped_.future().Wait(kPatience), true);
}

TEST_F(WorkerStoppingTest, SaysWhenTheLimitCameFirst) {
  Work(Gated());
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  ASSERT_TRUE(gate_.WaitForEntries(1));
  EXPECT_FALSE(worker_->Stop(absl::Milliseconds(1)));
  stream->Drain();
  gate_.Open();
  stream->Answer(stream->NextVerdict());
  EXPECT_TRUE(worker_->Stop(kPatience));
}

TEST_F(WorkerStoppingTest, NeedsNoServerWhenNothingIsUnderWay) {
  Work(Returning("done"));
  const FakeWorkPtr stream = Join();  // an answer might be on its way still when the server goes
  server_.Shutdown();
  EXPECT_TRUE(worker_->Stop(kPatience));
}

TEST_F(WorkerStoppingTest, CancelsTheTokensOfHandlersThatOutliveTheGrace) {
  Promise<bool> begun{[](std::function<void()> callback) { callback(); }};
  Promise<bool> noticed{[](std::function<void()> callback) { callback(); }};
  Work([&](const WorkRun& run) {
    begun.Set(true);
    noticed.Set(run.token().WaitFor(kPatience));
    return absl::CancelledError("stopped");
  });
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  ASSERT_EQ(begun.future().Wait(kPatience), true);
  std::thread server([&stream] {
    stream->Drain();
    stream->Answer(stream->NextVerdict());
  });
  worker_.reset();
  server.join();
  EXPECT_TRUE(noticed.future().Get());
  stream->WaitUntilClosed();
}

TEST_F(WorkerStoppingTest, IsOverWhenItsClientIsClosed) {
  auto client = std::make_unique<Client>(OptionsFor(server_));
  Worker worker(*client, Mail(), Returning("done"));
  Join();
  client.reset();
  EXPECT_TRUE(absl::IsUnavailable(worker.over().Get()));
}

}  // namespace
}  // namespace timerd::testing
