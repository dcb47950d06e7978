// A worker for storm_test, to be killed: takes occurrences of a queue, writes each down, and says
// that it is done.
// usage: storm_worker ADDRESS QUEUE FILE
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "timerd/v1/queues.grpc.pb.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    return 2;
  }
  const int file = open(argv[3], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  const auto channel = grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials());
  const auto stub = timerd::v1::Queues::NewStub(channel);
  while (true) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    const auto call = stub->Work(&context);
    timerd::v1::WorkRequest request;
    request.mutable_register_()->set_queue(argv[2]);
    request.mutable_register_()->set_credit(500);
    call->Write(request);
    timerd::v1::WorkResponse response;
    while (call->Read(&response)) {
      std::string lines;
      timerd::v1::WorkRequest done;
      for (const timerd::v1::Occurrence& each : response.occurrences()) {
        absl::StrAppend(&lines, each.id(), " ", each.attempt(), "\n");
        timerd::v1::Settlement* const settlement = done.add_settlements();
        settlement->set_id(each.id());
        settlement->set_lease(each.lease());
        settlement->set_success("done");
      }
      // Before it says so, or a kill in between would hide a delivery.
      if (write(file, lines.data(), lines.size()) != static_cast<ssize_t>(lines.size())) {
        return 1;
      }
      if (done.settlements_size() > 0) {
        call->Write(done);
      }
    }
    call->Finish();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}
