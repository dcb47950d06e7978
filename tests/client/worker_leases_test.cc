// Leases: extended while a run is here, and taken away.
#include <set>

#include "absl/time/clock.h"
#include "tests/client/worker_fixture.h"

namespace timerd::testing {
namespace {

class WorkerLeasesTest : public WorkerTest {
 protected:
  // A handler that waits until its run is revoked, and says so.
  Worker::Handler UntilRevoked() {
    return [this](const WorkRun& run) -> absl::StatusOr<std::string> {
      begun_.Set(true);
      const bool revoked = run.token().WaitFor(kPatience);
      noticed_.Set(revoked && run.revoked());
      return "too late";
    };
  }

  Promise<bool> begun_{[](std::function<void()> callback) { callback(); }};
  Promise<bool> noticed_{[](std::function<void()> callback) { callback(); }};
};

TEST_F(WorkerLeasesTest, AreExtendedWhileTheRunIsUnderWay) {
  Work(Gated());
  FakeWorkPtr stream = Join();
  const absl::Time begin = absl::Now();
  stream->Deliver(MakeOccurrence("mail/7", 1, 1, absl::Milliseconds(300)));
  for (int i = 0; i < 3; ++i) {
    const v1::Settlement extension = stream->NextExtension();
    EXPECT_EQ(extension.id(), "mail/7");
    EXPECT_EQ(extension.lease(), 1u);
    EXPECT_EQ(extension.extend().nanos(), 300'000'000);
  }
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(300));  // each third of it
  gate_.Open();
  stream->Answer(stream->NextVerdict());
}

TEST_F(WorkerLeasesTest, AreExtendedWhileTheRunWaitsForAThread) {
  Work(Gated(), Mail(/*concurrency=*/1, /*prefetch=*/1));
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  ASSERT_TRUE(gate_.WaitForEntries(1));
  stream->Deliver(MakeOccurrence("mail/8", 2, 1, absl::Milliseconds(30)));
  EXPECT_EQ(stream->NextExtension().lease(), 2u);
  EXPECT_EQ(stream->NextExtension().lease(), 2u);
  gate_.Open(2);
}

TEST_F(WorkerLeasesTest, AreExtendedUnderTheNewestDelivery) {
  Work(Gated());
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  ASSERT_TRUE(gate_.WaitForEntries(1));
  stream->Deliver(MakeOccurrence("mail/7", 2, 2, absl::Milliseconds(30)));
  EXPECT_EQ(stream->NextExtension().lease(), 2u);
  gate_.Open();
}

TEST_F(WorkerLeasesTest, AreExtendedAtOnceOnANewStream) {
  Work(Gated());
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1, 1, absl::Hours(1)));
  ASSERT_TRUE(gate_.WaitForEntries(1));
  stream->End(kConnectionLost);
  const v1::Settlement extension = Join()->NextExtension();
  EXPECT_EQ(extension.lease(), 1u);
  EXPECT_EQ(extension.extend().seconds(), 3600);
  gate_.Open();
}

TEST_F(WorkerLeasesTest, AreLeftToTheHandlerWhenToldSo) {
  WorkerOptions options = Mail();
  options.extend_leases = false;
  Promise<absl::StatusOr<absl::Time>> extended{[](std::function<void()> call) { call(); }};
  Work(
      [&](const WorkRun& run) {
        extended.Set(run.Extend(absl::Seconds(90)).Get());
        return "done";
      },
      options);
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1, 1, absl::Milliseconds(1)));
  const v1::Settlement extension = stream->NextExtension();
  EXPECT_EQ(extension.extend().seconds(), 90);  // not one that the worker made
  EXPECT_EQ(*extended.future().Get(), absl::FromUnixSeconds(2000));
  EXPECT_EQ(stream->NextVerdict().success(), "done");
}

TEST_F(WorkerLeasesTest, AreExtendedByTheHandlerThroughABrokenStream) {
  WorkerOptions options = Mail();
  options.extend_leases = false;
  Work(
      [](const WorkRun& run) -> absl::StatusOr<std::string> {
        const absl::StatusOr<absl::Time> end = run.Extend(absl::Seconds(90)).Get();
        return end.ok() ? "extended" : "not extended";
      },
      options);
  FakeWorkPtr stream = Join();
  stream->HoldExtensions();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  stream->NextExtension();
  stream->End(kConnectionLost);
  stream = Join();
  EXPECT_EQ(stream->NextExtension().extend().seconds(), 90);
  EXPECT_EQ(stream->NextVerdict().success(), "extended");
}

TEST_F(WorkerLeasesTest, TellTheHandlerThatTheyAreRevokedAndSettleNothing) {
  Work(UntilRevoked());
  FakeWorkPtr stream = Join();
  const v1::Occurrence occurrence = MakeOccurrence("mail/7", 1);
  stream->Deliver(occurrence);
  ASSERT_TRUE(begun_.future().Get());
  stream->Revoke(occurrence);
  EXPECT_TRUE(noticed_.future().Get());
  // It was carried out all the same: should it be delivered again, that is what is told.
  stream->Deliver(MakeOccurrence("mail/7", 3, /*attempt=*/2));
  const v1::Settlement verdict = stream->NextVerdict();
  EXPECT_EQ(verdict.lease(), 3u);
  EXPECT_EQ(verdict.success(), "too late");
}

TEST_F(WorkerLeasesTest, ThatAreRevokedBeforeTheRunBeginsKeepItFromBeginning) {
  Work(Gated(), Mail(/*concurrency=*/1, /*prefetch=*/1));
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  ASSERT_TRUE(gate_.WaitForEntries(1));
  stream->Deliver(MakeOccurrence("mail/8", 2));
  stream->Revoke(MakeOccurrence("mail/8", 2));
  stream->Deliver(MakeOccurrence("mail/9", 3, 1, absl::Milliseconds(30)));
  EXPECT_EQ(stream->NextExtension().lease(), 3u);  // by now all of it was taken in
  gate_.Open(3);
  EXPECT_EQ(stream->NextVerdict().id(), "mail/7");
  EXPECT_EQ(stream->NextVerdict().id(), "mail/9");
  EXPECT_EQ(runs_, 2);
}

TEST_F(WorkerLeasesTest, ThatCannotBeExtendedAreRevoked) {
  Work(UntilRevoked());
  FakeWorkPtr stream = Join();
  stream->RefuseExtensions(grpc::StatusCode::FAILED_PRECONDITION, "NOT_LEASED");
  stream->Deliver(MakeOccurrence("mail/7", 1, 1, absl::Milliseconds(300)));
  EXPECT_TRUE(noticed_.future().Get());
}

TEST_F(WorkerLeasesTest, ThatWereRevokedBeforeTheNewestDeliveryMeanNothing) {
  Work(Gated());
  FakeWorkPtr stream = Join();
  stream->Deliver(MakeOccurrence("mail/7", 1));
  ASSERT_TRUE(gate_.WaitForEntries(1));
  stream->Deliver(MakeOccurrence("mail/7", 2, /*attempt=*/2));
  stream->Revoke(MakeOccurrence("mail/7", 1));
  stream->Deliver(MakeOccurrence("mail/8", 3));
  ASSERT_TRUE(gate_.WaitForEntries(2));
  gate_.Open(2);
  std::set<uint64_t> leases{stream->NextVerdict().lease(), stream->NextVerdict().lease()};
  EXPECT_EQ(leases, (std::set<uint64_t>{2, 3}));
}

}  // namespace
}  // namespace timerd::testing
