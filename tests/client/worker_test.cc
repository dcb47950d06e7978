// What a worker makes of deliveries, and what it tells the server.
#include <map>
#include <set>
#include <stdexcept>

#include "tests/client/worker_fixture.h"

namespace timerd::testing {
namespace {

TEST_F(WorkerTest, JoinsItsQueueWithAsMuchCreditAsItCanHold) {
  WorkerOptions options = Mail(/*concurrency=*/3, /*prefetch=*/5);
  options.name = "host-7";
  Work(Returning("done"), options);
  FakeWorkPtr stream = server_.NextStream();
  const v1::WorkRequest::Register registration = stream->Registration();
  EXPECT_EQ(registration.queue(), "mail");
  EXPECT_EQ(registration.credit(), 8u);
  EXPECT_EQ(registration.worker(), "host-7");
  EXPECT_EQ(registration.namespace_(), "shop");
  EXPECT_FALSE(worker_->registered().ready());
  stream->Join();
  EXPECT_TRUE(worker_->registered().Get().ok());
  EXPECT_FALSE(worker_->over().ready());
}

TEST_F(WorkerTest, CarriesOutWhatIsDeliveredAndTellsItsResult) {
  Promise<WorkRun> seen{[](std::function<void()> callback) { callback(); }};
  Work([&seen](const WorkRun& run) {
    seen.Set(run);
    return "sent";
  });
  FakeWorkPtr stream = Join();
  v1::Occurrence occurrence = MakeOccurrence("mail/7", 42, 3);
  occurrence.set_generation(2);
  occurrence.set_run(9);
  occurrence.set_payload("hello");
  occurrence.set_count(4);
  occurrence.set_missed(3);
  occurrence.set_last_attempt(true);
  occurrence.mutable_deadline()->set_seconds(990);
  stream->Deliver(occurrence);
  const v1::Settlement verdict = stream->NextVerdict();
  EXPECT_EQ(verdict.id(), "mail/7");
  EXPECT_EQ(verdict.lease(), 42u);
  EXPECT_EQ(verdict.success(), "sent");

  const WorkRun run = seen.future().Get();
  EXPECT_EQ(run.id(), "mail/7");
  EXPECT_EQ(run.generation(), 2u);
  EXPECT_EQ(run.run(), 9u);
  EXPECT_EQ(run.attempt(), 3u);
  EXPECT_EQ(run.payload(), "hello");
  EXPECT_EQ(run.count(), 4u);
  EXPECT_EQ(run.missed(), 3u);
  EXPECT_TRUE(run.last_attempt());
  EXPECT_EQ(run.deadline(), absl::FromUnixSeconds(990));
  EXPECT_EQ(run.time(), absl::FromUnixSeconds(1000));
  EXPECT_FALSE(run.revoked());
}

TEST_F(WorkerTest, RunsAsManyAtOnceAsItHasThreads) {
  Work(Gated(), Mail(/*concurrency=*/2, /*prefetch=*/1));
  FakeWorkPtr stream = Join();
  for (uint64_t i = 1; i <= 3; ++i) {
    stream->Deliver(MakeOccurrence("mail/" + std::to_string(i), i));
  }
  ASSERT_TRUE(gate_.WaitForEntries(2));
  gate_.Open();
  stream->NextVerdict();
  ASSERT_TRUE(gate_.WaitForEntries(3));
  EXPECT_EQ(runs_, 1);
  gate_.Open(2);
  stream->NextVerdict();
  EXPECT_EQ(stream->NextVerdict().lease() > 0, true);
}

TEST_F(WorkerTest, TellsFailuresAsTheirCodeAndTheHandlerSay) {
  struct Case {
    WorkResult result;
    std::string payload;
    bool final;
    int64_t retry_after_s;
  };
  const Case cases[] = {
      {absl::UnavailableError("away"), "UNAVAILABLE: away", false, 0},
      {absl::InternalError("broken"), "INTERNAL: broken", false, 0},
      {absl::InvalidArgumentError("no address"), "INVALID_ARGUMENT: no address", true, 0},
      {absl::FailedPreconditionError("closed"), "FAILED_PRECONDITION: closed", true, 0},
      {WorkResult::Final(absl::NotFoundError("gone")), "NOT_FOUND: gone", true, 0},
      {WorkResult::TryAgain(absl::InvalidArgumentError("yet")), "INVALID_ARGUMENT: yet", false, 0},
      {WorkResult::TryAgain(absl::UnavailableError("busy"), absl::Seconds(7)), "UNAVAILABLE: busy",
       false, 7},
  };
  std::atomic<size_t> next = 0;
  Work([&](const WorkRun&) { return cases[next].result; });
  FakeWorkPtr stream = Join();
  for (; next < std::size(cases); ++next) {
    SCOPED_TRACE(cases[next].payload);
    stream->Deliver(MakeOccurrence("mail/" + std::to_string(next), 100 + next));
    const v1::Settlement verdict = stream->NextVerdict();
    ASSERT_TRUE(verdict.has_failure());
    EXPECT_EQ(verdict.failure().payload(), cases[next].payload);
    EXPECT_EQ(verdict.failure().final(), cases[next].final);
    EXPECT_EQ(verdict.failure().has_retry_after(), cases[next].retry_after_s > 0);
    EXPECT_EQ(verdict.failure().retry_after().seconds(), cases[next].retry_after_s);
  }
}

TEST_F(WorkerTest, TakesAnExceptionForAFailureThatIsTriedAgain) {
  Work([](const WorkRun&) -> WorkResult { throw std::runtime_error("out of paper"); });
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  const v1::Settlement verdict = stream->NextVerdict();
  EXPECT_EQ(verdict.failure().payload(), "UNKNOWN: exception: out of paper");
  EXPECT_FALSE(verdict.failure().final());
}

TEST_F(WorkerTest, HandsBackWhatTheHandlerReleases) {
  Work(Returning(WorkResult::Release()));
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  EXPECT_TRUE(stream->NextVerdict().has_release());
  stream->Deliver(MakeOccurrence("mail/7", 2));
  EXPECT_TRUE(stream->NextVerdict().has_release());
  EXPECT_EQ(runs_, 2);
}

TEST_F(WorkerTest, DoesNotStartARunThatIsDeliveredAgainWhileItRuns) {
  Work(Gated());
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1, /*attempt=*/1));
  ASSERT_TRUE(gate_.WaitForEntries(1));
  stream->Deliver(MakeOccurrence("mail/7", 2, /*attempt=*/2));
  // What comes behind it has been taken in, so it has been as well.
  stream->Deliver(MakeOccurrence("mail/8", 3));
  ASSERT_TRUE(gate_.WaitForEntries(2));
  gate_.Open(2);
  std::map<std::string, v1::Settlement> verdicts;
  for (int i = 0; i < 2; ++i) {
    const v1::Settlement verdict = stream->NextVerdict();
    verdicts[verdict.id()] = verdict;
  }
  EXPECT_EQ(verdicts["mail/7"].lease(), 2u);
  EXPECT_EQ(verdicts["mail/7"].success(), "done by attempt 1");
  EXPECT_EQ(runs_, 2);
}

