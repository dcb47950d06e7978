// Queues over real sockets: workers that come, go, fail and break the rules.
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/integration/server_test.h"
#include "tests/support/relay.h"
#include "tests/support/work_call.h"

namespace timerd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using v1::Delivery;

class QueueTest : public ServerTest {
 protected:
  void SetUp() override { StartServer({"--shards=2", "--lease-grace=200ms"}); }

  void Schedule(const std::string& id, const std::string& more = "") {
    const std::string request = absl::StrCat("id: '", id, "' delay {} queue: 'mail' payload: 'for ",
                                             id, "' detached: true ", more);
    ASSERT_THAT(client().Schedule(request).Finish(), IsOkCall());
  }
  std::unique_ptr<WorkCall> Work(uint32_t credit = 10, const std::string& worker = "test") {
    auto call = std::make_unique<WorkCall>(client().queues_stub(), "mail", credit, worker);
    EXPECT_TRUE(call->WaitForRegistered());
    return call;
  }
  v1::Queue Queue() {
    const auto got = client().GetQueue("queue: 'mail'");
    EXPECT_THAT(got.status, IsOkCall());
    return got->queue();
  }
  // Until `condition` holds; false when it takes too long.
  static bool Eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) {
        return false;
      }
      std::this_thread::sleep_for(milliseconds(5));
    }
    return true;
  }
};

TEST_F(QueueTest, GivesALateWorkerWhatWaitedAndCompletesItWithTheResult) {
  Schedule("a");
  ASSERT_TRUE(Eventually([&] { return Queue().depth() == 1; }));
  EXPECT_TRUE(Queue().has_oldest());
  EXPECT_EQ(Get("a").delivery().stage(), Delivery::STAGE_WAITING);
  const auto worker = Work();
  const auto occurrence = worker->Next();
  ASSERT_TRUE(occurrence);
  EXPECT_EQ(occurrence->payload(), "for a");
  EXPECT_EQ(occurrence->attempt(), 1u);
  EXPECT_GE(Nanos(occurrence->time()), Nanos(occurrence->deadline()));
  EXPECT_EQ(Queue().in_flight(), 1u);
  ASSERT_EQ(Queue().workers_size(), 1);
  EXPECT_EQ(Queue().workers(0).name(), "test");
  worker->Succeed(*occurrence, "the result");
  const auto settled = worker->NextSettled();
  ASSERT_TRUE(settled && !settled->has_error());
  EXPECT_EQ(settled->end(), v1::END_COMPLETED);
  EXPECT_EQ(Get("a").end_payload(), "the result");
}

TEST_F(QueueTest, TellsTheStreamOfItsCreatorWhatCameOfIt) {
  auto stream = client().Schedule("id: 'a' delay {} queue: 'mail'");
  stream.Acknowledged();
  const auto worker = Work();
  const auto occurrence = worker->Next();
  ASSERT_TRUE(occurrence);
  const v1::Event fired = stream.Event();
  EXPECT_EQ(fired.type(), v1::Event::TYPE_FIRED);
  EXPECT_EQ(fired.queue(), "mail");
  worker->Fail(*occurrence, "broken", /*final=*/true);
  const v1::Event failed = stream.Event();
  EXPECT_EQ(failed.type(), v1::Event::TYPE_FAILED);
  EXPECT_EQ(failed.payload(), "broken");
  EXPECT_EQ(failed.attempts(), 1u);
}

TEST_F(QueueTest, SharesOccurrencesInTurnAmongWorkersWithCredit) {
  const auto first = Work(2);
  const auto second = Work(2);
  for (int i = 0; i < 6; ++i) {
    Schedule(absl::StrCat("t", i));
  }
  int taken = 0;
  for (const auto* worker : {&first, &second}) {
    for (int i = 0; i < 2; ++i) {
      taken += (*worker)->Next() ? 1 : 0;
    }
  }
  EXPECT_EQ(taken, 4);
  ASSERT_TRUE(Eventually([&] { return Queue().depth() == 2 && Queue().in_flight() == 4; }));
  first->Send("set_credit { credit: 4 }");
  EXPECT_TRUE(first->Next());
  EXPECT_TRUE(first->Next());
}

