// The small parts of the edge: refusals as gRPC statuses, the registry of streams, generated ids,
// translation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/service/generated_id.h"
#include "server/service/status_mapping.h"
#include "server/service/stream_registry.h"
#include "server/service/translation.h"
#include "tests/support/status_matchers.h"
#include "timerd/v1/errors.pb.h"

namespace timerd::service {
namespace {

using ::timerd::testing::IsRefused;

v1::ErrorInfo InfoOf(const grpc::Status& status) {
  v1::StatusDetails details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), status.error_code());
  EXPECT_EQ(details.message(), status.error_message());
  v1::ErrorInfo info;
  EXPECT_EQ(details.details_size(), 1);
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/google.rpc.ErrorInfo");
  EXPECT_TRUE(info.ParseFromString(details.details(0).value()));
  EXPECT_EQ(info.domain(), "timerd");
  return info;
}

TEST(StatusMappingTest, CarriesTheReasonOfEachRefusal) {
  for (int i = 0; i <= static_cast<int>(Reason::kShuttingDown); ++i) {
    const absl::Status refused = Refuse(static_cast<Reason>(i), "message", "detail");
    const grpc::Status status = ToGrpc(refused);
    EXPECT_EQ(static_cast<int>(status.error_code()), static_cast<int>(refused.code()));
    EXPECT_EQ(status.error_message(), "message");
    EXPECT_EQ(InfoOf(status).reason(), ReasonName(static_cast<Reason>(i)));
  }
  EXPECT_EQ(InfoOf(ToGrpc(Refuse(Reason::kInvalidField, "m", "delay"))).metadata().at("field"),
            "delay");
  EXPECT_EQ(InfoOf(ToGrpc(Refuse(Reason::kLimitExceeded, "m", "max-ids"))).metadata().at("limit"),
            "max-ids");
  EXPECT_EQ(InfoOf(ToGrpc(Refuse(Reason::kAlreadyCalled, "m", "FIRED"))).metadata().at("end"),
            "FIRED");
  EXPECT_TRUE(InfoOf(ToGrpc(Refuse(Reason::kUnknownId, "m", "x"))).metadata().empty());
}

TEST(StatusMappingTest, SaysWhenToAskAgainWhereThatIsOfUse) {
  const absl::Status full = Refuse(Reason::kLimitExceeded, "full", "max-ids");
  const v1::StatusDetails details = ToDetails(RetryAfter(std::chrono::milliseconds(2500), full));
  ASSERT_EQ(details.details_size(), 2);
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/google.rpc.ErrorInfo");
  EXPECT_EQ(details.details(1).type_url(), "type.googleapis.com/google.rpc.RetryInfo");
  v1::RetryInfo retry;
  ASSERT_TRUE(retry.ParseFromString(details.details(1).value()));
  EXPECT_EQ(retry.retry_delay().seconds(), 2);
  EXPECT_EQ(retry.retry_delay().nanos(), 500'000'000);
  EXPECT_EQ(ToDetails(full).details_size(), 1);
}

