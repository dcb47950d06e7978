// A bare gRPC server of the callback API that answers Schedule requests, and does nothing else.
// Prints its address when it is ready, and runs until it is killed.
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <memory>

#include "tests/bench/echo.grpc.pb.h"

namespace timerd::bench {
namespace {

class EchoService final : public Echo::CallbackService {
  grpc::ServerUnaryReactor* Schedule(grpc::CallbackServerContext* context,
                                     const v1::ScheduleRequest* request,
                                     v1::ScheduleResponse* response) override {
    v1::Acknowledgement& acknowledged = *response->mutable_acknowledged();
    acknowledged.set_id("0123456789abcdef0123456789abcdef");
    acknowledged.mutable_now()->set_seconds(1'800'000'000);
    acknowledged.mutable_now()->set_nanos(123'456'789);
    acknowledged.mutable_deadline()->set_seconds(1'800'000'000 + request->delay().seconds());
    acknowledged.mutable_deadline()->set_nanos(123'456'789);
    acknowledged.set_generation(1);
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

int Main() {
  EchoService service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  std::printf("127.0.0.1:%d\n", port);
  std::fflush(stdout);
  server->Wait();
  return 0;
}

}  // namespace
}  // namespace timerd::bench

int main() { return timerd::bench::Main(); }
