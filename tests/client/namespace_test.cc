// Which namespace the calls of a client are in.
#include <optional>

#include "tests/client/fake_timers_fixture.h"

namespace timerd::testing {
namespace {

class NamespaceTest : public ::testing::Test {
 protected:
  static ClientOptions Inside(const FakeTimers& server) {
    ClientOptions options = OptionsFor(server);
    options.name_space = "billing";
    return options;
  }
  // The namespace that the next call of `method` names.
  std::string In(const std::string& method, FakeCallPtr* call = nullptr) {
    FakeCallPtr next = server_.Next(method);
    if (call != nullptr) {
      *call = next;
    }
    const google::protobuf::Message& request = next->message();
    return request.GetReflection()->GetString(
        request, request.GetDescriptor()->FindFieldByName("namespace"));
  }

  FakeTimers server_;
  Client client_{Inside(server_)};
};

TEST_F(NamespaceTest, IsNamedInEveryCall) {
  FakeCallPtr stream;
  DelayedCall call = client_.CallLater(absl::Seconds(1), [] {});
  EXPECT_EQ(In("Schedule", &stream), "billing");
  stream->Send(Acknowledged(call.id()));
  call.Reset(absl::Seconds(2));
  EXPECT_EQ(In("Reschedule"), "billing");
  call.AddTimeout(absl::Seconds(3));
  EXPECT_EQ(In("WithTimeout"), "billing");
  call.Cancel();
  EXPECT_EQ(In("Cancel"), "billing");

  LoopingCall loop =
      client_.StartLoop(absl::Seconds(1), [](const LoopTick&) { return absl::OkStatus(); });
  EXPECT_EQ(In("StartLoop", &stream), "billing");
  stream->Send(Acknowledged(loop.id()));
  stream->Send(MakeEvent(v1::Event::TYPE_TICK, 1, 1));
  EXPECT_EQ(In("Report"), "billing");
  loop.Pause();
  EXPECT_EQ(In("PauseLoop"), "billing");
  loop.Resume();
  EXPECT_EQ(In("ResumeLoop"), "billing");
  loop.Reset();
  EXPECT_EQ(In("ResetLoop"), "billing");
  loop.ChangeInterval(absl::Seconds(2));
  EXPECT_EQ(In("ChangeInterval"), "billing");
  loop.Trigger();
  EXPECT_EQ(In("TriggerLoop"), "billing");
  loop.Stop();
  EXPECT_EQ(In("StopLoop"), "billing");
  stream->Finish(kUnavailable);
  EXPECT_EQ(In("Watch"), "billing");

  client_.WithTimeout(absl::Seconds(1));
  EXPECT_EQ(In("WithTimeout"), "billing");
  client_.Get("some");
  EXPECT_EQ(In("Get"), "billing");
}

TEST_F(NamespaceTest, IsTheServersDefaultWhenNoneIsGiven) {
  Client outside(OptionsFor(server_));
  outside.Get("some");
  EXPECT_EQ(In("Get"), "");
}

}  // namespace
}  // namespace timerd::testing
