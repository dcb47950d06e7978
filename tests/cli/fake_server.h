// A server on a free loopback port that remembers what it was asked and answers as scripted.
#pragma once

#include <memory>
#include <string>

#include "grpcpp/server.h"
#include "tests/cli/scripted_answers.h"

namespace timerd::cli {

class FakeServer : public ScriptedAnswers {
 public:
  FakeServer();
  ~FakeServer();

  // HOST:PORT
  const std::string& address() const { return address_; }

 private:
  std::unique_ptr<grpc::Service> timers_;
  std::unique_ptr<grpc::Service> clock_;
  std::unique_ptr<grpc::Service> queues_;
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace timerd::cli