TEST_F(QueueTest, DeliversAgainWithAHigherAttemptAfterLapseFailureAndRelease) {
  Schedule("a", "lease { nanos: 100000000 } retry { initial_backoff { nanos: 10000000 } }");
  const auto worker = Work();
  const auto first = worker->Next();
  ASSERT_TRUE(first);
  const auto revoked = worker->NextRevoked();
  ASSERT_TRUE(revoked);
  EXPECT_EQ(revoked->lease(), first->lease());
  const auto second = worker->Next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->attempt(), 2u);
  worker->Fail(*second, "not now");
  const auto settled = worker->NextSettled();
  ASSERT_TRUE(settled && settled->has_next_attempt());
  const auto third = worker->Next();
  ASSERT_TRUE(third);
  EXPECT_EQ(third->attempt(), 3u);
  worker->Send(absl::StrCat("settlements { id: 'a' lease: ", third->lease(), " release {} }"));
  const auto fourth = worker->Next();
  ASSERT_TRUE(fourth);
  EXPECT_EQ(fourth->attempt(), 4u);
  EXPECT_EQ(fourth->generation(), first->generation());
  EXPECT_EQ(fourth->run(), first->run());
}

TEST_F(QueueTest, BuriesReplaysAndPurgesDeadLetters) {
  const auto worker = Work();
  for (const char* id : {"a", "b", "c"}) {
    Schedule(id, "retry { max_attempts: 1 }");
    const auto occurrence = worker->Next();
    ASSERT_TRUE(occurrence);
    worker->Fail(*occurrence, absl::StrCat("no ", id));
    ASSERT_TRUE(worker->NextSettled());
  }
  EXPECT_EQ(Queue().dead_letters(), 3u);
  const auto page = client().ListDeadLetters("queue: 'mail' page_size: 2");
  ASSERT_EQ(page->dead_letters_size(), 2);
  EXPECT_EQ(page->dead_letters(0).id(), "a");
  EXPECT_EQ(page->dead_letters(0).failure(), "no a");
  EXPECT_EQ(page->dead_letters(0).payload(), "for a");
  const auto rest = client().ListDeadLetters(
      absl::StrCat("queue: 'mail' page_token: '", page->next_page_token(), "'"));
  ASSERT_EQ(rest->dead_letters_size(), 1);
  EXPECT_EQ(rest->dead_letters(0).id(), "c");
  EXPECT_EQ(rest->next_page_token(), "");

  server().Kill();
  Restart();
  const std::string first =
      absl::StrCat("queue: 'mail' letter: '", page->dead_letters(0).letter(), "'");
  const auto replayed = client().ReplayDeadLetters(first);
  ASSERT_THAT(replayed.status, IsOkCall());
  EXPECT_EQ(replayed->id(), "a");
  EXPECT_THAT(client().ReplayDeadLetters(first).status,
              IsRefusedWith(grpc::NOT_FOUND, "UNKNOWN_DEAD_LETTER"));
  const auto again = Work();
  const auto occurrence = again->Next();
  ASSERT_TRUE(occurrence);
  EXPECT_EQ(occurrence->id(), "a");
  EXPECT_EQ(occurrence->generation(), 2u);
  again->Succeed(*occurrence);
  ASSERT_TRUE(again->NextSettled());

  EXPECT_EQ(client().ReplayDeadLetters("queue: 'mail'")->replayed(), 2u);
  for (int i = 0; i < 2; ++i) {
    const auto next = again->Next();
    ASSERT_TRUE(next);
    again->Fail(*next, "still no");
    ASSERT_TRUE(again->NextSettled());
  }
  EXPECT_EQ(client().PurgeDeadLetters("queue: 'mail'")->purged(), 2u);
  EXPECT_EQ(Queue().dead_letters(), 0u);
}

