// Submit over a real gRPC server in this process, whose shard answers when the test says so.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "server/service/timers_service.h"
#include "tests/service/fake_shard.h"
#include "tests/support/status_matchers.h"
#include "timerd/v1/errors.pb.h"

namespace timerd::service {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

v1::ErrorInfo InfoOf(const v1::StatusDetails& details) {
  v1::ErrorInfo info;
  EXPECT_EQ(details.details_size(), 1);
  EXPECT_TRUE(details.details_size() == 1 && info.ParseFromString(details.details(0).value()));
  return info;
}

// A message that cancels the handle `id`.
v1::SubmitRequest CancelOf(uint64_t tag, const std::string& id) {
  v1::SubmitRequest request;
  request.set_tag(tag);
  request.add_items()->mutable_cancel()->set_id(id);
  return request;
}

class SubmitTest : public ::testing::Test {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::SubmitRequest, v1::SubmitResponse>;

  static constexpr size_t kMaxItems = 3;
  static constexpr size_t kMaxUnderWay = 4;

  SubmitTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = v1::Timers::NewStub(server_->InProcessChannel(grpc::ChannelArguments()));
  }
  ~SubmitTest() override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(20));
  }

  std::unique_ptr<Stream> Open(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return stub_->Submit(&context);
  }
  v1::SubmitResponse Read(Stream& stream) {
    v1::SubmitResponse response;
    EXPECT_TRUE(stream.Read(&response));
    return response;
  }
  // The next cancel that the shard is asked for, answered at once.
  std::string AnswerNext() {
    auto cancel = router_.port.Take<reactor::Cancel>();
    cancel.reply(reactor::Cancelled{InstantFromNanos(5)});
    return cancel.key;
  }

  FakeRouter router_;
  CallCounts calls_;
  TimersService service_{{.limits = {.max_request_bytes = 200},
                          .max_streams = 2,
                          .batches = {.max_items = kMaxItems, .max_under_way = kMaxUnderWay}},
                         router_,
                         calls_};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Timers::Stub> stub_;
};

