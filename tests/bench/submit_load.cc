#include "tests/bench/submit_load.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <stdexcept>

#include "tests/bench/connect.h"
#include "tests/bench/program.h"
#include "tests/bench/wire.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::bench {
namespace {

// How many results a serialized SubmitResponse has. Throws when one of them is an error.
uint64_t CountResults(absl::string_view response) {
  uint64_t count = 0;
  for (Fields fields(response); fields.Next();) {
    if (fields.number() == v1::SubmitResponse::kErrorFieldNumber) {
      v1::StatusDetails error;
      error.ParseFromArray(fields.bytes().data(), static_cast<int>(fields.bytes().size()));
      throw std::runtime_error("a batch was refused: " + error.ShortDebugString());
    }
    if (fields.number() != v1::SubmitResponse::kResultsFieldNumber) {
      continue;
    }
    Fields result(fields.bytes());
    if (result.Next() && result.number() == v1::BatchResult::kErrorFieldNumber) {
      v1::BatchResult refused;
      refused.ParseFromArray(fields.bytes().data(), static_cast<int>(fields.bytes().size()));
      throw std::runtime_error("an item was refused: " + refused.ShortDebugString());
    }
    ++count;
  }
  return count;
}

class SubmitStream {
 public:
  enum class Operation { kStart, kWrite, kRead, kWritesDone, kFinish };
  struct Tag {
    SubmitStream* stream;
    Operation operation;
  };

  SubmitStream(const SubmitLoad& load, const BatchSource& next, grpc::CompletionQueue& queue)
      : in_flight_(load.in_flight), next_(next), stub_(Connect(load.target)) {
    call_ = stub_.PrepareCall(&context_, "/timerd.v1.Timers/Submit", &queue);
    call_->StartCall(&start_);
  }

  void OnDone(Operation operation, bool ok) {
    switch (operation) {
      case Operation::kStart:
        call_->Read(&response_, &read_);
        Write();
        return;
      case Operation::kWrite:
        writing_ = false;
        Write();
        return;
      case Operation::kRead:
        if (!ok) {
          call_->Finish(&status_, &finish_);
          return;
        }
        --unanswered_;
        done_ += CountResults(Flat(response_).bytes());
        call_->Read(&response_, &read_);
        Write();
        return;
      case Operation::kWritesDone:
        return;
      case Operation::kFinish:
        if (!status_.ok() || unanswered_ > 0) {
          throw std::runtime_error("a Submit stream ended: " + status_.error_message());
        }
        finished_ = true;
        return;
    }
  }
  uint64_t done() const { return done_; }
  bool finished() const { return finished_; }

 private:
  void Write() {
    if (writing_ || no_more_ || unanswered_ >= in_flight_) {
      return;
    }
    std::optional<grpc::ByteBuffer> batch = next_();
    if (!batch) {
      no_more_ = true;
      call_->WritesDone(&writes_done_);
      return;
    }
    writing_ = true;
    ++unanswered_;
    call_->Write(*batch, &write_);
  }

  const size_t in_flight_;
  const BatchSource& next_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::ByteBuffer response_;
  grpc::Status status_;
  size_t unanswered_ = 0;
  uint64_t done_ = 0;
  bool writing_ = false;
  bool no_more_ = false;
  bool finished_ = false;
  Tag start_{this, Operation::kStart};
  Tag write_{this, Operation::kWrite};
  Tag read_{this, Operation::kRead};
  Tag writes_done_{this, Operation::kWritesDone};
  Tag finish_{this, Operation::kFinish};
};

}  // namespace

SubmitResult RunSubmit(const SubmitLoad& load, const BatchSource& next) {
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<SubmitStream>> streams;
  const Clock::time_point start = Clock::now();
  for (size_t i = 0; i < load.streams; ++i) {
    streams.push_back(std::make_unique<SubmitStream>(load, next, queue));
  }
  size_t finished = 0;
  void* tag = nullptr;
  for (bool ok = false; finished < streams.size() && queue.Next(&tag, &ok);) {
    const auto& [stream, operation] = *static_cast<SubmitStream::Tag*>(tag);
    stream->OnDone(operation, ok);
    finished += stream->finished();
  }
  SubmitResult result{.seconds = SecondsSince(start)};
  for (const auto& stream : streams) {
    result.done += stream->done();
  }
  return result;
}

}  // namespace timerd::bench
