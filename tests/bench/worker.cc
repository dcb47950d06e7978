#include "tests/bench/worker.h"

#include <chrono>
#include <exception>
#include <stdexcept>
#include <utility>

#include "tests/bench/batches.h"
#include "tests/bench/connect.h"
#include "tests/bench/program.h"
#include "tests/bench/wire.h"
#include "timerd/v1/queues.pb.h"

namespace timerd::bench {
namespace {

// In front of a field of the type that has a length.
void AppendHead(int number, size_t size, std::string& bytes) {
  AppendVarint(static_cast<uint64_t>(number) << 3 | 2, bytes);
  AppendVarint(size, bytes);
}

void AppendBytes(int number, absl::string_view value, std::string& bytes) {
  AppendHead(number, value.size(), bytes);
  bytes.append(value.data(), value.size());
}

void AppendFixed64(int number, uint64_t value, std::string& bytes) {
  AppendVarint(static_cast<uint64_t>(number) << 3 | 1, bytes);
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

bool HasError(absl::string_view settled) {
  for (Fields fields(settled); fields.Next();) {
    if (fields.number() == v1::Settled::kErrorFieldNumber) {
      return true;
    }
  }
  return false;
}

}  // namespace

Worker::Worker(const std::string& target, const std::string& queue, uint32_t credit)
    : stub_(Connect(target)) {
  thread_ = std::thread([this, queue, credit] { Run(queue, credit); });
}

Worker::~Worker() {
  context_.TryCancel();
  thread_.join();
}

uint64_t Worker::WaitUntilSettled(uint64_t count, double seconds) {
  for (const auto start = Clock::now(); settled_ < count && SecondsSince(start) < seconds;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const absl::MutexLock lock(&mutex_);
    if (!ended_.empty()) {
      throw std::runtime_error("a worker's stream ended: " + ended_);
    }
  }
  return settled_;
}

std::vector<Firing> Worker::TakeFirings() {
  const absl::MutexLock lock(&mutex_);
  return std::exchange(firings_, {});
}

void Worker::Run(const std::string& queue, uint32_t credit) {
  v1::WorkRequest hello;
  hello.mutable_register_()->set_queue(queue);
  hello.mutable_register_()->set_credit(credit);
  grpc::ByteBuffer response;
  grpc::Status status;
  std::string problem;
  call_ = stub_.PrepareCall(&context_, "/timerd.v1.Queues/Work", &completed_);
  call_->StartCall(Tag(Operation::kStart));
  void* done = nullptr;
  for (bool ok = false; completed_.Next(&done, &ok);) {
    switch (*static_cast<Operation*>(done)) {
      case Operation::kStart:
        call_->Read(&response, Tag(Operation::kRead));
        call_->Write(ToBuffer(hello), Tag(Operation::kWrite));
        break;
      case Operation::kWrite:
        writing_ = false;
        Write();
        break;
      case Operation::kRead:
        if (!ok) {
          call_->Finish(&status, Tag(Operation::kFinish));
          break;
        }
        try {
          OnResponse(Flat(response).bytes());
        } catch (const std::exception& e) {
          problem = e.what();
          context_.TryCancel();
        }
        call_->Read(&response, Tag(Operation::kRead));
        break;
      case Operation::kFinish: {
        const absl::MutexLock lock(&mutex_);
        ended_ = problem.empty() ? status.error_message() : problem;
        completed_.Shutdown();
        break;
      }
    }
  }
}

void Worker::OnResponse(absl::string_view response) {
  const int64_t now = UnixNanos();
  uint64_t settled = 0;
  const absl::MutexLock lock(&mutex_);
  for (Fields fields(response); fields.Next();) {
    switch (fields.number()) {
      case v1::WorkResponse::kOccurrencesFieldNumber:
        Settle(fields.bytes(), now);
        break;
      case v1::WorkResponse::kSettledFieldNumber:
        if (HasError(fields.bytes())) {
          throw std::runtime_error("a settlement was refused");
        }
        ++settled;
        break;
      case v1::WorkResponse::kErrorFieldNumber:
        throw std::runtime_error("settlements were refused");
      default:
        break;
    }
  }
  settled_ += settled;
  Write();
}

void Worker::Settle(absl::string_view occurrence, int64_t now) {
  Firing firing{.arrived = now};
  settlement_.clear();
  for (Fields fields(occurrence); fields.Next();) {
    switch (fields.number()) {
      case v1::Occurrence::kIdFieldNumber:
        AppendBytes(v1::Settlement::kIdFieldNumber, fields.bytes(), settlement_);
        break;
      case v1::Occurrence::kLeaseFieldNumber:
        AppendFixed64(v1::Settlement::kLeaseFieldNumber, fields.value(), settlement_);
        break;
      case v1::Occurrence::kDeadlineFieldNumber:
        firing.deadline = TimestampNanos(fields.bytes());
        break;
      case v1::Occurrence::kTimeFieldNumber:
        firing.decided = TimestampNanos(fields.bytes());
        break;
      default:
        break;
    }
  }
  AppendBytes(v1::Settlement::kSuccessFieldNumber, "", settlement_);
  AppendBytes(v1::WorkRequest::kSettlementsFieldNumber, settlement_, settlements_);
  firings_.push_back(firing);
}

void Worker::Write() {
  if (writing_ || settlements_.empty()) {
    return;
  }
  writing_ = true;
  call_->Write(ToBuffer(settlements_), Tag(Operation::kWrite));
  settlements_.clear();
}

}  // namespace timerd::bench
