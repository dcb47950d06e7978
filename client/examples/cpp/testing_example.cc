// Tests of code that lets days pass, in milliseconds. docs/testing.md explains them; to run them,
// set TIMERD_BINARY to a timerd, or have one in PATH.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "timerd/testing.h"

namespace {

// [subject]
// Reminds of an unpaid invoice after three days, then every week, three times in all.
class Dunning {
 public:
  Dunning(timerd::Client& client, std::string invoice, std::function<void(std::string)> remind)
      : client_(client), invoice_(std::move(invoice)), remind_(std::move(remind)) {}

  void Start() {
    first_ = client_.CallLater(absl::Hours(3 * 24),
                               [this] {
                                 remind_("please pay");
                                 timerd::LoopOptions weekly;
                                 weekly.id = invoice_ + "/weekly";
                                 weekly.start_now = false;
                                 weekly.max_runs = 2;
                                 loop_ = client_.StartLoop(
                                     absl::Hours(7 * 24),
                                     [this](const timerd::LoopTick& tick) -> timerd::LoopResult {
                                       remind_(tick.run == 1 ? "second notice" : "last notice");
                                       return absl::OkStatus();
                                     },
                                     weekly);
                               },
                               {.id = invoice_ + "/first"});
  }

  void Paid() {
    first_.Cancel();
    if (loop_.has_value()) {
      loop_->Cancel();
    }
  }

 private:
  timerd::Client& client_;
  const std::string invoice_;
  const std::function<void(std::string)> remind_;
  timerd::DelayedCall first_;
  std::optional<timerd::LoopingCall> loop_;
};
// [subject]

// [fixture]
class DunningTest : public ::testing::Test {
 protected:
  // One server for all tests; each has a namespace, and a clock, of its own.
  static void SetUpTestSuite() { server_ = *timerd::TestServer::Start(); }
  static void TearDownTestSuite() { server_.reset(); }

  using Letters = std::vector<std::string>;
  const absl::Duration day_ = absl::Hours(24);

  Letters letters_;
  std::unique_ptr<timerd::TestNamespace> time_ = *timerd::TestNamespace::Create(server_->address());
  Dunning dunning_{time_->client(), "invoice/42",
                   [this](std::string letter) { letters_.push_back(std::move(letter)); }};

 private:
  inline static std::unique_ptr<timerd::TestServer> server_;
};
// [fixture]

// [advance]
TEST_F(DunningTest, RemindsAfterThreeDays) {
  dunning_.Start();
  ASSERT_TRUE(time_->Advance(3 * day_ - absl::Milliseconds(1)).ok());
  EXPECT_EQ(letters_, Letters());
  ASSERT_TRUE(time_->Advance(absl::Milliseconds(1)).ok());
  EXPECT_EQ(letters_, Letters({"please pay"}));
}

TEST_F(DunningTest, RemindsEveryWeekAndGivesUpAfterThreeLetters) {
  dunning_.Start();
  ASSERT_TRUE(time_->Advance(365 * day_).ok());
  EXPECT_EQ(letters_, Letters({"please pay", "second notice", "last notice"}));
}

TEST_F(DunningTest, StopsRemindingOnceTheInvoiceIsPaid) {
  dunning_.Start();
  ASSERT_TRUE(time_->Advance(5 * day_).ok());
  dunning_.Paid();
  ASSERT_TRUE(time_->Advance(365 * day_).ok());
  EXPECT_EQ(letters_, Letters({"please pay"}));
}
// [advance]

// [jump]
TEST_F(DunningTest, WritesOneLetterAfterAnOutageOfThreeWeeks) {
  dunning_.Start();
  ASSERT_TRUE(time_->Advance(3 * day_).ok());
  ASSERT_TRUE(time_->Jump(21 * day_).ok());
  EXPECT_EQ(letters_, Letters({"please pay", "second notice"}));
}
// [jump]

// [task]
TEST_F(DunningTest, TakesADefaultWhenTheBankIsSilent) {
  timerd::TimeoutOptions options;
  options.on_timeout = [](const timerd::Ending&) { return "unpaid"; };
  timerd::Task question = time_->client().WithTimeout(absl::Minutes(10), options);
  ASSERT_TRUE(time_->Advance(absl::Minutes(10)).ok());
  ASSERT_TRUE(question.result().ready());
  EXPECT_EQ(*question.result().Get(), "unpaid");
}
// [task]

}  // namespace