TEST_F(QueueTest, PausesResumesAndPurgesOverARestart) {
  Schedule("a");
  ASSERT_THAT(client().PauseQueue("queue: 'mail'").status, IsOkCall());
  server().Kill();
  Restart();
  EXPECT_TRUE(Queue().paused());
  const auto worker = Work();
  Schedule("b");
  ASSERT_TRUE(Eventually([&] { return Queue().depth() == 2; }));
  EXPECT_FALSE(worker->Next(milliseconds(50)));
  EXPECT_EQ(client().PurgeQueue("queue: 'mail'")->purged(), 2u);
  EXPECT_EQ(Get("a").end(), v1::END_CANCELLED);
  EXPECT_EQ(Get("a").end_reason(), "PURGED");
  ASSERT_THAT(client().ResumeQueue("queue: 'mail'").status, IsOkCall());
  Schedule("c");
  const auto occurrence = worker->Next();
  ASSERT_TRUE(occurrence);
  EXPECT_EQ(occurrence->id(), "c");
}

TEST_F(QueueTest, KeepsWhatAQueueWasToldOverARestart) {
  ASSERT_THAT(client()
                  .ConfigureQueue("queue: 'mail' settings { lease { seconds: 7 } "
                                  "retry { max_attempts: 1 } max_backlog: 5 }")
                  .status,
              IsOkCall());
  server().Kill();
  Restart();
  EXPECT_EQ(Queue().settings().lease().seconds(), 7);
  Schedule("a");
  const auto worker = Work();
  const auto occurrence = worker->Next();
  ASSERT_TRUE(occurrence);
  EXPECT_TRUE(occurrence->last_attempt());
  EXPECT_NEAR(static_cast<double>(Nanos(occurrence->lease_end()) - Nanos(occurrence->time())), 7e9,
              1e6);
}

