// Every call as a client meets it: a real server, a real socket, short real times.
#include <grpcpp/generic/generic_stub.h>

#include "tests/integration/server_test.h"

namespace timerd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using v1::Event;

constexpr int64_t kMillis = 1'000'000;

class CallsTest : public ServerTest {
 protected:
  void SetUp() override { StartServer(); }

  Answer<v1::ReportResponse> Report(const std::string& id, uint64_t run, bool success,
                                    const std::string& payload = "") {
    v1::ReportRequest request;
    request.set_id(id);
    request.set_run(run);
    request.mutable_outcome()->set_result(success ? v1::Outcome::RESULT_SUCCESS
                                                  : v1::Outcome::RESULT_FAILURE);
    request.mutable_outcome()->set_payload(payload);
    return client().Report(request);
  }
  // All ids of a listing, read in pages of `page_size`.
  std::vector<std::string> ListIds(const std::string& filter, int page_size) {
    std::vector<std::string> ids;
    auto request = Parse<v1::ListRequest>(filter);
    request.set_page_size(page_size);
    do {
      const auto page = client().List(request);
      EXPECT_THAT(page.status, IsOkCall());
      EXPECT_LE(page->handles_size(), page_size);
      for (const v1::Handle& handle : page->handles()) {
        ids.push_back(handle.id());
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return ids;
  }
};

TEST_F(CallsTest, FireAPlainTimerOnceAndNeverEarly) {
  const auto sent = std::chrono::steady_clock::now();
  auto stream = client().Schedule("id: 'hello' delay { nanos: 50000001 } payload: 'world'");
  const v1::Acknowledgement ack = stream.Acknowledged();
  EXPECT_EQ(ack.id(), "hello");
  EXPECT_FALSE(ack.existed());
  EXPECT_EQ(Nanos(ack.deadline()) - Nanos(ack.now()), 50'000'001);
  const Event fired = stream.Event();
  EXPECT_GE(std::chrono::steady_clock::now() - sent, std::chrono::nanoseconds(50'000'001));
  EXPECT_EQ(fired.type(), Event::TYPE_FIRED);
  EXPECT_EQ(fired.id(), "hello");
  EXPECT_EQ(fired.kind(), v1::KIND_TIMER);
  EXPECT_EQ(fired.payload(), "world");
  EXPECT_EQ(fired.sequence(), 1);
  EXPECT_EQ(fired.run(), 1);
  EXPECT_FALSE(fired.redelivery());
  EXPECT_EQ(Nanos(fired.deadline()), Nanos(ack.deadline()));
  EXPECT_GE(Nanos(fired.time()), Nanos(ack.deadline()));
  EXPECT_THAT(stream.Finish(), IsOkCall());
  EXPECT_EQ(Get("hello").end(), v1::END_FIRED);
}

TEST_F(CallsTest, FireADelayOfZeroAfterTheAcknowledgement) {
  auto stream = client().Schedule("delay {}");
  const v1::Acknowledgement ack = stream.Acknowledged();
  EXPECT_EQ(ack.id().size(), 26);
  EXPECT_EQ(Nanos(ack.deadline()), Nanos(ack.now()));
  EXPECT_EQ(stream.Event().type(), Event::TYPE_FIRED);
  EXPECT_THAT(stream.Finish(), IsOkCall());
}

TEST_F(CallsTest, FireAnAbsoluteTimeOfThePastAtOnceAndOneOfTheFutureThen) {
  auto past = client().Schedule("at { seconds: 1 }");
  past.Acknowledged();
  EXPECT_EQ(past.Event().type(), Event::TYPE_FIRED);

  const auto at = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::system_clock::now().time_since_epoch() + std::chrono::milliseconds(100));
  v1::ScheduleRequest request;
  request.mutable_at()->set_seconds(at.count() / 1'000'000'000);
  request.mutable_at()->set_nanos(static_cast<int32_t>(at.count() % 1'000'000'000));
  auto stream = client().Schedule(request);
  stream.Acknowledged();
  EXPECT_EQ(stream.Event().type(), Event::TYPE_FIRED);
  EXPECT_GE(std::chrono::system_clock::now().time_since_epoch(), at);
}

TEST_F(CallsTest, EndAReportedTimerAsItsClientSays) {
  for (const bool success : {true, false}) {
    const std::string id = success ? "good" : "bad";
    auto stream = client().Schedule("id: '" + id + "' delay {} reported: true");
    stream.Acknowledged();
    EXPECT_EQ(stream.Event().type(), Event::TYPE_FIRED);
    EXPECT_EQ(Get(id).state(), v1::STATE_RUNNING);
    const std::string payload("\0\xff because", 10);
    const auto answer = Report(id, 1, success, payload);
    ASSERT_THAT(answer.status, IsOkCall());
    EXPECT_TRUE(answer->accepted());
    EXPECT_EQ(answer->end(), success ? v1::END_COMPLETED : v1::END_FAILED);
    const Event end = stream.Event();
    EXPECT_EQ(end.type(), success ? Event::TYPE_COMPLETED : Event::TYPE_FAILED);
    EXPECT_EQ(end.payload(), payload);
    EXPECT_EQ(end.sequence(), 2);
    EXPECT_THAT(stream.Finish(), IsOkCall());
    EXPECT_EQ(Get(id).end_payload(), payload);
  }
}

TEST_F(CallsTest, RunALoopOneRunAtATimeUntilItIsStopped) {
  auto stream = client().StartLoop("id: 'loop' interval { nanos: 20000000 } payload: 'p'");
  const int64_t origin = Nanos(stream.Acknowledged().now());
  int64_t counted = 0;
  for (uint64_t run = 1; run <= 3; ++run) {
    const Event tick = stream.Event();
    ASSERT_EQ(tick.type(), Event::TYPE_TICK);
    EXPECT_EQ(tick.run(), run);
    EXPECT_EQ(tick.payload(), "p");
    EXPECT_EQ(tick.missed(), tick.count() - 1);
    EXPECT_GE(Nanos(tick.time()), Nanos(tick.deadline()));
    EXPECT_EQ((Nanos(tick.deadline()) - origin) % (20 * kMillis), 0) << "drifts";
    counted += static_cast<int64_t>(tick.count());
    EXPECT_EQ(counted, (Nanos(tick.time()) - origin) / (20 * kMillis));
    const auto answer = Report("loop", run, true);
    ASSERT_THAT(answer.status, IsOkCall());
    EXPECT_TRUE(answer->accepted());
    EXPECT_EQ(answer->end(), v1::END_UNSPECIFIED);
    EXPECT_GT(Nanos(answer->next_deadline()), Nanos(answer->now()));
  }
  ASSERT_EQ(stream.Event().run(), 4);
  const auto stopping = client().StopLoop("id: 'loop'");
  ASSERT_THAT(stopping.status, IsOkCall());
  EXPECT_EQ(stopping->state(), v1::STATE_STOPPING);
  EXPECT_EQ(Get("loop").state(), v1::STATE_STOPPING);
  EXPECT_EQ(Report("loop", 4, true, "bye")->end(), v1::END_STOPPED);
  const Event end = stream.Event();
  EXPECT_EQ(end.type(), Event::TYPE_STOPPED);
  EXPECT_EQ(end.payload(), "bye");
  EXPECT_THAT(stream.Finish(), IsOkCall());
}

TEST_F(CallsTest, StopALoopBetweenTwoRunsAtOnce) {
  auto stream = client().StartLoop("id: 'loop' interval { seconds: 3600 }");
  stream.Acknowledged();
  EXPECT_EQ(client().StopLoop("id: 'loop'")->state(), v1::STATE_ENDED);
  EXPECT_EQ(stream.Event().type(), Event::TYPE_STOPPED);
  EXPECT_THAT(stream.Finish(), IsOkCall());
}

TEST_F(CallsTest, EndALoopAtAFailure) {
  auto stream = client().StartLoop("id: 'loop' interval {} start_now: true");
  EXPECT_FALSE(stream.Acknowledged().has_deadline());
  for (uint64_t run = 1; run <= 100; ++run) {
    const Event tick = stream.Event();
    ASSERT_EQ(tick.run(), run);
    ASSERT_EQ(tick.count(), 1);
    ASSERT_THAT(Report("loop", run, run < 100, "why").status, IsOkCall());
  }
  const Event end = stream.Event();
  EXPECT_EQ(end.type(), Event::TYPE_FAILED);
  EXPECT_EQ(end.payload(), "why");
  EXPECT_EQ(end.run(), 100);
  EXPECT_THAT(stream.Finish(), IsOkCall());
}

TEST_F(CallsTest, CancelWhatIsPendingAndWhatRuns) {
  auto pending = client().Schedule("id: 'pending' delay { seconds: 3600 }");
  pending.Acknowledged();
  auto running = client().Schedule("id: 'running' delay {} reported: true");
  running.Acknowledged();
  EXPECT_EQ(running.Event().type(), Event::TYPE_FIRED);
  EXPECT_THAT(client().Cancel("id: 'pending'").status, IsOkCall());
  EXPECT_THAT(client().Cancel("id: 'running'").status, IsOkCall());
  for (auto* stream : {&pending, &running}) {
    EXPECT_EQ(stream->Event().type(), Event::TYPE_CANCELLED);
    EXPECT_THAT(stream->Finish(), IsOkCall());
  }
}

TEST_F(CallsTest, EndATaskByItsTimeOutItsFallbackOrItsReport) {
  auto late = client().WithTimeout("id: 'late' timeout { nanos: 30000000 }");
  const v1::Acknowledgement ack = late.Acknowledged();
  EXPECT_EQ(Nanos(ack.deadline()) - Nanos(ack.now()), 30 * kMillis);
  const Event timed_out = late.Event();
  EXPECT_EQ(timed_out.type(), Event::TYPE_TIMED_OUT);
  EXPECT_EQ(timed_out.kind(), v1::KIND_TASK);
  EXPECT_EQ(timed_out.timeout().nanos(), 30 * kMillis);
  EXPECT_GE(Nanos(timed_out.time()), Nanos(ack.deadline()));
  EXPECT_THAT(late.Finish(), IsOkCall());
  const auto too_late = Report("late", 1, true);
  EXPECT_THAT(too_late.status, IsOkCall());
  EXPECT_FALSE(too_late->accepted());
  EXPECT_EQ(too_late->end(), v1::END_TIMED_OUT);

  auto fallen = client().WithTimeout(
      "timeout { nanos: 1 } fallback { result: RESULT_SUCCESS payload: 'default' }");
  fallen.Acknowledged();
  const Event fallback = fallen.Event();
  EXPECT_EQ(fallback.type(), Event::TYPE_COMPLETED);
  EXPECT_EQ(fallback.payload(), "default");
  EXPECT_TRUE(fallback.by_timeout());
  auto failed = client().WithTimeout("timeout {} fallback { result: RESULT_FAILURE }");
  failed.Acknowledged();
  EXPECT_EQ(failed.Event().type(), Event::TYPE_FAILED);

  auto done = client().WithTimeout("id: 'done' timeout { seconds: 60 }");
  done.Acknowledged();
  EXPECT_THAT(Report("done", 1, true, "result").status, IsOkCall());
  const Event completed = done.Event();
  EXPECT_EQ(completed.type(), Event::TYPE_COMPLETED);
  EXPECT_EQ(completed.payload(), "result");
  EXPECT_FALSE(completed.by_timeout());
}

TEST_F(CallsTest, BoundATimerThatExists) {
  auto timer = client().Schedule("id: 'slow' delay { seconds: 3600 }");
  timer.Acknowledged();
  auto bound = client().WithTimeout("target_id: 'slow' timeout { nanos: 50000000 }");
  EXPECT_TRUE(bound.Acknowledged().existed());
  EXPECT_EQ(timer.Event().type(), Event::TYPE_TIMED_OUT);
  EXPECT_EQ(bound.Event().type(), Event::TYPE_TIMED_OUT);
  EXPECT_THAT(timer.Finish(), IsOkCall());
  EXPECT_THAT(bound.Finish(), IsOkCall());

  auto over = client().WithTimeout("target_id: 'slow' timeout { seconds: 1 }");
  EXPECT_FALSE(over.Acknowledged().has_deadline());
  EXPECT_EQ(over.Event().type(), Event::TYPE_TIMED_OUT);
  EXPECT_THAT(over.Finish(), IsOkCall());
}

TEST_F(CallsTest, MoveATimerInThreeWays) {
  auto stream = client().Schedule("id: 'moved' delay { seconds: 3600 }");
  const int64_t first = Nanos(stream.Acknowledged().deadline());
  const auto later = client().Reschedule("id: 'moved' delay_by { seconds: -1800 nanos: -1 }");
  ASSERT_THAT(later.status, IsOkCall());
  EXPECT_EQ(Nanos(later->old_deadline()), first);
  EXPECT_EQ(Nanos(later->deadline()), first - 1'800'000'000'001);
  const auto at = client().Reschedule("id: 'moved' at { seconds: 4000000000 nanos: 7 }");
  ASSERT_THAT(at.status, IsOkCall());
  EXPECT_EQ(Nanos(at->old_deadline()), Nanos(later->deadline()));
  EXPECT_EQ(Nanos(Get("moved").deadline()), Nanos(at->deadline()));
  const auto now = client().Reschedule("id: 'moved' from_now { nanos: 10000000 }");
  ASSERT_THAT(now.status, IsOkCall());
  EXPECT_EQ(Nanos(now->deadline()) - Nanos(now->now()), 10 * kMillis);
  const Event fired = stream.Event();
  EXPECT_EQ(fired.type(), Event::TYPE_FIRED);
  EXPECT_EQ(Nanos(fired.deadline()), Nanos(now->deadline()));
}

TEST_F(CallsTest, ExtendARunningTaskAsAHeartbeat) {
  auto stream = client().WithTimeout("id: 'task' timeout { nanos: 500000000 }");
  int64_t deadline = Nanos(stream.Acknowledged().deadline());
  for (int beat = 0; beat < 5; ++beat) {
    const auto moved = client().Reschedule("id: 'task' delay_by { nanos: 1000000 }");
    ASSERT_THAT(moved.status, IsOkCall());
    deadline += kMillis;
    EXPECT_EQ(Nanos(moved->deadline()), deadline);
  }
  const Event end = stream.Event();
  EXPECT_EQ(end.type(), Event::TYPE_TIMED_OUT);
  EXPECT_EQ(Nanos(end.deadline()), deadline);
}

TEST_F(CallsTest, ListPendingHandlesInTheOrderInWhichTheyWillFire) {
  std::vector<std::string> expected;
  for (int i = 0; i < 25; ++i) {
    expected.push_back("a" + std::to_string(100 + i));
  }
  for (int i = 24; i >= 0; --i) {  // the last to fire is made first
    auto made =
        client().Schedule("id: '" + expected[i] + "' delay { seconds: " + std::to_string(1000 + i) +
                          " } detached: true");
    ASSERT_THAT(made.Finish(), IsOkCall());
  }
  ASSERT_THAT(client().Try("StartLoop", "id: 'b' interval { seconds: 9999 } detached: true"),
              IsOkCall());
  ASSERT_THAT(client().Try("WithTimeout", "id: 'c' timeout { seconds: 99 } detached: true"),
              IsOkCall());
  for (const int page_size : {1, 7, 1000}) {
    SCOPED_TRACE(page_size);
    EXPECT_EQ(ListIds("state: STATE_PENDING kind: KIND_TIMER", page_size), expected);
    EXPECT_EQ(ListIds("state: STATE_PENDING id_prefix: 'a1'", page_size), expected);
    EXPECT_THAT(ListIds("kind: KIND_LOOP", page_size), ElementsAre("b"));
    EXPECT_THAT(ListIds("state: STATE_RUNNING id_prefix: 'c'", page_size), ElementsAre("c"));
    EXPECT_THAT(ListIds("state: STATE_ENDED", page_size), IsEmpty());
    EXPECT_EQ(ListIds("", page_size).size(), 27);
  }
}

TEST_F(CallsTest, ResumeABrokenStreamFromTheLastSequenceNumberSeen) {
  {
    auto stream = client().StartLoop("id: 'loop' interval { nanos: 1000000 } start_now: true");
    stream.Acknowledged();
    EXPECT_EQ(stream.Event().run(), 1);
    stream.Detach();
  }
  ASSERT_THAT(Report("loop", 1, true).status, IsOkCall());
  auto watch = client().Watch("id: 'loop' after_sequence: 1");
  EXPECT_TRUE(watch.Acknowledged().existed());
  const Event second = watch.Event();
  EXPECT_EQ(second.sequence(), 2);
  EXPECT_EQ(second.run(), 2);
  watch.Detach();
  auto again = client().Watch("id: 'loop' after_sequence: 1");
  again.Acknowledged();
  const Event repeated = again.Event();
  EXPECT_EQ(repeated.sequence(), 2);
  EXPECT_EQ(Nanos(repeated.time()), Nanos(second.time()));
  EXPECT_TRUE(repeated.redelivery());
  ASSERT_THAT(client().Cancel("id: 'loop'").status, IsOkCall());
  EXPECT_EQ(again.Event().type(), Event::TYPE_CANCELLED);
  EXPECT_THAT(again.Finish(), IsOkCall());

  auto after_the_end = client().Watch("id: 'loop' after_sequence: 3");
  EXPECT_EQ(after_the_end.Acknowledged().id(), "loop");
  EXPECT_FALSE(after_the_end.Next());
  EXPECT_THAT(after_the_end.Finish(), IsOkCall());
}

TEST_F(CallsTest, AttachTheSameRequestAgainAndTellEveryWatcher) {
  const std::string request = "id: 'twin' delay { nanos: 200000000 } payload: 'x'";
  auto first = client().Schedule(request);
  const v1::Acknowledgement ack = first.Acknowledged();
  auto second = client().Schedule(request);
  const v1::Acknowledgement again = second.Acknowledged();
  EXPECT_TRUE(again.existed());
  EXPECT_EQ(Nanos(again.now()), Nanos(ack.now()));
  EXPECT_EQ(Nanos(again.deadline()), Nanos(ack.deadline()));
  EXPECT_EQ(first.Event().SerializeAsString(), second.Event().SerializeAsString());
  auto third = client().Schedule(request);  // after the end
  EXPECT_TRUE(third.Acknowledged().existed());
  EXPECT_EQ(third.Event().type(), Event::TYPE_FIRED);
  EXPECT_THAT(third.Finish(), IsOkCall());
}

TEST_F(CallsTest, CloseADetachedStreamAfterTheAcknowledgement) {
  auto stream = client().Schedule("id: 'away' delay { nanos: 1000000 } detached: true");
  EXPECT_EQ(stream.Acknowledged().id(), "away");
  EXPECT_FALSE(stream.Next());
  EXPECT_THAT(stream.Finish(), IsOkCall());
  auto watch = client().Watch("id: 'away'");
  watch.Acknowledged();
  EXPECT_EQ(watch.Event().type(), Event::TYPE_FIRED);
}

TEST_F(CallsTest, KeepAHandleWhoseStreamIsGone) {
  {
    auto stream = client().Schedule("id: 'kept' delay { nanos: 30000000 }");
    stream.Acknowledged();
  }
  auto watch = client().Watch("id: 'kept'");
  watch.Acknowledged();
  EXPECT_EQ(watch.Event().type(), Event::TYPE_FIRED);
}

TEST_F(CallsTest, AnswerHealthChecksAndReflection) {
  EXPECT_EQ(RunServer({"--check-health=" + server().address()}).exit_code, 0);

  grpc::GenericStub stub(client().channel());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  grpc::CompletionQueue queue;
  void* tag = nullptr;
  bool ok = false;
  auto call = stub.PrepareCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  call->StartCall(nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  const grpc::Slice list_services(std::string("\x3a\x01*"));  // {list_services: "*"}
  call->WriteLast(grpc::ByteBuffer(&list_services, 1), grpc::WriteOptions(), nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  grpc::ByteBuffer response;
  call->Read(&response, nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok) && ok);
  std::vector<grpc::Slice> slices;
  ASSERT_TRUE(response.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  EXPECT_THAT(bytes, ::testing::HasSubstr("timerd.v1.Timers"));
  grpc::Status status;
  call->Finish(&status, nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_THAT(status, IsOkCall());
}

}  // namespace
}  // namespace timerd::testing
