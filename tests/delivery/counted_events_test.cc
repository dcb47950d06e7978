// Events on their way past the counts.
#include "server/delivery/counted_events.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace timerd::delivery {
namespace {

using ::testing::ElementsAre;
using timer::EventType;
using timer::Kind;

class Followers final : public reactor::EventSink {
 public:
  void OnEvent(std::shared_ptr<const reactor::Notice> notice) override {
    told.push_back(std::move(notice));
  }
  std::vector<std::shared_ptr<const reactor::Notice>> told;
};

TEST(CountedEventsTest, CountsEachEventAndHandsItOnAsItIs) {
  reactor::NamespaceUsage usage;
  Followers followers;
  CountedEvents events(usage, followers);
  usage.OnCreated(Kind::kLoop);
  usage.OnCreated(Kind::kTimer);
  const auto tick = std::make_shared<const reactor::Notice>(
      reactor::Notice{.kind = Kind::kLoop, .event = {.type = EventType::kTick}});
  const auto cancelled = std::make_shared<const reactor::Notice>(
      reactor::Notice{.kind = Kind::kTimer, .event = {.type = EventType::kCancelled}, .end = true});
  events.OnEvent(tick);
  events.OnEvent(cancelled);
  EXPECT_THAT(followers.told, ElementsAre(tick, cancelled));
  EXPECT_THAT(usage.Read().events, ElementsAre(0, 1, 0, 0, 0, 0, 1));
  EXPECT_THAT(usage.Read().live, ElementsAre(0, 1, 0));
}

}  // namespace
}  // namespace timerd::delivery