TEST_F(QueueTest, RefusesTimersForAQueueThatIsFullUntilItDrains) {
  client().ConfigureQueue("queue: 'mail' settings { max_backlog: 3 }");
  for (int i = 0; i < 3; ++i) {
    Schedule(absl::StrCat("t", i));
  }
  ASSERT_TRUE(Eventually([&] { return Queue().depth() == 3; }));
  EXPECT_THAT(client().Schedule("delay {} queue: 'mail' detached: true").Finish(),
              IsRefusedWith(grpc::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"));
  const auto worker = Work();
  ASSERT_TRUE(Eventually([&] { return Queue().depth() == 0; }));
  Schedule("more");
}

TEST_F(QueueTest, RefusesBadSettlementsAndKeepsTheStream) {
  Schedule("a");
  const auto worker = Work();
  const auto occurrence = worker->Next();
  ASSERT_TRUE(occurrence);
  const auto reason_of = [&](const std::string& settlement) {
    worker->Send(absl::StrCat("settlements { ", settlement, " }"));
    const auto settled = worker->NextSettled();
    return settled ? ReasonOf(settled->error()) : "no answer";
  };
  const std::string lease = absl::StrCat(" lease: ", occurrence->lease());
  EXPECT_EQ(reason_of("id: 'a' lease: 5 success: ''"), "NOT_YOURS");
  EXPECT_EQ(reason_of("id: 'nobody' lease: 5 success: ''"), "UNKNOWN_ID");
  EXPECT_EQ(reason_of("id: 'a'" + lease), "INVALID_FIELD");
  EXPECT_EQ(reason_of("success: ''" + lease), "INVALID_FIELD");
  EXPECT_EQ(reason_of("id: 'a' extend { seconds: -1 }" + lease), "INVALID_FIELD");
  worker->Succeed(*occurrence, "r");
  const auto settled = worker->NextSettled();
  ASSERT_TRUE(settled && !settled->has_error());
  EXPECT_EQ(reason_of("id: 'a' success: 'again'" + lease), "NOT_LEASED");
  EXPECT_EQ(Get("a").end_payload(), "r");
}

TEST_F(QueueTest, RefusesBadMessagesAndKeepsTheStream) {
  const auto worker = Work();
  const auto reason_of = [&](const std::string& message) {
    worker->Send(message);
    const auto error = worker->NextError();
    return error ? ReasonOf(*error) : "no answer";
  };
  EXPECT_EQ(reason_of("register { queue: 'fax' credit: 1 }"), "REGISTERED");
  EXPECT_EQ(reason_of("set_credit { credit: 0 }"), "INVALID_FIELD");
  EXPECT_EQ(reason_of("set_credit { credit: 10001 }"), "INVALID_FIELD");
  Schedule("a");
  EXPECT_TRUE(worker->Next());

  WorkCall early(client().queues_stub(), "", 0);
  early.Send("set_credit { credit: 1 }");
  const auto error = early.NextError();
  ASSERT_TRUE(error);
  EXPECT_EQ(ReasonOf(*error), "NOT_REGISTERED");
  early.Send("register { queue: 'mail' credit: 1 }");
  EXPECT_TRUE(early.WaitForRegistered());
}

TEST_F(QueueTest, EndsAStreamThatRegistersBadly) {
  for (const char* bad :
       {"register { queue: 'mail' credit: 0 }", "register { queue: 'mail' credit: 4000000000 }",
        "register { queue: '' credit: 1 }", "register { queue: 'A' credit: 1 }"}) {
    WorkCall call(client().queues_stub(), "", 0);
    call.Send(bad);
    const auto end = call.WaitForEnd();
    ASSERT_TRUE(end) << bad;
    EXPECT_THAT(*end, IsRefusedWith(grpc::INVALID_ARGUMENT, "INVALID_FIELD")) << bad;
  }
}

// One limit for all of the server's streams, whatever they are for.
TEST_F(QueueTest, CountsWorkersAmongTheStreamsThatThereMayBe) {
  StartServer({"--shards=1", "--max-streams=2"});
  auto worker = Work();
  auto stream = client().Schedule("delay { seconds: 60 }");
  stream.Acknowledged();
  WorkCall refused(client().queues_stub(), "mail", 1);
  const auto end = refused.WaitForEnd();
  ASSERT_TRUE(end);
  EXPECT_THAT(*end, IsRefusedWith(grpc::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"));
  EXPECT_THAT(client().Schedule("delay { seconds: 60 }").Finish(),
              IsRefusedWith(grpc::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"));
}

TEST_F(QueueTest, RefusesQueuesThatNobodyNamed) {
  const auto unknown = IsRefusedWith(grpc::NOT_FOUND, "UNKNOWN_QUEUE");
  EXPECT_THAT(client().GetQueue("queue: 'none'").status, unknown);
  EXPECT_THAT(client().PauseQueue("queue: 'none'").status, unknown);
  EXPECT_THAT(client().PurgeQueue("queue: 'none'").status, unknown);
  EXPECT_THAT(client().ListDeadLetters("queue: 'none'").status, unknown);
  EXPECT_THAT(client().ReplayDeadLetters("queue: 'none'").status, unknown);
}

TEST_F(QueueTest, RefusesBadPolicies) {
  for (const char* bad :
       {"lease { seconds: 1 }", "retry {}", "queue: 'mail' lease {}",
        "queue: 'mail' lease { seconds: 90000 }", "queue: 'mail' retry { factor: 0.5 }",
        "queue: 'mail' retry { factor: nan }", "queue: 'mail' retry { max_attempts: 1001 }",
        "queue: 'mail' retry { initial_backoff {} }", "queue: 'NO'",
        "queue: 'mail' client_lost_after { seconds: 1 }"}) {
    EXPECT_THAT(client().Schedule(absl::StrCat("delay {} ", bad)).Finish(),
                IsRefusedWith(grpc::INVALID_ARGUMENT, "INVALID_FIELD"))
        << bad;
  }
  EXPECT_THAT(client().StartLoop("interval { seconds: 1 } plain: true queue: 'mail'").Finish(),
              IsRefusedWith(grpc::INVALID_ARGUMENT, "INVALID_FIELD"));
}

TEST_F(QueueTest, DrainsAWorkerAndThenGivesItNothing) {
  const auto worker = Work();
  Schedule("a");
  const auto occurrence = worker->Next();
  ASSERT_TRUE(occurrence);
  worker->Send("drain {}");
  ASSERT_TRUE(worker->WaitForDrained());
  Schedule("b");
  ASSERT_TRUE(Eventually([&] { return Queue().depth() == 1; }));
  worker->Succeed(*occurrence);
  ASSERT_TRUE(worker->NextSettled());
  worker->CloseSending();
  const auto end = worker->WaitForEnd();
  ASSERT_TRUE(end);
  EXPECT_THAT(*end, IsOkCall());
}

TEST_F(QueueTest, LetsAWorkerSettleAfterTheServerWasKilled) {
  Schedule("a");
  auto worker = Work();
  const auto occurrence = worker->Next();
  ASSERT_TRUE(occurrence);
  server().Kill();
  Restart();
  worker = Work();
  worker->Succeed(*occurrence, "done meanwhile");
  const auto settled = worker->NextSettled();
  ASSERT_TRUE(settled);
  EXPECT_FALSE(settled->has_error()) << settled->error().message();
  EXPECT_EQ(Get("a").end_payload(), "done meanwhile");
}

TEST_F(QueueTest, DeliversToAnotherWhatAWorkerHadThatIsGone) {
  Schedule("a", "retry { initial_backoff { nanos: 10000000 } }");
  auto gone = Work();
  ASSERT_TRUE(gone->Next());
  gone.reset();
  const auto worker = Work();
  const auto again = worker->Next();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->attempt(), 2u);
}

// Nothing tells either side that the connection is cut: only pings that nobody answers.
TEST_F(QueueTest, NoticesACutConnectionWithinTenSecondsAndDeliversAgain) {
  Relay relay(server().address());
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 5000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 3000);
  const auto stub = v1::Queues::NewStub(
      grpc::CreateCustomChannel(relay.address(), grpc::InsecureChannelCredentials(), arguments));
  WorkCall cut(*stub, "mail", 10);
  ASSERT_TRUE(cut.WaitForRegistered());
  Schedule("a", "lease { seconds: 3600 } retry { initial_backoff { nanos: 10000000 } }");
  ASSERT_TRUE(cut.Next());
  relay.Cut();
  const auto begin = std::chrono::steady_clock::now();
  const auto other = Work();
  const auto again = other->Next(seconds(60));
  const auto noticed = std::chrono::steady_clock::now();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->attempt(), 2u);
  EXPECT_LT(noticed - begin, seconds(10)) << "by the server";
  ASSERT_TRUE(cut.WaitForEnd(seconds(60)));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(10)) << "by the worker";
}

TEST_F(QueueTest, TicksALoopThroughItsWorkers) {
  const auto worker = Work();
  ASSERT_THAT(client()
                  .StartLoop("id: 'l' interval { nanos: 20000000 } queue: 'mail' detached: true "
                             "max_runs: 3")
                  .Finish(),
              IsOkCall());
  for (uint64_t run = 1; run <= 3; ++run) {
    const auto occurrence = worker->Next();
    ASSERT_TRUE(occurrence);
    EXPECT_EQ(occurrence->run(), run);
    EXPECT_GE(occurrence->count(), 1u);
    worker->Succeed(*occurrence);
    ASSERT_TRUE(worker->NextSettled());
  }
  EXPECT_EQ(Get("l").end(), v1::END_COMPLETED);
}

TEST_F(QueueTest, ListsQueuesByNameAPageAtATime) {
  for (const char* name : {"c", "a", "b"}) {
    client().ConfigureQueue(absl::StrCat("queue: '", name, "'"));
  }
  const auto page = client().ListQueues("page_size: 2");
  ASSERT_EQ(page->queues_size(), 2);
  EXPECT_EQ(page->queues(0).name(), "a");
  const auto rest =
      client().ListQueues(absl::StrCat("page_token: '", page->next_page_token(), "'"));
  ASSERT_EQ(rest->queues_size(), 1);
  EXPECT_EQ(rest->queues(0).name(), "c");
  EXPECT_THAT(client().ListQueues("page_token: '%'").status,
              IsRefusedWith(grpc::INVALID_ARGUMENT, "INVALID_FIELD"));
}

TEST_F(QueueTest, GoesByTheManualClockOfItsNamespace) {
  StartServer({"--clock=manual"});
  const auto worker = Work();
  Schedule("a");
  ASSERT_THAT(client().Advance("by {}").status, IsOkCall());
  const auto occurrence = worker->Next();
  ASSERT_TRUE(occurrence);
  ASSERT_THAT(client().Advance("by { seconds: 40 }").status, IsOkCall());
  const auto again = worker->Next();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->attempt(), 2u) << "the lease lapsed in virtual time";
}

}  // namespace
}  // namespace timerd::testing
