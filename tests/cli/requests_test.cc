#include "client/cli/requests.h"

#include <cstdio>
#include <fstream>

#include "tests/cli/request_matchers.h"

namespace timerd::cli {
namespace {

TEST(MakeScheduleRequestTest, FillsEveryField) {
  ExpectRequest(Make(MakeScheduleRequest,
                     {"schedule", "--in=3.5s", "--id=tea", "--reported", "--payload=hello, world",
                      "--detach", "--replace", "--key=k7", "--client-lost-after=30s"}),
                "id: 'tea' delay { seconds: 3 nanos: 500000000 } reported: true "
                "payload: 'hello, world' detached: true replace: true idempotency_key: 'k7' "
                "client_lost_after { seconds: 30 }");
  ExpectRequest(Make(MakeScheduleRequest, {"schedule", "--at=2026-11-24T09:00:00Z"}),
                "at { seconds: 1795510800 }");
  ExpectRequest(Make(MakeScheduleRequest, {"schedule", "--in=0s"}), "delay {}");
}

TEST(MakeScheduleRequestTest, ReadsAPayloadOfAnyBytesFromAFile) {
  const std::string name = ::testing::TempDir() + "/timerctl_payload";
  std::ofstream(name, std::ios::binary) << std::string("\0\xFF\n", 3);
  ExpectRequest(Make(MakeScheduleRequest, {"schedule", "--in=1s", "--payload-file=" + name}),
                R"(delay { seconds: 1 } payload: "\000\377\n")");
  std::remove(name.c_str());
}

TEST(MakeScheduleRequestTest, TakesAFileOfSixteenMebibytesAndNotAByteMore) {
  const std::string name = ::testing::TempDir() + "/timerctl_large_payload";
  std::ofstream(name, std::ios::binary) << std::string(size_t{16} << 20, 'x');
  const std::vector<std::string> words = {"schedule", "--in=1s", "--payload-file=" + name};
  const auto request = Make(MakeScheduleRequest, words);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->payload().size(), size_t{16} << 20);
  std::ofstream(name, std::ios::binary | std::ios::app) << 'x';
  ExpectError(Make(MakeScheduleRequest, words), "more than 16 MiB");
  std::remove(name.c_str());
}

TEST(MakeScheduleRequestTest, NamesTheFlagTheValueTheRuleAndTheWayOut) {
  ExpectError(Make(MakeScheduleRequest, {"schedule"}),
              "one of --in, --at is missing; write for example --in=5m");
  ExpectError(Make(MakeScheduleRequest, {"schedule", "--in=5"}),
              "--in=5: a number without a unit; write 5s for seconds");
  ExpectError(Make(MakeScheduleRequest, {"schedule", "--in=-5s"}),
              "--in=-5s: negative; write 0s or more");
  ExpectError(Make(MakeScheduleRequest, {"schedule", "--in=-1ns"}), "negative");
  ExpectError(Make(MakeScheduleRequest, {"schedule", "--in=5s", "--at=2026-11-24T09:00Z"}),
              "--in and --at exclude each other");
  ExpectError(Make(MakeScheduleRequest, {"schedule", "--at=2026-11-24 09:00"}),
              "--at=2026-11-24 09:00: a time without a zone");
  ExpectError(Make(MakeScheduleRequest, {"schedule", "--in=5s", "--id="}),
              "--id= is empty; write --id=ID or leave it out");
  ExpectError(Make(MakeScheduleRequest, {"schedule", "--in=5s", "--payload=\xFF"}),
              "--payload: not UTF-8; use --payload-file");
  ExpectError(Make(MakeScheduleRequest, {"schedule", "--in=5s", "--id=\xFF"}),
              "--id: not UTF-8; write it in UTF-8");
  ExpectError(Make(MakeScheduleRequest, {"schedule", "--in=5s", "--key="}),
              "--key= is empty; write --key=KEY or leave it out");
  ExpectError(Make(MakeScheduleRequest, {"schedule", "--in=5s", "--client-lost-after=-1s"}),
              "--client-lost-after=-1s: negative");
  ExpectError(Make(MakeScheduleRequest, {"schedule", "--in=5s", "--payload=x", "--payload-file=y"}),
              "--payload and --payload-file exclude each other");
  ExpectError(Make(MakeScheduleRequest, {"schedule", "--in=5s", "--payload-file=/no/such/file"}),
              "--payload-file=/no/such/file: cannot be read");
  ExpectError(Make(MakeScheduleRequest, {"schedule", "--in=5s", "--payload-file=/"}),
              "cannot be read");
}

TEST(MakeWithTimeoutRequestTest, FillsEveryField) {
  ExpectRequest(Make(MakeWithTimeoutRequest, {"timeout", "--in=30s", "--id=up", "--detach",
                                              "--replace", "--key=k", "--client-lost-after=1m"}),
                "id: 'up' timeout { seconds: 30 } detached: true replace: true "
                "idempotency_key: 'k' client_lost_after { seconds: 60 }");
  ExpectRequest(Make(MakeWithTimeoutRequest, {"timeout", "--in=30s", "--target=a", "--fallback=b"}),
                "target_id: 'a' timeout { seconds: 30 } "
                "fallback { result: RESULT_SUCCESS payload: 'b' }");
  ExpectRequest(Make(MakeWithTimeoutRequest, {"timeout", "--in=1s", "--fallback-failure="}),
                "timeout { seconds: 1 } fallback { result: RESULT_FAILURE }");
  ExpectError(Make(MakeWithTimeoutRequest, {"timeout", "--target=a"}), "--in is missing");
  ExpectError(Make(MakeWithTimeoutRequest, {"timeout", "--in=1s", "--target=a", "--id=b"}),
              "--target and --id exclude each other");
  ExpectError(
      Make(MakeWithTimeoutRequest, {"timeout", "--in=1s", "--fallback=a", "--fallback-failure=b"}),
      "--fallback and --fallback-failure exclude each other");
}

TEST(MakeScheduleRequestTest, SaysHowAQueueDeliversIt) {
  ExpectRequest(Make(MakeScheduleRequest,
                     {"schedule", "--in=1s", "--queue=mail", "--lease=1m", "--max-attempts=5",
                      "--initial-backoff=2s", "--max-backoff=1h", "--backoff-factor=1.5"}),
                "delay { seconds: 1 } queue: 'mail' lease { seconds: 60 } "
                "retry { initial_backoff { seconds: 2 } factor: 1.5 max_backoff { seconds: 3600 } "
                "max_attempts: 5 }");
  // A policy that says nothing is not sent, as it would be refused without a queue.
  ExpectRequest(Make(MakeScheduleRequest, {"schedule", "--in=1s", "--queue=mail"}),
                "delay { seconds: 1 } queue: 'mail'");
  ExpectError(Make(MakeScheduleRequest, {"schedule", "--in=5s", "--queue="}),
              "--queue= is empty; write --queue=QUEUE or leave it out");
  ExpectError(Make(MakeScheduleRequest, {"schedule", "--in=5s", "--lease=0s"}),
              "--lease=0s: no time at all");
  for (const std::string value : {"", "-1", "0.9", "x", "nan", "inf", "1e2", "1.2.3", " 2"}) {
    ExpectError(Make(MakeScheduleRequest, {"schedule", "--in=5s", "--backoff-factor=" + value}),
                "--backoff-factor=" + value + ": not a number of 1 or more, such as 2 or 2.5");
  }
  for (const std::string value : {"0", "-1", "4294967296"}) {
    ExpectError(Make(MakeScheduleRequest, {"schedule", "--in=5s", "--max-attempts=" + value}),
                "--max-attempts=" + value + ": not a whole number from 1 to 4294967295");
  }
}

TEST(MakeWatchRequestTest, FollowsManyHandles) {
  ExpectRequest(Make(MakeWatchRequest, {"watch", "--prefix=a/"}), "id_prefix: 'a/'");
  ExpectRequest(Make(MakeWatchRequest, {"watch", "--queue=mail", "--cursor=Abc"}),
                "queue: 'mail' cursor: 'Abc'");
  ExpectRequest(Make(MakeWatchRequest, {"watch", "--all", "--from-oldest"}),
                "everything: true from_oldest: true");
}

TEST(MakeWatchRequestTest, NamesTheFlagsThatDoNotGoTogether) {
  ExpectError(Make(MakeWatchRequest, {"watch"}), "no ID; write `timerctl watch ID`, or --prefix");
  ExpectError(Make(MakeWatchRequest, {"watch", "a", "--all"}),
              "an ID is there, and a flag for many handles too");
  ExpectError(Make(MakeWatchRequest, {"watch", "--prefix=a", "--queue=b"}),
              "--prefix and --queue exclude each other");
  ExpectError(Make(MakeWatchRequest, {"watch", "--all", "--cursor=a", "--from-oldest"}),
              "--cursor and --from-oldest exclude each other");
  ExpectError(Make(MakeWatchRequest, {"watch", "a", "--cursor=x"}),
              "--cursor and --from-oldest are for --prefix, --queue and --all");
  ExpectError(Make(MakeWatchRequest, {"watch", "a", "--from-oldest"}),
              "--cursor and --from-oldest are for --prefix, --queue and --all");
  ExpectError(Make(MakeWatchRequest, {"watch", "--all", "--after=1"}), "--after is for one handle");
  ExpectError(Make(MakeWatchRequest, {"watch", "--prefix="}), "--prefix= is empty");
  ExpectError(Make(MakeWatchRequest, {"watch", "--all", "--cursor="}), "--cursor= is empty");
}

TEST(MakeWatchRequestTest, FillsEveryField) {
  ExpectRequest(Make(MakeWatchRequest, {"watch", "a"}), "id: 'a'");
  ExpectRequest(Make(MakeWatchRequest, {"watch", "a", "--after=18446744073709551615"}),
                "id: 'a' after_sequence: 18446744073709551615");
  for (const std::string value : {"-1", "", "1.5", "0x1", " 1", "+1", "18446744073709551616"}) {
    ExpectError(Make(MakeWatchRequest, {"watch", "a", "--after=" + value}),
                "--after=" + value + ": not a whole number of 0 or more");
  }
}

TEST(MakeReportRequestTest, FillsEveryField) {
  ExpectRequest(Make(MakeReportRequest, {"report", "a", "--run=7", "--success"}),
                "id: 'a' run: 7 outcome { result: RESULT_SUCCESS }");
  ExpectRequest(Make(MakeReportRequest, {"report", "a", "--run=1", "--failure=disk full"}),
                "id: 'a' run: 1 outcome { result: RESULT_FAILURE payload: 'disk full' }");
  ExpectError(Make(MakeReportRequest, {"report", "a", "--success"}), "--run is missing");
  ExpectError(Make(MakeReportRequest, {"report", "a", "--run=0", "--success"}),
              "--run=0: not a whole number of 1 or more");
  ExpectError(Make(MakeReportRequest, {"report", "a", "--run=1"}), "one of --success, --failure");
  ExpectError(Make(MakeReportRequest, {"report", "a", "--run=1", "--success", "--failure"}),
              "exclude each other");
}

TEST(MakeRescheduleRequestTest, FillsExactlyOneOfThree) {
  ExpectRequest(Make(MakeRescheduleRequest, {"reschedule", "a", "--in=5m"}),
                "id: 'a' from_now { seconds: 300 }");
  ExpectRequest(Make(MakeRescheduleRequest, {"reschedule", "a", "--by=-10.5s"}),
                "id: 'a' delay_by { seconds: -10 nanos: -500000000 }");
  ExpectRequest(Make(MakeRescheduleRequest, {"reschedule", "a", "--at=2026-11-24T09:00:00Z"}),
                "id: 'a' at { seconds: 1795510800 }");
  ExpectError(Make(MakeRescheduleRequest, {"reschedule", "a"}), "one of --in, --by, --at");
  ExpectError(Make(MakeRescheduleRequest, {"reschedule", "a", "--in=1s", "--by=1s"}),
              "--in and --by exclude each other");
  ExpectError(Make(MakeRescheduleRequest, {"reschedule", "a", "--in=-1s"}), "negative");
}

TEST(MakeChangeIntervalRequestTest, FillsEveryField) {
  ExpectRequest(Make(MakeChangeIntervalRequest, {"change-interval", "a", "--every=1.5s"}),
                "id: 'a' interval { seconds: 1 nanos: 500000000 }");
  ExpectError(Make(MakeChangeIntervalRequest, {"change-interval", "a"}),
              "--every is missing; write --every=5s");
  ExpectError(Make(MakeChangeIntervalRequest, {"change-interval", "a", "--every=-1s"}), "negative");
}

TEST(MakeAdvanceRequestTest, FillsEveryField) {
  ExpectRequest(Make(MakeAdvanceRequest, {"advance", "--by=0s"}), "by {}");
  ExpectRequest(Make(MakeAdvanceRequest, {"advance", "--by=1h", "--jump", "--limit=3"}),
                "by { seconds: 3600 } jump: true limit: 3");
  ExpectError(Make(MakeAdvanceRequest, {"advance"}), "--by is missing; write --by=5m");
  ExpectError(Make(MakeAdvanceRequest, {"advance", "--by=-1s"}), "--by=-1s: negative");
  ExpectError(Make(MakeAdvanceRequest, {"advance", "--by=1s", "--jump", "--limit=0"}),
              "--limit=0: not a whole number of 1 or more");
}

TEST(MakeListingTest, FillsEveryFieldAndBoundsThePage) {
  auto listing =
      Make(MakeListing, {"list", "--state=STOPPING", "--kind=task", "--prefix=a/", "--limit=7"});
  ASSERT_TRUE(listing.ok()) << listing.status();
  EXPECT_EQ(listing->request.state(), v1::STATE_STOPPING);
  EXPECT_EQ(listing->request.kind(), v1::KIND_TASK);
  EXPECT_EQ(listing->request.id_prefix(), "a/");
  EXPECT_EQ(listing->request.page_size(), 7);
  EXPECT_EQ(listing->limit, 7);
  EXPECT_EQ(Make(MakeListing, {"list"})->limit, 100);
  EXPECT_EQ(Make(MakeListing, {"list", "--limit=5000"})->request.page_size(), 1000);
  EXPECT_EQ(Make(MakeListing, {"list", "--state=ended"})->request.state(), v1::STATE_ENDED);
  EXPECT_EQ(Make(MakeListing, {"list", "--state=paused"})->request.state(), v1::STATE_PAUSED);
  EXPECT_EQ(Make(MakeListing, {"list", "--kind=timer"})->request.kind(), v1::KIND_TIMER);
  ExpectError(Make(MakeListing, {"list", "--state=pendign"}),
              "--state=pendign: unknown; did you mean pending? choose from pending, running");
  ExpectError(Make(MakeListing, {"list", "--kind=cron"}), "choose from timer, loop, task");
  ExpectError(Make(MakeListing, {"list", "--limit=0"}), "from 1 to 2147483647");
}

TEST(MakeWorkOptionsTest, FillsEveryField) {
  const auto options = Make(MakeWorkOptions, {"work", "mail", "--credit=4", "--name=me",
                                              "--count=10", "--", "./send", "--from", "me"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->queue, "mail");
  EXPECT_EQ(options->credit, 4u);
  EXPECT_EQ(options->name, "me");
  EXPECT_EQ(options->count, 10u);
  EXPECT_EQ(options->command, (std::vector<std::string>{"./send", "--from", "me"}));
  const auto defaults = Make(MakeWorkOptions, {"work", "mail"});
  ASSERT_TRUE(defaults.ok()) << defaults.status();
  EXPECT_EQ(defaults->credit, 1u);
  EXPECT_EQ(defaults->count, std::nullopt);
  EXPECT_TRUE(defaults->command.empty());
  ExpectError(Make(MakeWorkOptions, {"work", "mail", "--credit=0"}),
              "--credit=0: not a whole number from 1 to 4294967295");
  ExpectError(Make(MakeWorkOptions, {"work", "mail", "--count=0"}),
              "--count=0: not a whole number of 1 or more");
  ExpectError(Make(MakeWorkOptions, {"work", "mail", "--name="}), "--name= is empty");
}

TEST(MakeConfigureQueueRequestTest, FillsEveryField) {
  ExpectRequest(
      Make(MakeConfigureQueueRequest,
           {"configure-queue", "mail", "--lease=1m", "--max-attempts=5", "--initial-backoff=2s",
            "--max-backoff=1h", "--backoff-factor=3", "--max-backlog=1000", "--max-pending=5000",
            "--max-rate=50", "--push-to=http://h/p", "--push-concurrency=4", "--push-rate=0.5",
            "--push-timeout=10s"}),
      "queue: 'mail' settings { lease { seconds: 60 } retry { initial_backoff { seconds: 2 } "
      "factor: 3 max_backoff { seconds: 3600 } max_attempts: 5 } target { url: 'http://h/p' "
      "max_concurrent: 4 max_per_second: 0.5 timeout { seconds: 10 } } max_backlog: 1000 "
      "max_pending: 5000 max_rate: 50 }");
  ExpectRequest(Make(MakeConfigureQueueRequest, {"configure-queue", "mail", "--defaults"}),
                "queue: 'mail' settings {}");
}

TEST(MakeConfigureQueueRequestTest, TakesNothingBackThatIsNotMeant) {
  ExpectError(Make(MakeConfigureQueueRequest, {"configure-queue", "mail"}),
              "no setting is there; write for example --lease=1m, or --defaults");
  ExpectError(
      Make(MakeConfigureQueueRequest, {"configure-queue", "mail", "--defaults", "--lease=1m"}),
      "--defaults takes all settings back, and one is there too");
  ExpectError(Make(MakeConfigureQueueRequest, {"configure-queue", "mail", "--push-rate=1"}),
              "are for --push-to=URL");
  ExpectError(Make(MakeConfigureQueueRequest, {"configure-queue", "mail", "--push-to="}),
              "--push-to= is empty; write --push-to=URL");
}

TEST(MakeDeadLettersRequestTest, NamesOneLetterOrNone) {
  ExpectRequest(Make(MakeDeadLettersRequest<v1::ReplayDeadLettersRequest>,
                     {"replay-dead-letters", "mail", "--letter=L1"}),
                "queue: 'mail' letter: 'L1'");
  ExpectRequest(
      Make(MakeDeadLettersRequest<v1::PurgeDeadLettersRequest>, {"purge-dead-letters", "mail"}),
      "queue: 'mail'");
  ExpectError(Make(MakeDeadLettersRequest<v1::PurgeDeadLettersRequest>,
                   {"purge-dead-letters", "mail", "--letter="}),
              "--letter= is empty; write --letter=LETTER");
}

TEST(MakeQueueListingTest, BoundsThePage) {
  const auto queues = Make(MakeQueueListing, {"queues", "--limit=7"});
  ASSERT_TRUE(queues.ok()) << queues.status();
  EXPECT_EQ(queues->request.page_size(), 7);
  const auto letters = Make(MakeDeadLetterListing, {"dead-letters", "mail", "--limit=5000"});
  ASSERT_TRUE(letters.ok()) << letters.status();
  EXPECT_EQ(letters->request.queue(), "mail");
  EXPECT_EQ(letters->request.page_size(), 1000);
  EXPECT_EQ(letters->limit, 5000);
  ExpectError(Make(MakeQueueListing, {"queues", "--limit=0"}), "from 1 to 2147483647");
}

TEST(AnswerTimeoutTest, IsTenSecondsUnlessToldOtherwise) {
  EXPECT_EQ(*Make(AnswerTimeout, {"list"}), absl::Seconds(10));
  EXPECT_EQ(*Make(AnswerTimeout, {"list", "--timeout=1.5s"}), absl::Milliseconds(1500));
  ExpectError(Make(AnswerTimeout, {"list", "--timeout=0s"}), "--timeout=0s: no time at all");
  ExpectError(Make(AnswerTimeout, {"list", "--timeout=9"}), "--timeout=9: a number without a unit");
}

}  // namespace
}  // namespace timerd::cli
