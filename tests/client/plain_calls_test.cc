// Plain calls: gathered into messages, answered one by one, repeated where that is safe.
#include <set>

#include "tests/client/fake_timers_fixture.h"

namespace timerd::testing {
namespace {

class PlainCallsTest : public FakeTimersTest {
 protected:
  static const v1::SubmitRequest& Request(const FakeCallPtr& message) {
    return message->request<v1::SubmitRequest>();
  }
  static std::string IdOf(const v1::BatchItem& item) {
    switch (item.operation_case()) {
      case v1::BatchItem::kSchedule:
        return item.schedule().id();
      case v1::BatchItem::kStartLoop:
        return item.start_loop().id();
      case v1::BatchItem::kCancel:
        return item.cancel().id();
      case v1::BatchItem::kReport:
        return item.report().id();
      default:
        return item.reschedule().id();
    }
  }
  static std::vector<std::string> Ids(const FakeCallPtr& message) {
    std::vector<std::string> ids;
    for (const v1::BatchItem& item : Request(message).items()) {
      ids.push_back(IdOf(item));
    }
    return ids;
  }
  // What the server would answer if all went well.
  static v1::SubmitResponse Done(const FakeCallPtr& message) {
    v1::SubmitResponse response;
    response.set_tag(Request(message).tag());
    for (const v1::BatchItem& item : Request(message).items()) {
      v1::BatchResult& result = *response.add_results();
      if (item.has_schedule()) {
        *result.mutable_acknowledged() = Acknowledged(item.schedule().id());
      } else if (item.has_cancel()) {
        result.mutable_cancel();
      } else if (item.has_report()) {
        result.mutable_report()->set_accepted(true);
      } else {
        result.mutable_reschedule()->mutable_deadline()->set_seconds(2000);
      }
    }
    return response;
  }
  static v1::StatusDetails Details(const grpc::Status& status) {
    v1::StatusDetails details;
    details.ParseFromString(status.error_details());
    details.set_code(status.error_code());
    details.set_message(status.error_message());
    return details;
  }
  // Four messages of one call each that wait for their answers, so that what comes gathers.
  std::vector<FakeCallPtr> FillTheWay(Client& client) {
    std::vector<FakeCallPtr> messages;
    for (int i = 0; i < 4; ++i) {
      client.Cancel("ahead-" + std::to_string(i));
      messages.push_back(server_.Next("Submit"));
      EXPECT_EQ(Request(messages.back()).items_size(), 1);
    }
    return messages;
  }
};

TEST_F(PlainCallsTest, NameTheQueueThatDelivers) {
  client_.Schedule(absl::Seconds(5), {.delivery = {.queue = "mail",
                                                   .lease = absl::Seconds(20),
                                                   .retry = {.initial_backoff = absl::Seconds(1),
                                                             .factor = 1.5,
                                                             .max_backoff = absl::Seconds(60),
                                                             .max_attempts = 4}}});
  const v1::ScheduleRequest timer = Request(server_.Next("Submit")).items(0).schedule();
  EXPECT_EQ(timer.queue(), "mail");
  EXPECT_EQ(timer.lease().seconds(), 20);
  EXPECT_EQ(timer.retry().initial_backoff().seconds(), 1);
  EXPECT_EQ(timer.retry().factor(), 1.5);
  EXPECT_EQ(timer.retry().max_backoff().seconds(), 60);
  EXPECT_EQ(timer.retry().max_attempts(), 4u);

  // What is not said is for the queue to say.
  client_.Schedule(absl::Seconds(5), {.delivery = {.queue = "mail"}});
  const v1::ScheduleRequest bare = Request(server_.Next("Submit")).items(0).schedule();
  EXPECT_EQ(bare.queue(), "mail");
  EXPECT_FALSE(bare.has_lease());
  EXPECT_FALSE(bare.has_retry());
}

TEST_F(PlainCallsTest, MakeLoopsForAQueue) {
  Future<absl::StatusOr<Scheduled>> made =
      client_.ScheduleLoop(absl::Seconds(5), {.queue = "mail", .lease = absl::Seconds(20)},
                           {.id = "digest", .payload = "daily"});
  FakeCallPtr message = server_.Next("Submit");
  const v1::StartLoopRequest& loop = Request(message).items(0).start_loop();
  EXPECT_EQ(loop.id(), "digest");
  EXPECT_NE(loop.idempotency_key(), "");
  EXPECT_EQ(loop.interval().seconds(), 5);
  EXPECT_TRUE(loop.start_now());
  EXPECT_EQ(loop.payload(), "daily");
  EXPECT_EQ(loop.queue(), "mail");
  EXPECT_EQ(loop.lease().seconds(), 20);
  EXPECT_TRUE(loop.detached());
  v1::SubmitResponse response;
  response.set_tag(Request(message).tag());
  *response.add_results()->mutable_acknowledged() = Acknowledged("digest");
  response.mutable_results(0)->mutable_acknowledged()->clear_deadline();
  message->Reply(response);
  EXPECT_EQ(made.Get()->id, "digest");
  EXPECT_EQ(made.Get()->deadline, made.Get()->now);

  client_.ScheduleLoop(Cron{"0 3 * * *", "UTC"}, {.queue = "mail"});
  const v1::StartLoopRequest nightly = Request(server_.Next("Submit")).items(0).start_loop();
  EXPECT_EQ(nightly.cron().expression(), "0 3 * * *");
  EXPECT_EQ(nightly.queue(), "mail");
  EXPECT_EQ(nightly.id().size(), 32u);
}

TEST_F(PlainCallsTest, GoOutAtOnceOneByOne) {
  Future<absl::StatusOr<Scheduled>> made = client_.Schedule(
      absl::Seconds(5), {.payload = "what", .client_lost_after = absl::Seconds(9)});
  FakeCallPtr message = server_.Next("Submit");
  ASSERT_EQ(Request(message).items_size(), 1);
  const v1::ScheduleRequest& request = Request(message).items(0).schedule();
  EXPECT_EQ(request.id().size(), 32u);
  EXPECT_EQ(request.delay().seconds(), 5);
  EXPECT_EQ(request.payload(), "what");
  EXPECT_EQ(request.client_lost_after().seconds(), 9);
  EXPECT_TRUE(request.detached());
  EXPECT_FALSE(request.reported());
  EXPECT_EQ(request.idempotency_key(), "");
  message->Reply(Done(message));
  const auto scheduled = made.Get();
  ASSERT_TRUE(scheduled.ok()) << scheduled.status();
  EXPECT_EQ(scheduled->id, request.id());
  EXPECT_EQ(scheduled->now, absl::FromUnixSeconds(1000));
  EXPECT_EQ(scheduled->deadline, absl::FromUnixSeconds(1005));
  EXPECT_FALSE(scheduled->existed);
}

TEST_F(PlainCallsTest, SayWhatTheyAreToldTo) {
  ScheduleOptions options;
  options.id = "mine";
  options.reported = true;
  options.replace = true;
  client_.ScheduleAt(absl::FromUnixSeconds(7), options);
  const v1::BatchItem at = Request(server_.Next("Submit")).items(0);
  EXPECT_EQ(at.schedule().at().seconds(), 7);
  EXPECT_TRUE(at.schedule().reported());
  EXPECT_TRUE(at.schedule().replace());
  EXPECT_EQ(at.schedule().idempotency_key().size(), 16u);
  Future<absl::StatusOr<v1::ReportResponse>> reported =
      client_.Report("run", 3, absl::NotFoundError("gone"));
  FakeCallPtr report = server_.Next("Submit");
  EXPECT_EQ(Request(report).items(0).report().run(), 3u);
  EXPECT_EQ(Request(report).items(0).report().outcome().payload(), "NOT_FOUND: gone");
  report->Reply(Done(report));
  EXPECT_TRUE(reported.Get()->accepted());
  client_.RescheduleBy("by", -absl::Seconds(2));
  FakeCallPtr by = server_.Next("Submit");
  EXPECT_EQ(Request(by).items(0).reschedule().delay_by().seconds(), -2);
  by->Reply(Done(by));
  Future<absl::StatusOr<absl::Time>> moved =
      client_.RescheduleTo("to", absl::FromUnixSeconds(2000));
  FakeCallPtr to = server_.Next("Submit");
  EXPECT_EQ(Request(to).items(0).reschedule().at().seconds(), 2000);
  to->Reply(Done(to));
  EXPECT_EQ(*moved.Get(), absl::FromUnixSeconds(2000));
  client_.Reschedule("from now", absl::Seconds(30));
  EXPECT_EQ(Request(server_.Next("Submit")).items(0).reschedule().from_now().seconds(), 30);
}

TEST_F(PlainCallsTest, AreInTheNamespaceOfTheClient) {
  ClientOptions options = OptionsFor(server_);
  options.name_space = "billing";
  Client client(options);
  client.Cancel("some");
  EXPECT_EQ(Request(server_.Next("Submit")).namespace_(), "billing");
}

TEST_F(PlainCallsTest, GatherWhileFourMessagesWaitForTheirAnswers) {
  const std::vector<FakeCallPtr> ahead = FillTheWay(client_);
  std::vector<Future<absl::Status>> cancelled;
  for (int i = 0; i < 10; ++i) {
    cancelled.push_back(client_.Cancel("id-" + std::to_string(i)));
  }
  EXPECT_TRUE(server_.Quiet("Submit"));
  ahead[2]->Reply(Done(ahead[2]));  // in any order
  FakeCallPtr message = server_.Next("Submit");
  ASSERT_EQ(Request(message).items_size(), 10);
  EXPECT_EQ(Ids(message).front(), "id-0");
  EXPECT_EQ(Ids(message).back(), "id-9");

  // Each has its own answer.
  v1::SubmitResponse response = Done(message);
  *response.mutable_results(4)->mutable_error() =
      Details(Refused(grpc::StatusCode::FAILED_PRECONDITION, "ALREADY_CALLED", "end", "COMPLETED"));
  message->Reply(response);
  for (size_t i = 0; i < cancelled.size(); ++i) {
    EXPECT_EQ(ReasonOf(cancelled[i].Get()), i == 4 ? "ALREADY_CALLED" : "") << i;
    EXPECT_EQ(DetailOf(cancelled[i].Get(), "end"), i == 4 ? "COMPLETED" : "") << i;
  }
}

TEST_F(PlainCallsTest, GoInMessagesOfBoundedSize) {
  const std::vector<FakeCallPtr> ahead = FillTheWay(client_);
  for (int i = 0; i < 1001; ++i) {
    client_.Cancel("id-" + std::to_string(i));
  }
  ScheduleOptions large;
  large.payload.assign(200 << 10, 'x');
  client_.Schedule(absl::Seconds(1), large);
  client_.Schedule(absl::Seconds(1), large);
  for (const FakeCallPtr& message : ahead) {
    message->Reply(Done(message));
  }
  EXPECT_EQ(Request(server_.Next("Submit")).items_size(), 1000);
  EXPECT_EQ(Request(server_.Next("Submit")).items_size(), 2);
  EXPECT_EQ(Request(server_.Next("Submit")).items_size(), 1);
}

TEST_F(PlainCallsTest, OnOneIdAreCarriedOutInOrder) {
  client_.Schedule(absl::Seconds(1), {.id = "same"});
  Future<absl::StatusOr<absl::Time>> moved = client_.Reschedule("same", absl::Seconds(2));
  Future<absl::Status> cancelled = client_.Cancel("same");
  client_.Cancel("other");
  FakeCallPtr schedule = server_.Next("Submit");
  EXPECT_TRUE(Request(schedule).items(0).has_schedule());
  EXPECT_EQ(Ids(server_.Next("Submit")), std::vector<std::string>{"other"});
  EXPECT_TRUE(server_.Quiet("Submit"));
  schedule->Reply(Done(schedule));
  FakeCallPtr move = server_.Next("Submit");
  EXPECT_TRUE(Request(move).items(0).has_reschedule());
  EXPECT_TRUE(server_.Quiet("Submit"));
  move->Reply(Done(move));
  EXPECT_TRUE(moved.Get().ok());
  FakeCallPtr cancel = server_.Next("Submit");
  EXPECT_TRUE(Request(cancel).items(0).has_cancel());
  cancel->Reply(Done(cancel));
  EXPECT_TRUE(cancelled.Get().ok());
}

TEST_F(PlainCallsTest, AreSentAgainWhenTheStreamBreaksBeforeTheirAnswer) {
  // A message each, so that what comes then is not sent before the stream breaks.
  Future<absl::StatusOr<Scheduled>> made = client_.Schedule(absl::Seconds(1), {.id = "a"});
  const std::string first = Request(server_.Next("Submit")).items(0).SerializeAsString();
  Future<absl::Status> cancelled = client_.Cancel("b");
  server_.Next("Submit");
  Future<absl::StatusOr<absl::Time>> moved = client_.Reschedule("c", absl::Seconds(60));
  server_.Next("Submit");
  Future<absl::StatusOr<absl::Time>> once = client_.RescheduleBy("d", absl::Seconds(1));
  FakeCallPtr last = server_.Next("Submit");
  Future<absl::StatusOr<v1::ReportResponse>> reported = client_.Report("e", 1, "value");
  last->Finish(kUnavailable);

  FakeCallPtr again = server_.Next("Submit");
  ASSERT_EQ(Ids(again), (std::vector<std::string>{"a", "b", "c", "e"}));
  EXPECT_EQ(Request(again).items(0).SerializeAsString(), first);
  EXPECT_NE(Request(again).items(0).schedule().idempotency_key(), "");
  EXPECT_LT(Request(again).items(2).reschedule().from_now().seconds(), 60);
  // Moved twice would be wrong.
  EXPECT_EQ(once.Get().status().code(), absl::StatusCode::kUnavailable);
  v1::SubmitResponse response = Done(again);
  *response.mutable_results(1)->mutable_error() =
      Details(Refused(grpc::StatusCode::FAILED_PRECONDITION, "ALREADY_CANCELLED"));
  again->Reply(response);
  EXPECT_TRUE(made.Get().ok());
  EXPECT_TRUE(cancelled.Get().ok());  // it was the lost try that did it
  EXPECT_TRUE(moved.Get().ok());
  EXPECT_TRUE(reported.Get()->accepted());
}

TEST_F(PlainCallsTest, TellWhenSomebodyElseHasCancelled) {
  Future<absl::Status> cancelled = client_.Cancel("some");
  FakeCallPtr message = server_.Next("Submit");
  v1::SubmitResponse response = Done(message);
  *response.mutable_results(0)->mutable_error() =
      Details(Refused(grpc::StatusCode::FAILED_PRECONDITION, "ALREADY_CANCELLED"));
  message->Reply(response);
  EXPECT_EQ(ReasonOf(cancelled.Get()), "ALREADY_CANCELLED");
}

TEST_F(PlainCallsTest, AreSentAgainByThemselvesWhenTheServerCouldNotCarryThemOut) {
  const std::vector<FakeCallPtr> ahead = FillTheWay(client_);
  Future<absl::Status> a = client_.Cancel("a");
  Future<absl::Status> b = client_.Cancel("b");
  ahead[0]->Reply(Done(ahead[0]));
  FakeCallPtr message = server_.Next("Submit");
  v1::SubmitResponse response = Done(message);
  *response.mutable_results(0)->mutable_error() =
      Details(Refused(grpc::StatusCode::UNAVAILABLE, "SHUTTING_DOWN"));
  message->Reply(response);
  EXPECT_TRUE(b.Get().ok());
  EXPECT_FALSE(a.ready());
  FakeCallPtr again = server_.Next("Submit");
  EXPECT_EQ(Ids(again), std::vector<std::string>{"a"});
  again->Reply(Done(again));
  EXPECT_TRUE(a.Get().ok());
}

TEST_F(PlainCallsTest, GoInSmallerMessagesToAServerThatTakesNoLarger) {
  const std::vector<FakeCallPtr> ahead = FillTheWay(client_);
  std::vector<Future<absl::StatusOr<absl::Time>>> moved;
  for (int i = 0; i < 5; ++i) {
    moved.push_back(client_.RescheduleBy("id-" + std::to_string(i), absl::Seconds(1)));
  }
  ahead[0]->Reply(Done(ahead[0]));
  FakeCallPtr message = server_.Next("Submit");
  ASSERT_EQ(Request(message).items_size(), 5);
  v1::SubmitResponse refusal;
  refusal.set_tag(Request(message).tag());
  *refusal.mutable_error() = Details(
      Refused(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED", "limit", "max-batch-items"));
  message->Reply(refusal);
  FakeCallPtr first = server_.Next("Submit");
  EXPECT_EQ(Ids(first), (std::vector<std::string>{"id-0", "id-1", "id-2"}));
  first->Reply(Done(first));
  FakeCallPtr second = server_.Next("Submit");
  EXPECT_EQ(Ids(second), (std::vector<std::string>{"id-3", "id-4"}));
  second->Reply(Done(second));
  for (const auto& future : moved) {
    EXPECT_TRUE(future.Get().ok());
  }
}

TEST_F(PlainCallsTest, EndWithTheRefusalOfTheirMessage) {
  Future<absl::Status> cancelled = client_.Cancel("some");
  FakeCallPtr message = server_.Next("Submit");
  v1::SubmitResponse refusal;
  refusal.set_tag(Request(message).tag());
  *refusal.mutable_error() = Details(Refused(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED",
                                             "limit", "max-request-bytes"));
  message->Reply(refusal);
  EXPECT_EQ(cancelled.Get().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailOf(cancelled.Get(), "limit"), "max-request-bytes");
}

TEST_F(PlainCallsTest, HideThatTheyWerePartOfABatch) {
  Future<absl::StatusOr<Scheduled>> made = client_.Schedule(-absl::Seconds(1));
  FakeCallPtr message = server_.Next("Submit");
  v1::SubmitResponse response = Done(message);
  *response.mutable_results(0)->mutable_error() = Details(
      Refused(grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD", "field", "items[0].delay"));
  response.mutable_results(0)->mutable_error()->set_message("items[0]: delay -1s is negative");
  message->Reply(response);
  EXPECT_EQ(made.Get().status().message(), "delay -1s is negative");
  EXPECT_EQ(DetailOf(made.Get().status(), "field"), "delay");
}

TEST_F(PlainCallsTest, TellWhenToAskAgain) {
  Future<absl::StatusOr<Scheduled>> made = client_.Schedule(absl::Seconds(1));
  FakeCallPtr message = server_.Next("Submit");
  v1::SubmitResponse response = Done(message);
  *response.mutable_results(0)->mutable_error() = Details(RetryAfter(
      absl::Milliseconds(2300),
      Refused(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED", "limit", "max-handles")));
  message->Reply(response);
  const absl::Status refused = made.Get().status();
  EXPECT_EQ(DetailOf(refused, "limit"), "max-handles");
  EXPECT_EQ(RetryDelayOf(refused), absl::Milliseconds(2300));
  EXPECT_EQ(RetryDelayOf(absl::ResourceExhaustedError("no details")), std::nullopt);
}

TEST_F(PlainCallsTest, EndWithAStatusOfTheStreamThatIsNoAccident) {
  Future<absl::Status> cancelled = client_.Cancel("some");
  server_.Next("Submit")->Finish(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "an older server"));
  EXPECT_EQ(cancelled.Get().code(), absl::StatusCode::kUnimplemented);
  // The next one asks again.
  cancelled = client_.Cancel("some");
  FakeCallPtr message = server_.Next("Submit");
  message->Reply(Done(message));
  EXPECT_TRUE(cancelled.Get().ok());
}

TEST_F(PlainCallsTest, AreRefusedWhenTooManyWait) {
  ClientOptions options = OptionsFor(server_);
  options.max_waiting_calls = 3;
  Client narrow(options);
  Future<absl::Status> first = narrow.Cancel("same");
  narrow.Cancel("same");
  narrow.Cancel("other");
  const absl::Status refused = narrow.Cancel("one more").Get();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(refused), "LIMIT_EXCEEDED");
  EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr("max_waiting_calls"));
  FakeCallPtr message = server_.Next("Submit");
  message->Reply(Done(message));
  EXPECT_TRUE(first.Get().ok());
  server_.Next("Submit");  // of "other" or the second of "same"
  Future<absl::Status> admitted = narrow.Cancel("one more");
  EXPECT_FALSE(admitted.ready());
}

TEST_F(PlainCallsTest, AreRefusedWhenTooManyBytesWait) {
  ClientOptions options = OptionsFor(server_);
  options.max_waiting_bytes = 1000;
  Client narrow(options);
  ScheduleOptions large;
  large.payload.assign(600, 'x');
  Future<absl::StatusOr<Scheduled>> first = narrow.Schedule(absl::Seconds(1), large);
  const absl::Status refused = narrow.Schedule(absl::Seconds(1), large).Get().status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr("max_waiting_bytes=1000"));
  FakeCallPtr message = server_.Next("Submit");
  message->Reply(Done(message));
  EXPECT_TRUE(first.Get().ok());
  EXPECT_FALSE(narrow.Schedule(absl::Seconds(1), large).ready());
}

TEST_F(PlainCallsTest, SurviveARestartOfTheServer) {
  Future<absl::Status> before = client_.Cancel("before");
  FakeCallPtr message = server_.Next("Submit");
  message->Reply(Done(message));
  EXPECT_TRUE(before.Get().ok());
  server_.Shutdown();
  Future<absl::Status> meanwhile = client_.Cancel("meanwhile");
  server_.Listen();
  message = server_.Next("Submit");
  message->Reply(Done(message));
  EXPECT_TRUE(meanwhile.Get().ok());
}

TEST_F(PlainCallsTest, FromManyThreadsAreAllAnswered) {
  constexpr int kThreads = 4;
  constexpr int kCalls = 500;
  std::atomic<int> answered = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCalls; ++i) {
        client_.Cancel(std::to_string(t) + "/" + std::to_string(i % 50))
            .OnReady([&answered](const absl::Status& status) { answered += status.ok() ? 1 : 0; });
      }
    });
  }
  std::set<uint64_t> tags;
  int items = 0;
  while (items < kThreads * kCalls) {
    FakeCallPtr message = server_.Next("Submit");
    const std::vector<std::string> ids = Ids(message);
    EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), ids.size());
    EXPECT_TRUE(tags.insert(Request(message).tag()).second);
    items += Request(message).items_size();
    message->Reply(Done(message));
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  const absl::Time until = absl::Now() + kPatience;
  while (answered < kThreads * kCalls && absl::Now() < until) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_EQ(answered, kThreads * kCalls);
}

}  // namespace
}  // namespace timerd::testing
