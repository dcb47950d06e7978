// Linked against the installed test fixture. There is no server to start, and it says so.
#include "timerd/testing.h"

int main() {
  return timerd::TestServer::Start({.binary = "/nowhere/timerd"}).status().code() ==
                 absl::StatusCode::kUnavailable
             ? 0
             : 1;
}