TEST_F(WorkerTest, GivesTheSameVerdictOnARunThatIsDeliveredAgainAfterItSucceeded) {
  Work(Returning("sent"));
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  stream->Answer(stream->NextVerdict());
  stream->Deliver(MakeOccurrence("mail/7", 2, /*attempt=*/2));
  const v1::Settlement again = stream->NextVerdict();
  EXPECT_EQ(again.lease(), 2u);
  EXPECT_EQ(again.success(), "sent");
  EXPECT_EQ(runs_, 1);

  v1::Occurrence next_run = MakeOccurrence("mail/7", 3);
  next_run.set_run(2);
  stream->Deliver(next_run);
  EXPECT_EQ(stream->NextVerdict().lease(), 3u);
  EXPECT_EQ(runs_, 2);
}

TEST_F(WorkerTest, RunsAgainWhatFailedUnlessThatWasFinal) {
  std::atomic<bool> final = false;
  Work([&](const WorkRun&) -> absl::StatusOr<std::string> {
    ++runs_;
    return final ? absl::InvalidArgumentError("never") : absl::UnavailableError("later");
  });
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1, /*attempt=*/1));
  EXPECT_FALSE(stream->NextVerdict().failure().final());
  final = true;
  stream->Deliver(MakeOccurrence("mail/7", 2, /*attempt=*/2));
  EXPECT_TRUE(stream->NextVerdict().failure().final());
  EXPECT_EQ(runs_, 2);
  stream->Deliver(MakeOccurrence("mail/7", 3, /*attempt=*/3));
  const v1::Settlement again = stream->NextVerdict();
  EXPECT_EQ(again.lease(), 3u);
  EXPECT_TRUE(again.failure().final());
  EXPECT_EQ(runs_, 2);
}

TEST_F(WorkerTest, TellsAgainOnTheNextStreamWhatWasNotAnswered) {
  Work(Returning("sent"));
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  stream->Deliver(MakeOccurrence("mail/8", 2));
  stream->NextVerdict();
  stream->NextVerdict();
  server_.Shutdown();
  server_.Listen();
  stream = Join();
  std::set<uint64_t> leases;
  for (int i = 0; i < 2; ++i) {
    const v1::Settlement verdict = stream->NextVerdict();
    EXPECT_EQ(verdict.success(), "sent");
    leases.insert(verdict.lease());
    stream->Answer(verdict);
  }
  EXPECT_EQ(leases, (std::set<uint64_t>{1, 2}));
  EXPECT_EQ(runs_, 2);

  // What was answered is not told again.
  stream->Deliver(MakeOccurrence("mail/9", 3));
  stream->Answer(stream->NextVerdict());
  stream->Deliver(MakeOccurrence("mail/10", 4));
  stream->NextVerdict();
  stream->End(kConnectionLost);
  stream = Join();
  EXPECT_EQ(stream->NextVerdict().lease(), 4u);
  EXPECT_TRUE(stream->Quiet());
}

