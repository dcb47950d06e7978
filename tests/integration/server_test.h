// What the tests in this folder begin with: a server, and a client for it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/api_client.h"
#include "tests/support/server_process.h"

namespace timerd::testing {

class ServerTest : public ::testing::Test {
 protected:
  // Starts the server, in place of the one before if there was one.
  void StartServer(std::vector<std::string> flags = {"--shards=2"}) {
    StartServerWith({.flags = std::move(flags)});
  }
  void StartServerWith(ServerProcess::Options options) {
    StopServer();
    server_ = std::make_unique<ServerProcess>(std::move(options));
    client_ = std::make_unique<ApiClient>(server_->address());
  }
  void StopServer() {
    client_.reset();
    server_.reset();
  }
  void Restart() {
    server_->Restart();
    client_ = std::make_unique<ApiClient>(server_->address());
  }

  ServerProcess& server() { return *server_; }
  ApiClient& client() { return *client_; }
  v1::Handle Get(const std::string& id) {
    v1::GetRequest request;
    request.set_id(id);
    return client().Get(request).value.handle();
  }

 private:
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<ApiClient> client_;
};

MATCHER_P2(IsRefusedWith, code, reason, "") {
  *result_listener << ToString(arg);
  return arg.error_code() == code && ReasonOf(arg) == reason;
}

MATCHER(IsOkCall, "") {
  *result_listener << ToString(arg);
  return arg.ok();
}

}  // namespace timerd::testing
