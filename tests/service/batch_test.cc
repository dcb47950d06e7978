// Many operations in one call: each by itself, answered together.
#include "server/service/batch.h"

#include <algorithm>

#include "server/base/handle_key.h"
#include "tests/service/fake_shard.h"
#include "tests/service/validation_fixture.h"

namespace timerd::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BatchTest : public ValidationTest {
 protected:
  // Begins to carry out the items of a BatchRequest written as text.
  void CarryOutAll(const std::string& text, const std::string& name_space = "space") {
    const v1::BatchRequest request = Parse<v1::BatchRequest>(text);
    CarryOut(validator_, router_, calls_, name_space, request.items(), results_,
             [this] { ++done_; });
    // `request` is gone from here on.
  }
  // What item `index` was refused with.
  v1::ErrorInfo InfoOf(int index) const {
    v1::ErrorInfo info;
    EXPECT_TRUE(results_[index].has_error());
    EXPECT_EQ(results_[index].error().details_size(), 1);
    EXPECT_TRUE(info.ParseFromString(results_[index].error().details(0).value()));
    return info;
  }
  void ExpectRefused(int index, absl::StatusCode code, const std::string& reason,
                     const std::string& message) const {
    EXPECT_EQ(results_[index].error().code(), static_cast<int>(code));
    EXPECT_EQ(InfoOf(index).reason(), reason);
    EXPECT_THAT(results_[index].error().message(), HasSubstr(message));
  }
  void ExpectBadField(int index, const std::string& field, const std::string& message) const {
    ExpectRefused(index, absl::StatusCode::kInvalidArgument, "INVALID_FIELD", message);
    EXPECT_EQ(InfoOf(index).metadata().at("field"), field);
  }
  void AnswerCancel() {
    router_.port.Take<reactor::Cancel>().reply(reactor::Cancelled{InstantFromNanos(5)});
  }

  FakeRouter router_;
  CallCounts calls_;
  BatchResults results_;
  int done_ = 0;
};

TEST_F(BatchTest, HasAtLeastOneItemAndNoMoreThanTheLimit) {
  v1::BatchRequest request;
  EXPECT_THAT(CheckBatch(request.items(), 2),
              BadField("items", "the batch has no items; send at least one"));
  request.add_items();
  request.add_items();
  TIMERD_EXPECT_OK(CheckBatch(request.items(), 2));
  request.add_items();
  const absl::Status over = CheckBatch(request.items(), 2);
  EXPECT_THAT(over, OverLimit("the batch has 3 items, above --max-batch-items=2; send several"));
  EXPECT_EQ(DetailOf(over), "max-batch-items");
}

TEST_F(BatchTest, PostsEachItemToTheShardOfItsHandle) {
  CarryOutAll(
      "items { schedule { id: 'a' delay {} } } items { start_loop { id: 'b' interval {} } } "
      "items { with_timeout { id: 'c' timeout {} } } "
      "items { with_timeout { target_id: 'd' timeout {} } } items { cancel { id: 'e' } } "
      "items { stop_loop { id: 'f' } } items { report { id: 'g' run: 1 outcome { result: "
      "RESULT_SUCCESS } } } items { reschedule { id: 'h' from_now {} } }");
  EXPECT_THAT(router_.asked(), ElementsAre("space/a", "space/b", "space/c", "space/d", "space/e",
                                           "space/f", "space/g", "space/h"));
  ASSERT_EQ(router_.port.size(), 8u);
  EXPECT_EQ(done_, 0);
  const Instant now = InstantFromNanos(5);
  router_.port.Take<reactor::Create>().reply(reactor::Opened{.key = "space/a", .now = now});
  router_.port.Take<reactor::Create>().reply(
      reactor::Opened{.key = "space/b", .generation = 3, .now = now, .existed = true});
  router_.port.Take<reactor::Create>().reply(reactor::Opened{.key = "space/c", .now = now});
  router_.port.Take<reactor::Bound>().reply(reactor::Opened{.key = "space/d", .now = now});
  router_.port.Take<reactor::Cancel>().reply(reactor::Cancelled{now});
  router_.port.Take<reactor::StopLoop>().reply(reactor::Stopped{now, timer::Phase::kStopping});
  router_.port.Take<reactor::Report>().reply(reactor::Reported{now, {.accepted = true}});
  EXPECT_EQ(done_, 0);
  router_.port.Take<reactor::Reschedule>().reply(
      reactor::Moved{now, {InstantFromNanos(7), InstantFromNanos(9)}});
  EXPECT_EQ(done_, 1);
  ASSERT_EQ(results_.size(), 8);
  EXPECT_EQ(results_[0].acknowledged().id(), "a");
  EXPECT_EQ(results_[1].acknowledged().generation(), 3u);
  EXPECT_TRUE(results_[1].acknowledged().existed());
  EXPECT_EQ(results_[2].acknowledged().id(), "c");
  EXPECT_EQ(results_[3].acknowledged().id(), "d");
  EXPECT_EQ(results_[4].cancel().now().nanos(), 5);
  EXPECT_EQ(results_[5].stop_loop().state(), v1::STATE_STOPPING);
  EXPECT_TRUE(results_[6].report().accepted());
  EXPECT_EQ(results_[7].reschedule().deadline().nanos(), 9);
}