TEST_F(WorkerTest, LetsARunGoOnThroughABrokenStream) {
  Work(Gated());
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  ASSERT_TRUE(gate_.WaitForEntries(1));
  stream->End(kConnectionLost);
  stream = Join();
  gate_.Open();
  const v1::Settlement verdict = stream->NextVerdict();
  EXPECT_EQ(verdict.lease(), 1u);
  EXPECT_EQ(verdict.success(), "done by attempt 1");
}

TEST_F(WorkerTest, DoesNotRunWhatIsDeliveredAgainUnderTheSameLeaseBeforeItsAnswer) {
  Work(Returning(absl::UnavailableError("later")));
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  const v1::Settlement verdict = stream->NextVerdict();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  stream->Deliver(MakeOccurrence("mail/8", 2));
  EXPECT_EQ(stream->NextVerdict().id(), "mail/8");
  EXPECT_EQ(runs_, 2);
}

TEST_F(WorkerTest, TellsAgainWhatTheServerCouldNotTakeYet) {
  Work(Returning("sent"));
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  stream->Refuse(stream->NextVerdict(), grpc::StatusCode::UNAVAILABLE, "");
  stream->Refuse(stream->NextVerdict(), grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED");
  EXPECT_EQ(stream->NextVerdict().success(), "sent");
}

TEST_F(WorkerTest, TurnsAResultThatTheServerRefusesIntoAFinalFailure) {
  Work(Returning("too large"));
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  stream->Refuse(stream->NextVerdict(), grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD");
  const v1::Settlement verdict = stream->NextVerdict();
  EXPECT_TRUE(verdict.failure().final());
  EXPECT_EQ(verdict.failure().payload(),
            "RESOURCE_EXHAUSTED: the server refused a result of 9 bytes: refused: INVALID_FIELD");
  // And so when it is delivered again.
  stream->Deliver(MakeOccurrence("mail/7", 2, /*attempt=*/2));
  EXPECT_EQ(stream->NextVerdict().failure().payload(), verdict.failure().payload());
  EXPECT_EQ(runs_, 1);
}

TEST_F(WorkerTest, ForgetsAVerdictThatCameTooLate) {
  Work(Returning(absl::UnavailableError("later")));
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  stream->Refuse(stream->NextVerdict(), grpc::StatusCode::FAILED_PRECONDITION, "NOT_LEASED");
  stream->Deliver(MakeOccurrence("mail/8", 2));
  EXPECT_EQ(stream->NextVerdict().id(), "mail/8");
  stream->End(kConnectionLost);
  stream = Join();
  EXPECT_EQ(stream->NextVerdict().id(), "mail/8");
  EXPECT_TRUE(stream->Quiet());
}

TEST_F(WorkerTest, GoesOnOverAnotherStreamWhenAMessageIsRefused) {
  Work(Returning("sent"));
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  stream->NextVerdict();
  v1::WorkResponse refusal;
  *refusal.mutable_error() = SettledError(grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD");
  stream->Send(refusal);
  EXPECT_EQ(Join()->NextVerdict().lease(), 1u);
}

TEST_F(WorkerTest, IsOverWhenTheServerRefusesItsRegistration) {
  Work(Returning("sent"));
  FakeWorkPtr stream = server_.NextStream();
  stream->Registration();
  stream->End(Refused(grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD"));
  EXPECT_EQ(ReasonOf(worker_->over().Get()), "INVALID_FIELD");
  EXPECT_TRUE(absl::IsInvalidArgument(worker_->registered().Get()));
}

TEST_F(WorkerTest, TriesAgainWhileTheServerIsFullOrAway) {
  Work(Returning("sent"));
  server_.NextStream()->End(Refused(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"));
  server_.NextStream()->End(kConnectionLost);
  server_.NextStream()->End(grpc::Status::OK);
  Join();
  EXPECT_TRUE(worker_->registered().Get().ok());
}

TEST_F(WorkerTest, CanHaveAConnectionOfItsOwn) {
  Worker worker(OptionsFor(server_), Mail(), Returning("sent"));
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  EXPECT_EQ(stream->NextVerdict().success(), "sent");
}

}  // namespace
}  // namespace timerd::testing
