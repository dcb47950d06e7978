#include "tests/bench/connect.h"

#include <atomic>
#include <chrono>
#include <stdexcept>

namespace timerd::bench {

std::shared_ptr<grpc::Channel> Connect(const std::string& target) {
  static std::atomic<int> made{0};
  grpc::ChannelArguments arguments;
  arguments.SetInt("timerd.bench.connection", ++made);  // channels of equal arguments share one
  arguments.SetMaxReceiveMessageSize(-1);
  auto channel = grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
    throw std::runtime_error("no connection to " + target);
  }
  return channel;
}

}  // namespace timerd::bench
