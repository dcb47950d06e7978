// A client with a fake server behind it.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_timers.h"
#include "timerd/client.h"

namespace timerd::testing {

using FakeCallPtr = std::shared_ptr<FakeCall>;

// Long enough for a busy machine; no test waits for it to pass.
inline constexpr absl::Duration kPatience = absl::Seconds(10);

inline const grpc::Status kUnavailable(grpc::StatusCode::UNAVAILABLE, "connection lost");

inline ClientOptions OptionsFor(const FakeTimers& server, int callback_threads = 2) {
  ClientOptions options;
  options.target = server.target();
  options.callback_threads = callback_threads;
  options.backoff_min = absl::Milliseconds(5);
  options.backoff_max = absl::Milliseconds(50);
  options.close_grace = absl::Milliseconds(20);  // most tests leave calls unanswered
  return options;
}

// Occupies one callback thread until it is released, so that what comes after it has not begun.
class Plug {
 public:
  explicit Plug(Client& client, FakeTimers& server) {
    call_ = client.CallLater(absl::ZeroDuration(), [this] {
      entered_.Set(true);
      release_.future().Wait(kPatience);
    });
    auto schedule = server.Next("Schedule");
    schedule->Send(Acknowledged(call_.id()));
    schedule->Send(MakeEvent(v1::Event::TYPE_FIRED, 1, 1));
    schedule->Finish(grpc::Status::OK);
    plugged_ = entered_.future().Wait(kPatience).has_value();
  }
  ~Plug() { Release(); }
  bool plugged() const { return plugged_; }
  void Release() {
    release_.Set(true);
    call_.Wait(kPatience);
  }

 private:
  Promise<bool> entered_{[](std::function<void()> callback) { callback(); }};
  Promise<bool> release_{[](std::function<void()> callback) { callback(); }};
  DelayedCall call_;
  bool plugged_ = false;
};

class FakeTimersTest : public ::testing::Test {
 protected:
  // Makes the server accept what `method` asks for.
  FakeCallPtr Accept(const std::string& method, const Handle& handle) {
    FakeCallPtr call = server_.Next(method);
    call->Send(Acknowledged(handle.id()));
    return call;
  }
  // Answers one report; returns the request.
  v1::ReportRequest AnswerReport() {
    FakeCallPtr call = server_.Next("Report");
    v1::ReportResponse response;
    response.set_accepted(true);
    call->Reply(response);
    return call->request<v1::ReportRequest>();
  }

  FakeTimers server_;
  Client client_{OptionsFor(server_)};
};

}  // namespace timerd::testing
