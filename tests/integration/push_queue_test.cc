// Queues that are pushed, with real receivers in this process.
#include <grpcpp/grpcpp.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "tests/integration/server_test.h"

namespace timerd::testing {
namespace {

// Answers as the test says.
class FakeReceiver final : public v1::Receiver::Service {
 public:
  FakeReceiver() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~FakeReceiver() override { server_->Shutdown(std::chrono::system_clock::now()); }

  grpc::Status Deliver(grpc::ServerContext*, const v1::DeliverRequest* request,
                       v1::DeliverResponse* response) override {
    const absl::MutexLock lock(&mutex_);
    seen_.push_back(*request);
    if (request->occurrence().attempt() <= failures_) {
      return {code_, "not now"};
    }
    response->set_payload(absl::StrCat("did ", request->occurrence().payload()));
    return grpc::Status::OK;
  }
  void Fail(uint32_t attempts, grpc::StatusCode code) {
    const absl::MutexLock lock(&mutex_);
    failures_ = attempts;
    code_ = code;
  }
  std::vector<v1::DeliverRequest> seen() const {
    const absl::MutexLock lock(&mutex_);
    return seen_;
  }
  std::string url() const { return absl::StrCat("grpc://127.0.0.1:", port_); }

 private:
  mutable absl::Mutex mutex_;
  std::vector<v1::DeliverRequest> seen_;
  uint32_t failures_ = 0;
  grpc::StatusCode code_ = grpc::UNAVAILABLE;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

class PushTest : public ServerTest {
 protected:
  void SetUp() override { StartServer({"--shards=2", "--push-allow=" + receiver_.url()}); }

  grpc::Status Configure(const std::string& url) {
    return client()
        .ConfigureQueue(absl::StrCat("queue: 'mail' settings { target { url: '", url,
                                     "' timeout { seconds: 5 } } "
                                     "retry { initial_backoff { nanos: 10000000 } } }"))
        .status;
  }
  // The last event of a timer that is due at once.
  v1::Event Push(const std::string& id) {
    auto stream = client().Schedule(
        absl::StrCat("id: '", id, "' delay {} queue: 'mail' payload: 'for ", id, "'"));
    stream.Acknowledged();
    EXPECT_EQ(stream.Event().type(), v1::Event::TYPE_FIRED);
    return stream.Event();
  }

  FakeReceiver receiver_;
};

TEST_F(PushTest, CompletesATimerWithWhatTheReceiverAnswers) {
  ASSERT_THAT(Configure(receiver_.url()), IsOkCall());
  const v1::Event end = Push("a");
  EXPECT_EQ(end.type(), v1::Event::TYPE_COMPLETED);
  EXPECT_EQ(end.payload(), "did for a");
  ASSERT_EQ(receiver_.seen().size(), 1u);
  EXPECT_EQ(receiver_.seen()[0].queue(), "mail");
  EXPECT_EQ(receiver_.seen()[0].namespace_(), "default");
  const auto queue = client().GetQueue("queue: 'mail'");
  ASSERT_EQ(queue->queue().workers_size(), 1);
  EXPECT_EQ(queue->queue().workers(0).peer(), receiver_.url());
}

TEST_F(PushTest, TriesAgainWhatFailsAndGivesUpWhatTheReceiverRefuses) {
  ASSERT_THAT(Configure(receiver_.url()), IsOkCall());
  receiver_.Fail(2, grpc::UNAVAILABLE);
  const v1::Event end = Push("a");
  EXPECT_EQ(end.type(), v1::Event::TYPE_COMPLETED);
  EXPECT_EQ(end.attempts(), 3u);
  receiver_.Fail(9, grpc::INVALID_ARGUMENT);
  EXPECT_EQ(Push("b").type(), v1::Event::TYPE_FAILED);
  EXPECT_EQ(client().GetQueue("queue: 'mail'")->queue().dead_letters(), 1u);
}

TEST_F(PushTest, GoesOnAfterTheServerWasKilledAndStopsWhenTold) {
  ASSERT_THAT(Configure(receiver_.url()), IsOkCall());
  server().Kill();
  Restart();
  EXPECT_EQ(Push("a").type(), v1::Event::TYPE_COMPLETED);
  ASSERT_THAT(client().ConfigureQueue("queue: 'mail'").status, IsOkCall());
  EXPECT_EQ(client().GetQueue("queue: 'mail'")->queue().worker_count(), 0u);
  EXPECT_EQ(server().Terminate(), 0);
}

TEST_F(PushTest, RefusesATargetThatIsNotAllowed) {
  for (const char* url : {"grpc://127.0.0.1:1", "http://127.0.0.1/", "file:///etc/passwd", ""}) {
    EXPECT_THAT(Configure(url), IsRefusedWith(grpc::INVALID_ARGUMENT, "INVALID_FIELD")) << url;
  }
  EXPECT_THAT(client().GetQueue("queue: 'mail'").status,
              IsRefusedWith(grpc::NOT_FOUND, "UNKNOWN_QUEUE"))
      << "what is refused changes nothing";
}

}  // namespace
}  // namespace timerd::testing
