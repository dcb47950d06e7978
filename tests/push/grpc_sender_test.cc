// Pushes over gRPC, to a Receiver in this process.
#include "server/push/grpc_sender.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <variant>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/push/scripted_server.h"

namespace timerd::push {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::timerd::testing::Peer;
using ::timerd::testing::ScriptedServer;

constexpr auto kPatience = std::chrono::seconds(20);
constexpr size_t kMaxAnswer = 1000;

class Receiver final : public v1::Receiver::Service {
 public:
  grpc::Status Deliver(grpc::ServerContext* context, const v1::DeliverRequest* request,
                       v1::DeliverResponse* response) override {
    return deliver(*context, *request, *response);
  }
  std::function<grpc::Status(grpc::ServerContext&, const v1::DeliverRequest&, v1::DeliverResponse&)>
      deliver;
};

class GrpcSenderTest : public ::testing::Test {
 protected:
  GrpcSenderTest() {
    request_.set_queue("mail");
    request_.set_namespace_("billing");
    request_.mutable_occurrence()->set_id("invoice-42");
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&receiver_);
    server_ = builder.BuildAndStart();
    MakeSender(absl::StrCat("127.0.0.1:", port));
  }
  ~GrpcSenderTest() override {
    calls_.reset();
    server_->Shutdown(std::chrono::system_clock::now());
  }

  void MakeSender(const std::string& address, Span timeout = kPatience) {
    address_ = address;
    sender_ = std::make_unique<GrpcSender>(*calls_, *ParseUrl("grpc://" + address), timeout,
                                           kMaxAnswer, "1.2.3");
  }
  std::future<timer::Verdict> Send() {
    auto promise = std::make_shared<std::promise<timer::Verdict>>();
    call_ = sender_->Send(
        request_, [promise](timer::Verdict verdict) { promise->set_value(std::move(verdict)); });
    return promise->get_future();
  }
  static timer::Verdict Wait(std::future<timer::Verdict> verdict) {
    if (verdict.wait_for(kPatience) != std::future_status::ready) {
      ADD_FAILURE() << "no verdict came";
      return timer::Release();
    }
    return verdict.get();
  }
  static timer::Failure FailureOf(std::future<timer::Verdict> future) {
    const timer::Verdict verdict = Wait(std::move(future));
    const auto* failure = std::get_if<timer::Failure>(&verdict);
    return failure != nullptr ? *failure : timer::Failure{.payload = "(no failure)"};
  }
  void AnswerWith(const std::string& payload) {
    receiver_.deliver = [payload](auto&, auto&, v1::DeliverResponse& response) {
      response.set_payload(payload);
      return grpc::Status::OK;
    };
  }

  v1::DeliverRequest request_;
  Receiver receiver_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<GrpcCalls> calls_ = std::make_unique<GrpcCalls>();
  std::string address_;
  std::unique_ptr<GrpcSender> sender_;
  std::shared_ptr<Call> call_;
};

TEST_F(GrpcSenderTest, DeliversTheRequestAndTakesTheResult) {
  v1::DeliverRequest got;
  receiver_.deliver = [&](auto&, const v1::DeliverRequest& request, v1::DeliverResponse& response) {
    got = request;
    response.set_payload("result");
    return grpc::Status::OK;
  };
  const timer::Verdict verdict = Wait(Send());
  ASSERT_TRUE(std::holds_alternative<timer::Success>(verdict));
  EXPECT_EQ(std::get<timer::Success>(verdict).payload, "result");
  EXPECT_EQ(got.SerializeAsString(), request_.SerializeAsString());
}

TEST_F(GrpcSenderTest, GivesUpOnlyWhenTheReceiverSaysNever) {
  for (int code = 1; code <= 16; ++code) {
    receiver_.deliver = [code](auto&, auto&, auto&) {
      return grpc::Status(static_cast<grpc::StatusCode>(code), "because");
    };
    const timer::Failure failure = FailureOf(Send());
    EXPECT_EQ(failure.payload,
              absl::StrCat("gRPC status ", code, " from grpc://", address_, "/: because"));
    EXPECT_EQ(failure.final, code == grpc::StatusCode::INVALID_ARGUMENT ||
                                 code == grpc::StatusCode::FAILED_PRECONDITION)
        << code;
  }
}

TEST_F(GrpcSenderTest, BoundsTheResult) {
  AnswerWith(std::string(kMaxAnswer, 'x'));
  EXPECT_TRUE(std::holds_alternative<timer::Success>(Wait(Send())));
  AnswerWith(std::string(kMaxAnswer + 1, 'x'));
  EXPECT_THAT(FailureOf(Send()).payload, HasSubstr("the answer has more than 1000 bytes"));
  AnswerWith(std::string(1 << 20, 'x'));
  const timer::Failure failure = FailureOf(Send());
  EXPECT_THAT(failure.payload, StartsWith("gRPC status 8 "));
  EXPECT_FALSE(failure.final);
}

TEST_F(GrpcSenderTest, GivesUpAReceiverThatHangs) {
  MakeSender(address_, std::chrono::milliseconds(300));
  std::promise<void> gone;
  receiver_.deliver = [&](grpc::ServerContext& context, auto&, auto&) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!context.IsCancelled() && std::chrono::steady_clock::now() < until) {
      std::this_thread::yield();
    }
    gone.set_value();
    return grpc::Status::OK;
  };
  const timer::Failure failure = FailureOf(Send());
  EXPECT_THAT(failure.payload, StartsWith("gRPC status 4 "));
  EXPECT_FALSE(failure.final);
  gone.get_future().wait();
}

TEST_F(GrpcSenderTest, BreaksOffACallThatIsAborted) {
  std::promise<void> asked;
  std::promise<bool> cancelled;
  receiver_.deliver = [&](grpc::ServerContext& context, auto&, auto&) {
    asked.set_value();
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!context.IsCancelled() && std::chrono::steady_clock::now() < until) {
      std::this_thread::yield();
    }
    cancelled.set_value(context.IsCancelled());
    return grpc::Status::OK;
  };
  std::future<timer::Verdict> verdict = Send();
  ASSERT_EQ(asked.get_future().wait_for(kPatience), std::future_status::ready);
  call_->Abort();
  EXPECT_THAT(FailureOf(std::move(verdict)).payload, StartsWith("gRPC status 1 "));
  EXPECT_TRUE(cancelled.get_future().get());
}

TEST_F(GrpcSenderTest, EndsCallsUnderWayWithTheServer) {
  // Takes the connection and says nothing.
  ScriptedServer silent([](Peer& peer) { peer.WaitForClose(); });
  MakeSender(silent.address());
  std::future<timer::Verdict> verdict = Send();
  calls_.reset();
  EXPECT_EQ(verdict.wait_for(std::chrono::seconds(0)), std::future_status::ready);
}

TEST_F(GrpcSenderTest, FailsForGarbageAndForNobody) {
  std::string address;
  {
    ScriptedServer garbage([](Peer& peer) {
      peer.Send("HTTP/1.1 200 OK\r\n\r\nthis is not HTTP/2");
      peer.WaitForClose();
    });
    address = garbage.address();
    MakeSender(address, std::chrono::seconds(2));
    const timer::Failure failure = FailureOf(Send());
    EXPECT_THAT(failure.payload, StartsWith("gRPC status "));
    EXPECT_FALSE(failure.final);
  }
  MakeSender(address);
  const timer::Failure failure = FailureOf(Send());
  EXPECT_THAT(failure.payload, StartsWith("gRPC status 14 "));
  EXPECT_FALSE(failure.final);
}

}  // namespace
}  // namespace timerd::push
