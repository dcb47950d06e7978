// Batch and Submit as a client meets them: many operations in one message, and many messages on one
// stream.
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/integration/server_test.h"

namespace timerd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class BatchTest : public ServerTest {
 protected:
  void SetUp() override { StartServer(); }

  static v1::BatchRequest Timers(int count, size_t payload_bytes = 0) {
    v1::BatchRequest request;
    for (int i = 0; i < count; ++i) {
      v1::ScheduleRequest& timer = *request.add_items()->mutable_schedule();
      timer.set_id(absl::StrCat("t", i));
      timer.mutable_delay()->set_seconds(3600);
      timer.set_payload(std::string(payload_bytes, 'x'));
    }
    return request;
  }
};

TEST_F(BatchTest, CarriesOutAsManyItemsAsItMayAndNotOneMore) {
  v1::BatchRequest request = Timers(10'000);
  const auto most = client().Batch(request);
  ASSERT_THAT(most.status, IsOkCall());
  ASSERT_EQ(most->results_size(), 10'000);
  for (int i = 0; i < most->results_size(); ++i) {
    ASSERT_EQ(most->results(i).acknowledged().id(), absl::StrCat("t", i));
  }
  request.add_items()->mutable_cancel()->set_id("t0");
  const auto more = client().Batch(request);
  EXPECT_THAT(more.status, IsRefusedWith(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"));
  EXPECT_EQ(DetailOf(more.status, "limit"), "max-batch-items");
  EXPECT_EQ(Get("t0").state(), v1::STATE_PENDING) << "a refused batch has changed something";
}

TEST_F(BatchTest, IsRefusedWhenItIsTooLarge) {
  const auto answer = client().Batch(Timers(20, 60'000));
  EXPECT_THAT(answer.status, IsRefusedWith(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"));
  EXPECT_EQ(DetailOf(answer.status, "limit"), "max-request-bytes");
}

TEST_F(BatchTest, NamesTheItemAndTheFieldOfEachRefusal) {
  const auto answer = client().Batch(
      "items { schedule { id: 'a' delay { seconds: -1 } } }"
      "items { start_loop { id: 'l' cron { expression: '* * * * 9' } } }"
      "items { report { id: 'k' run: 1 } }");
  ASSERT_THAT(answer.status, IsOkCall());
  ASSERT_EQ(answer->results_size(), 3);
  std::vector<std::string> fields;
  for (const v1::BatchResult& result : answer->results()) {
    const grpc::Status status(static_cast<grpc::StatusCode>(result.error().code()),
                              result.error().message(), result.error().SerializeAsString());
    EXPECT_THAT(status, IsRefusedWith(grpc::StatusCode::INVALID_ARGUMENT, "INVALID_FIELD"));
    fields.push_back(DetailOf(status, "field"));
    EXPECT_THAT(status.error_message(),
                HasSubstr(absl::StrCat("items[", fields.size() - 1, "]: ")));
  }
  EXPECT_THAT(fields,
              ElementsAre("items[0].delay", "items[1].cron.expression", "items[2].outcome"));
}

TEST_F(BatchTest, MakesWhatSurvivesAKill) {
  ASSERT_THAT(client().Batch(Timers(500)).status, IsOkCall());
  server().Kill();
  Restart();
  EXPECT_EQ(Get("t0").state(), v1::STATE_PENDING);
  EXPECT_EQ(Get("t499").state(), v1::STATE_PENDING);
}

class SubmitTest : public BatchTest {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::SubmitRequest, v1::SubmitResponse>;

  std::unique_ptr<Stream> Submit() {
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    return client().stub().Submit(context_.get());
  }
  static v1::SubmitRequest Message(uint64_t tag, const std::string& id) {
    v1::SubmitRequest request;
    request.set_tag(tag);
    v1::ScheduleRequest& timer = *request.add_items()->mutable_schedule();
    timer.set_id(id);
    timer.mutable_delay()->set_seconds(3600);
    return request;
  }

  std::unique_ptr<grpc::ClientContext> context_;
};

TEST_F(SubmitTest, AnswersEveryMessageAndEndsInOkWhenTheClientHasSaidAll) {
  const auto stream = Submit();
  constexpr uint64_t kMessages = 500;  // many times what may be under way at once
  for (uint64_t tag = 1; tag <= kMessages; ++tag) {
    ASSERT_TRUE(stream->Write(Message(tag, absl::StrCat("t", tag))));
  }
  stream->WritesDone();
  std::set<uint64_t> answered;
  for (v1::SubmitResponse response; stream->Read(&response);) {
    ASSERT_EQ(response.results_size(), 1);
    EXPECT_EQ(response.results(0).acknowledged().id(), absl::StrCat("t", response.tag()));
    EXPECT_TRUE(answered.insert(response.tag()).second) << "answered twice";
  }
  EXPECT_THAT(stream->Finish(), IsOkCall());
  EXPECT_EQ(answered.size(), kMessages);
}

TEST_F(SubmitTest, AnswersAMessageThatBatchWouldRefuseAndGoesOn) {
  const auto stream = Submit();
  v1::SubmitRequest empty;
  empty.set_tag(1);
  v1::SubmitRequest elsewhere = Message(2, "a");
  elsewhere.set_namespace_("No Name");
  for (const v1::SubmitRequest& bad : {empty, elsewhere}) {
    ASSERT_TRUE(stream->Write(bad));
    v1::SubmitResponse response;
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.tag(), bad.tag());
    EXPECT_EQ(response.error().code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(response.results_size(), 0);
  }
  ASSERT_TRUE(stream->Write(Message(3, "good")));
  v1::SubmitResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.results(0).acknowledged().id(), "good");
  stream->WritesDone();
  EXPECT_THAT(stream->Finish(), IsOkCall());
}

TEST_F(SubmitTest, HoldsBackAClientThatDoesNotReadAndLosesNothing) {
  StartServer({"--shards=2", "--max-submit-batches=2"});
  const auto stream = Submit();
  for (uint64_t tag = 1; tag <= 50; ++tag) {
    ASSERT_TRUE(stream->Write(Message(tag, absl::StrCat("t", tag))));
  }
  stream->WritesDone();
  uint64_t answered = 0;
  for (v1::SubmitResponse response; stream->Read(&response);) {
    ++answered;
  }
  EXPECT_THAT(stream->Finish(), IsOkCall());
  EXPECT_EQ(answered, 50u);
}

TEST_F(SubmitTest, EndsInUnavailableWhenTheServerDrains) {
  const auto stream = Submit();
  ASSERT_TRUE(stream->Write(Message(1, "a")));
  v1::SubmitResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(server().Terminate(), 0);
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_THAT(stream->Finish(), IsRefusedWith(grpc::StatusCode::UNAVAILABLE, "SHUTTING_DOWN"));
}

}  // namespace
}  // namespace timerd::testing