TEST(StatusMappingTest, HasNoDetailsWithoutAReason) {
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
  const grpc::Status status = ToGrpc(absl::DataLossError("lost"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(status.error_message(), "lost");
  EXPECT_EQ(status.error_details(), "");
}

TEST(StatusMappingTest, CutsLongMessagesBetweenCharacters) {
  const std::string longest(1024, 'm');
  EXPECT_EQ(ToGrpc(Refuse(Reason::kUnknownId, longest)).error_message(), longest);
  EXPECT_EQ(ToGrpc(Refuse(Reason::kUnknownId, longest + "m")).error_message(), longest + "...");
  const std::string wide = longest.substr(1) + "\xe2\x82\xac";  // the euro sign begins at 1023
  EXPECT_EQ(ToGrpc(Refuse(Reason::kUnknownId, wide)).error_message(), longest.substr(1) + "...");
}

class FakeStream : public Endable {
 public:
  void EndWith(const absl::Status& status) override { end = status; }
  absl::Status end;
};

TEST(StreamRegistryTest, RefusesOnePastTheLimitUntilOneLeaves) {
  StreamRegistry registry(2);
  FakeStream a, b, c;
  TIMERD_EXPECT_OK(registry.Add(&a));
  TIMERD_EXPECT_OK(registry.Add(&b));
  EXPECT_THAT(registry.Add(&c), IsRefused(Reason::kLimitExceeded));
  registry.Remove(&a);
  TIMERD_EXPECT_OK(registry.Add(&c));
}

TEST(StreamRegistryTest, EndsAllAndRefusesWhatComesLater) {
  StreamRegistry registry(10);
  FakeStream open, gone, late;
  TIMERD_ASSERT_OK(registry.Add(&open));
  TIMERD_ASSERT_OK(registry.Add(&gone));
  registry.Remove(&gone);
  registry.EndAll(Refuse(Reason::kShuttingDown, "bye"));
  EXPECT_THAT(open.end, IsRefused(Reason::kShuttingDown));
  TIMERD_EXPECT_OK(gone.end);
  EXPECT_THAT(registry.Add(&late), IsRefused(Reason::kShuttingDown));
}

TEST(GenerateIdTest, MakesIdsThatNeverRepeatInTheOrderOfTheirTime) {
  std::string last;
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = GenerateId();
    ASSERT_EQ(id.size(), 26);
    ASSERT_EQ(id.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz"), std::string::npos);
    ASSERT_LT(last, id);
    last = id;
  }
}

TEST(GenerateIdTest, BeginsWithTheTime) {
  constexpr absl::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  const int64_t before = absl::ToUnixMillis(absl::Now());
  const std::string id = GenerateId();
  int64_t time_ms = 0;
  for (const char c : id.substr(0, 10)) {
    time_ms = time_ms * 32 + static_cast<int64_t>(kAlphabet.find(c));
  }
  EXPECT_GE(time_ms, before);
  EXPECT_LE(time_ms, absl::ToUnixMillis(absl::Now()));
}

TEST(GenerateIdTest, SharesNoRandomBitsBetweenThreads) {
  std::string other;
  std::thread([&other] { other = GenerateId(); }).join();
  EXPECT_NE(other.substr(10), GenerateId().substr(10));
}

TEST(TranslationTest, KeepsNanosecondsOnBothSidesOf1970) {
  for (const int64_t ns :
       {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{1'999'999'999}, int64_t{-1'000'000'000},
        std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()}) {
    google::protobuf::Timestamp time;
    Translate(InstantFromNanos(ns), &time);
    EXPECT_GE(time.nanos(), 0);
    EXPECT_LT(time.nanos(), 1'000'000'000);
    const auto back = static_cast<__int128>(time.seconds()) * 1'000'000'000 + time.nanos();
    EXPECT_TRUE(back == ns) << ns;
  }
}

TEST(TranslationTest, TellsAllThatAnEventHolds) {
  reactor::Notice notice{.key = "space/a", .kind = timer::Kind::kLoop, .redelivery = true};
  notice.event = {.type = timer::EventType::kTick,
                  .sequence = 7,
                  .time = InstantFromNanos(20),
                  .deadline = InstantFromNanos(10),
                  .run = 3,
                  .count = 5,
                  .payload = "p"};
  v1::Event event;
  Translate(notice, &event);
  EXPECT_EQ(event.id(), "a");
  EXPECT_EQ(event.kind(), v1::KIND_LOOP);
  EXPECT_EQ(event.type(), v1::Event::TYPE_TICK);
  EXPECT_EQ(event.sequence(), 7);
  EXPECT_EQ(event.time().nanos(), 20);
  EXPECT_EQ(event.deadline().nanos(), 10);
  EXPECT_EQ(event.run(), 3);
  EXPECT_EQ(event.count(), 5);
  EXPECT_EQ(event.missed(), 4);
  EXPECT_EQ(event.payload(), "p");
  EXPECT_TRUE(event.redelivery());
  EXPECT_FALSE(event.has_timeout());

  notice.event = {.type = timer::EventType::kFailed, .timeout = Span(9), .by_timeout = true};
  event.Clear();
  Translate(notice, &event);
  EXPECT_EQ(event.type(), v1::Event::TYPE_FAILED);
  EXPECT_EQ(event.timeout().nanos(), 9);
  EXPECT_TRUE(event.by_timeout());
  EXPECT_FALSE(event.has_deadline());
  EXPECT_EQ(event.missed(), 0);
}

TEST(TranslationTest, NamesEachEnd) {
  EXPECT_EQ(ToEnd(timer::EventType::kFired), v1::END_FIRED);
  EXPECT_EQ(ToEnd(timer::EventType::kCompleted), v1::END_COMPLETED);
  EXPECT_EQ(ToEnd(timer::EventType::kStopped), v1::END_STOPPED);
  EXPECT_EQ(ToEnd(timer::EventType::kFailed), v1::END_FAILED);
  EXPECT_EQ(ToEnd(timer::EventType::kCancelled), v1::END_CANCELLED);
  EXPECT_EQ(ToEnd(timer::EventType::kTimedOut), v1::END_TIMED_OUT);
}

}  // namespace
}  // namespace timerd::service
