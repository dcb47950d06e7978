// Targets as they are configured.
#include "server/push/targets.h"

#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace timerd::push {
namespace {

using ::timerd::testing::IsOk;

class TargetsTest : public ::testing::Test {
 protected:
  TargetsTest() { target_.set_url("http://127.0.0.1:8080/hook"); }
  // The field that is refused; empty when none is.
  std::string Refused() const {
    const auto checked = targets_.Check(target_, "settings.target");
    return checked.ok() ? "" : DetailOf(checked.status());
  }
  bool TimeoutIsGood(int64_t seconds, int32_t nanos = 0) {
    target_.mutable_timeout()->set_seconds(seconds);
    target_.mutable_timeout()->set_nanos(nanos);
    const std::string refused = Refused();
    EXPECT_TRUE(refused.empty() || refused == "settings.target.timeout") << refused;
    return refused.empty();
  }

  static TargetsOptions Options() {
    TargetsOptions options;
    options.allow = *AllowList::Parse({"http://127.0.0.1:8080/", "grpc://127.0.0.1:9000"});
    return options;
  }
  Targets targets_{Options()};
  v1::Target target_;
};

TEST_F(TargetsTest, FillsInTheDefaults) {
  const auto settings = targets_.Check(target_, "target");
  TIMERD_ASSERT_OK(settings);
  EXPECT_EQ(settings->url.ToString(), "http://127.0.0.1:8080/hook");
  EXPECT_EQ(settings->max_concurrent, 16);
  EXPECT_EQ(settings->max_per_second, 0);
  EXPECT_EQ(settings->timeout, std::chrono::seconds(30));
}

TEST_F(TargetsTest, RefusesWhatIsNotAllowed) {
  target_.set_url("http://127.0.0.1:8081/hook");
  EXPECT_EQ(Refused(), "settings.target.url");
  target_.clear_url();
  EXPECT_EQ(Refused(), "settings.target.url");
}

TEST_F(TargetsTest, RefusesWhatIsOutOfRange) {
  target_.set_max_concurrent(1000);
  EXPECT_EQ(Refused(), "");
  target_.set_max_concurrent(1001);
  EXPECT_EQ(Refused(), "settings.target.max_concurrent");
  target_.set_max_concurrent(1);
  for (const double good : {0.0, 1e-9, 1e6}) {
    target_.set_max_per_second(good);
    EXPECT_EQ(Refused(), "") << good;
  }
  for (const double bad : {-1e-9, 1e6 + 1, std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN()}) {
    target_.set_max_per_second(bad);
    EXPECT_EQ(Refused(), "settings.target.max_per_second") << bad;
  }
  target_.set_max_per_second(0);
  EXPECT_TRUE(TimeoutIsGood(1));
  EXPECT_TRUE(TimeoutIsGood(3600));
  EXPECT_FALSE(TimeoutIsGood(0, 999'999'999));
  EXPECT_FALSE(TimeoutIsGood(0));
  EXPECT_FALSE(TimeoutIsGood(-1));
  EXPECT_FALSE(TimeoutIsGood(3600, 1));
  EXPECT_FALSE(TimeoutIsGood(std::numeric_limits<int64_t>::max()));
  EXPECT_FALSE(TimeoutIsGood(std::numeric_limits<int64_t>::min()));
  EXPECT_FALSE(TimeoutIsGood(1, std::numeric_limits<int32_t>::min()));
}

}  // namespace
}  // namespace timerd::push