TEST_F(BatchTest, KeepsTheOrderOfItemsWhateverTheOrderOfAnswers) {
  CarryOutAll("items { cancel { id: 'a' } } items { cancel { id: 'b' } }");
  auto first = router_.port.Take<reactor::Cancel>();
  auto second = router_.port.Take<reactor::Cancel>();
  second.reply(reactor::Cancelled{InstantFromNanos(2)});
  EXPECT_EQ(done_, 0);
  first.reply(reactor::Cancelled{InstantFromNanos(1)});
  EXPECT_EQ(done_, 1);
  EXPECT_EQ(results_[0].cancel().now().nanos(), 1);
  EXPECT_EQ(results_[1].cancel().now().nanos(), 2);
}

TEST_F(BatchTest, CarriesOutTheGoodItemsAndNamesTheBadOnes) {
  CarryOutAll(
      "items { cancel { id: 'a' } } items { cancel {} } "
      "items { schedule { id: 'b' delay { nanos: -1 } } } items {}");
  ASSERT_EQ(router_.port.size(), 1u);
  AnswerCancel();
  EXPECT_EQ(done_, 1);
  EXPECT_TRUE(results_[0].has_cancel());
  ExpectBadField(1, "items[1].id", "items[1]: id is empty; name the handle that is meant");
  ExpectBadField(2, "items[2].delay", "items[2]: timer \"b\": delay -0.000000001s is negative");
  ExpectBadField(3, "items[3].operation", "items[3]: no operation is set; set one");
}

TEST_F(BatchTest, IsDoneAtOnceWhenNothingIsLeftToAsk) {
  CarryOutAll("items {} items { cancel {} }");
  EXPECT_EQ(router_.port.size(), 0u);
  EXPECT_EQ(done_, 1);
}

TEST_F(BatchTest, PassesARefusalByTheShardOnWithItsReason) {
  CarryOutAll("items { cancel { id: 'a' } } items { cancel { id: 'b' } }");
  router_.port.Take<reactor::Cancel>().reply(
      Refuse(Reason::kAlreadyCalled, "timer \"a\": ended already", "FIRED"));
  router_.port.Take<reactor::Cancel>().reply(Refuse(Reason::kUnknownId, "id \"b\": unknown"));
  EXPECT_EQ(done_, 1);
  ExpectRefused(0, absl::StatusCode::kFailedPrecondition, "ALREADY_CALLED",
                "items[0]: timer \"a\": ended already");
  EXPECT_EQ(InfoOf(0).metadata().at("end"), "FIRED");
  ExpectRefused(1, absl::StatusCode::kNotFound, "UNKNOWN_ID", "items[1]: id \"b\": unknown");
  EXPECT_TRUE(InfoOf(1).metadata().empty());
}

TEST_F(BatchTest, PassesARefusalByTheRouterOn) {
  router_.refusal =
      Refuse(Reason::kLimitExceeded, "one more than --max-namespaces=1", "max-namespaces");
  CarryOutAll("items { cancel { id: 'a' } }");
  EXPECT_EQ(done_, 1);
  ExpectRefused(0, absl::StatusCode::kResourceExhausted, "LIMIT_EXCEEDED", "items[0]: one more");
  EXPECT_EQ(InfoOf(0).metadata().at("limit"), "max-namespaces");
}

TEST_F(BatchTest, SaysOfAnItemWhenToAskAgainAndCountsItsRefusal) {
  CarryOutAll("items { cancel { id: 'a' } }");
  router_.port.Take<reactor::Cancel>().reply(
      RetryAfter(kRetrySoon, Refuse(Reason::kLimitExceeded, "full", "max-inbox")));
  ASSERT_EQ(results_[0].error().details_size(), 2);
  v1::RetryInfo retry;
  ASSERT_TRUE(retry.ParseFromString(results_[0].error().details(1).value()));
  EXPECT_EQ(retry.retry_delay().nanos(), kRetrySoon.count());
  const auto& limits = CallCounts::kLimits;
  const auto* const limit = std::find(limits.begin(), limits.end(), "max-inbox");
  EXPECT_EQ(calls_.refused(static_cast<size_t>(limit - limits.begin())), 1u);
}

TEST_F(BatchTest, NamesAnIdOnce) {
  CarryOutAll(
      "items { schedule { id: 'a' delay {} } } items { cancel { id: 'a' } } "
      "items { with_timeout { target_id: 'a' timeout {} } } items { cancel { id: 'b' } }");
  EXPECT_EQ(router_.port.size(), 2u);
  ExpectBadField(1, "items[1].id",
                 "items[1]: id \"a\" is named by items[0] too; there is no order between items");
  ExpectBadField(2, "items[2].id", "items[2]: id \"a\" is named by items[0] too");
}

TEST_F(BatchTest, MakesAnIdForEachNewHandleThatNamesNone) {
  CarryOutAll("items { schedule { delay {} } } items { schedule { delay {} } }");
  ASSERT_EQ(router_.asked().size(), 2u);
  EXPECT_NE(router_.asked()[0], router_.asked()[1]);
  EXPECT_EQ(NamespaceOf(router_.asked()[0]), "space");
}

TEST_F(BatchTest, HasOneNamespace) {
  CarryOutAll(
      "items { cancel { id: 'a' namespace: 'space' } } "
      "items { cancel { id: 'b' namespace: 'other' } } items { cancel { id: 'c' } }");
  EXPECT_EQ(router_.port.size(), 2u);
  ExpectBadField(1, "items[1].namespace",
                 "items[1]: namespace \"other\" is not the batch's, \"space\"; leave it out, or "
                 "send another batch");
}

TEST_F(BatchTest, TakesAnItemThatNamesTheDefaultNamespaceOfABatch) {
  CarryOutAll("items { cancel { id: 'a' namespace: 'default' } }", "default");
  EXPECT_THAT(router_.asked(), ElementsAre("default/a"));
}

}  // namespace
}  // namespace timerd::service
