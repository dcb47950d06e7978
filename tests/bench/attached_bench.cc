// What clients cost that wait for their timers: the memory of the server for each open stream.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/connect.h"
#include "tests/bench/process_stats.h"
#include "tests/bench/program.h"
#include "tests/bench/wire.h"
#include "tests/support/server_process.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::bench {
namespace {

constexpr size_t kConnections = 10;
// Streams that are being opened at once.
constexpr size_t kOpening = 500;

// A Schedule call that is acknowledged, and then waits for the timer for as long as it lives.
class Attached {
 public:
  enum class Operation { kStart, kWrite, kAcknowledged, kEvent };
  struct Tag {
    Attached* stream;
    Operation operation;
  };
  Attached(std::shared_ptr<grpc::Channel> channel, const grpc::ByteBuffer& request,
           grpc::CompletionQueue& queue)
      : stub_(std::move(channel)), request_(request) {
    call_ = stub_.PrepareCall(&context_, "/timerd.v1.Timers/Schedule", &queue);
    call_->StartCall(&start_);
  }
  void OnDone(Operation operation) {
    if (operation == Operation::kStart) {
      call_->WriteLast(request_, {}, &write_);
      call_->Read(&response_, &acknowledged_);
    } else if (operation == Operation::kAcknowledged) {
      call_->Read(&response_, &event_);
    }
  }
  void Cancel() { context_.TryCancel(); }

 private:
  grpc::GenericStub stub_;
  const grpc::ByteBuffer& request_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::ByteBuffer response_;
  Tag start_{this, Operation::kStart};
  Tag write_{this, Operation::kWrite};
  Tag acknowledged_{this, Operation::kAcknowledged};
  Tag event_{this, Operation::kEvent};
};

void Measure(const Options& options, Results& results) {
  const size_t count = options.Number("streams", 20'000);
  testing::ServerProcess timerd({.flags = {"--durability=sync"}});
  v1::ScheduleRequest schedule;
  schedule.mutable_delay()->set_seconds(3600);
  schedule.set_payload(std::string(64, 'x'));
  const grpc::ByteBuffer request = ToBuffer(schedule);
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (size_t i = 0; i < kConnections; ++i) {
    channels.push_back(Connect(timerd.address()));
  }
  const double before = RssMib(timerd.pid());
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<Attached>> streams;
  const auto open = [&] {
    streams.push_back(
        std::make_unique<Attached>(channels[streams.size() % kConnections], request, queue));
  };
  const Clock::time_point start = Clock::now();
  while (streams.size() < kOpening && streams.size() < count) {
    open();
  }
  size_t acknowledged = 0;
  size_t written = 0;
  void* tag = nullptr;
  for (bool ok = false; (acknowledged < count || written < count) && queue.Next(&tag, &ok);) {
    const auto& [stream, operation] = *static_cast<Attached::Tag*>(tag);
    if (!ok) {
      throw std::runtime_error("a stream ended");
    }
    stream->OnDone(operation);
    written += operation == Attached::Operation::kWrite;
    if (operation == Attached::Operation::kAcknowledged) {
      ++acknowledged;
      if (streams.size() < count) {
        open();
      }
    }
  }
  const double seconds = SecondsSince(start);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const double after = RssMib(timerd.pid());
  results.Add("attached.streams", static_cast<double>(count), "");
  results.Add("attached.open_per_s", static_cast<double>(count) / seconds, "/s");
  results.Add("attached.rss_mib", after, "MiB");
  results.Add("attached.bytes_per_stream",
              (after - before) * 1024 * 1024 / static_cast<double>(count), "bytes");
  for (const auto& stream : streams) {
    stream->Cancel();
  }
  for (bool ok = false; acknowledged > 0 && queue.Next(&tag, &ok);) {
    --acknowledged;  // its last read
  }
}

}  // namespace
}  // namespace timerd::bench

int main(int argc, char** argv) {
  return timerd::bench::RunProgram(argc, argv, timerd::bench::Measure);
}