TEST_F(SubmitTest, AnswersEachMessageUnderItsTag) {
  grpc::ClientContext context;
  const auto stream = Open(context);
  ASSERT_TRUE(stream->Write(CancelOf(7, "a")));
  EXPECT_EQ(AnswerNext(), "default/a");
  const v1::SubmitResponse response = Read(*stream);
  EXPECT_EQ(response.tag(), 7u);
  EXPECT_FALSE(response.has_error());
  ASSERT_EQ(response.results_size(), 1);
  EXPECT_EQ(response.results(0).cancel().now().nanos(), 5);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(SubmitTest, AnswersInTheOrderInWhichBatchesAreDone) {
  grpc::ClientContext context;
  const auto stream = Open(context);
  ASSERT_TRUE(stream->Write(CancelOf(1, "a")));
  ASSERT_TRUE(stream->Write(CancelOf(2, "b")));
  auto first = router_.port.Take<reactor::Cancel>();  // is under way, and the next is read
  auto second = router_.port.Take<reactor::Cancel>();
  second.reply(reactor::Cancelled{});
  EXPECT_EQ(Read(*stream).tag(), 2u);
  first.reply(reactor::Cancelled{});
  EXPECT_EQ(Read(*stream).tag(), 1u);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(SubmitTest, HasNoMoreUnderWayThanItMay) {
  constexpr int kMessages = 200;
  grpc::ClientContext context;
  const auto stream = Open(context);
  std::thread writer([&] {
    for (int i = 0; i < kMessages; ++i) {
      EXPECT_TRUE(stream->Write(CancelOf(static_cast<uint64_t>(i), absl::StrCat("a", i))));
    }
    stream->WritesDone();
  });
  // Gathers all that may be under way, answers one of them, and so on.
  std::deque<reactor::Cancel> under_way;
  std::map<uint64_t, int> answers;
  for (int asked = 0; static_cast<int>(answers.size()) < kMessages;) {
    while (asked < kMessages && under_way.size() < kMaxUnderWay) {
      under_way.push_back(router_.port.Take<reactor::Cancel>());
      ++asked;
    }
    EXPECT_EQ(router_.port.size(), 0u);
    under_way.front().reply(reactor::Cancelled{});
    under_way.pop_front();
    ++answers[Read(*stream).tag()];
  }
  writer.join();
  EXPECT_EQ(answers.size(), static_cast<size_t>(kMessages));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(SubmitTest, RefusesABadMessageAndGoesOn) {
  grpc::ClientContext context;
  const auto stream = Open(context);

  v1::SubmitRequest empty;
  empty.set_tag(1);
  v1::SubmitRequest many = CancelOf(2, "a");
  for (size_t i = 0; i < kMaxItems; ++i) {
    many.add_items()->mutable_cancel()->set_id(absl::StrCat("b", i));
  }
  v1::SubmitRequest misnamed = CancelOf(3, "a");
  misnamed.set_namespace_("No Name");
  const v1::SubmitRequest large = CancelOf(4, std::string(200, 'a'));
  std::map<uint64_t, v1::SubmitResponse> refused;
  for (const v1::SubmitRequest& request : {empty, many, misnamed, large}) {
    ASSERT_TRUE(stream->Write(request));
    const v1::SubmitResponse response = Read(*stream);
    EXPECT_EQ(response.tag(), request.tag());
    EXPECT_EQ(response.results_size(), 0);
    refused[response.tag()] = response;
  }
  EXPECT_EQ(InfoOf(refused[1].error()).metadata().at("field"), "items");
  EXPECT_EQ(InfoOf(refused[2].error()).metadata().at("limit"), "max-batch-items");
  EXPECT_EQ(InfoOf(refused[3].error()).metadata().at("field"), "namespace");
  EXPECT_EQ(InfoOf(refused[4].error()).metadata().at("limit"), "max-request-bytes");
  EXPECT_EQ(router_.port.size(), 0u);

  ASSERT_TRUE(stream->Write(CancelOf(5, "a")));
  AnswerNext();
  EXPECT_EQ(Read(*stream).tag(), 5u);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(SubmitTest, AnswersWhatIsUnderWayAfterTheClientHasSentItsLast) {
  grpc::ClientContext context;
  const auto stream = Open(context);
  ASSERT_TRUE(stream->Write(CancelOf(1, "a")));
  ASSERT_TRUE(stream->Write(CancelOf(2, "b")));
  stream->WritesDone();
  auto first = router_.port.Take<reactor::Cancel>();
  auto second = router_.port.Take<reactor::Cancel>();
  first.reply(reactor::Cancelled{});
  second.reply(reactor::Cancelled{});
  EXPECT_THAT((std::vector<uint64_t>{Read(*stream).tag(), Read(*stream).tag()}),
              UnorderedElementsAre(1u, 2u));
  v1::SubmitResponse none;
  EXPECT_FALSE(stream->Read(&none));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(SubmitTest, EndsAtOnceWhenNothingWasSent) {
  grpc::ClientContext context;
  const auto stream = Open(context);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(SubmitTest, EndsWhenTheServerDrainsWhateverIsUnderWay) {
  grpc::ClientContext context;
  const auto stream = Open(context);
  ASSERT_TRUE(stream->Write(CancelOf(1, "a")));
  auto under_way = router_.port.Take<reactor::Cancel>();
  service_.Drain();
  v1::SubmitResponse none;
  EXPECT_FALSE(stream->Read(&none));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  under_way.reply(reactor::Cancelled{});  // late, and nobody is told

  grpc::ClientContext later;
  EXPECT_EQ(Open(later)->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(SubmitTest, OutlivesAClientThatBreaksOff) {
  std::optional<reactor::Cancel> under_way;
  {
    grpc::ClientContext context;
    const auto stream = Open(context);
    ASSERT_TRUE(stream->Write(CancelOf(1, "a")));
    under_way = router_.port.Take<reactor::Cancel>();
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (service_.streams() > 0 && std::chrono::steady_clock::now() < patience) {
    std::this_thread::yield();
  }
  EXPECT_EQ(service_.streams(), 0u);
  under_way->reply(reactor::Cancelled{});
}

TEST_F(SubmitTest, IsAStreamAmongThoseThatTheServerMayHave) {
  grpc::ClientContext contexts[3];
  const auto first = Open(contexts[0]);
  const auto second = Open(contexts[1]);
  for (Stream* stream : {first.get(), second.get()}) {  // both are open on the server
    ASSERT_TRUE(stream->Write(CancelOf(1, "a")));
    AnswerNext();
    Read(*stream);
  }
  const grpc::Status refused = Open(contexts[2])->Finish();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_message(), HasSubstr("--max-streams"));
  for (Stream* stream : {first.get(), second.get()}) {
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
  }
}

// The same as one call.

class BatchCallTest : public SubmitTest {
 protected:
  grpc::Status Batch(const v1::BatchRequest& request, v1::BatchResponse* response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return stub_->Batch(&context, request, response);
  }
  static v1::BatchRequest Cancels(int n) {
    v1::BatchRequest request;
    for (int i = 0; i < n; ++i) {
      request.add_items()->mutable_cancel()->set_id(absl::StrCat("a", i));
    }
    return request;
  }
};

TEST_F(BatchCallTest, AnswersWhenAllItemsAreDone) {
  std::thread shard([this] {
    AnswerNext();
    router_.port.Take<reactor::Cancel>().reply(Refuse(Reason::kUnknownId, "unknown"));
  });
  v1::BatchResponse response;
  EXPECT_TRUE(Batch(Cancels(2), &response).ok());
  shard.join();
  ASSERT_EQ(response.results_size(), 2);
  EXPECT_TRUE(response.results(0).has_cancel());
  EXPECT_EQ(InfoOf(response.results(1).error()).reason(), "UNKNOWN_ID");
}

TEST_F(BatchCallTest, IsRefusedAsAWhole) {
  v1::BatchResponse response;
  EXPECT_EQ(Batch(Cancels(0), &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Batch(Cancels(kMaxItems + 1), &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  v1::BatchRequest misnamed = Cancels(1);
  misnamed.set_namespace_("No Name");
  EXPECT_EQ(Batch(misnamed, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  v1::BatchRequest large;
  large.add_items()->mutable_cancel()->set_id(std::string(200, 'a'));
  EXPECT_EQ(Batch(large, &response).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  service_.Drain();
  EXPECT_EQ(Batch(Cancels(1), &response).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(router_.port.size(), 0u);
}

}  // namespace
}  // namespace timerd::service
