// What every verb works with: the server, and how to print.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <tuple>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cli/human.h"
#include "google/protobuf/message.h"
#include "timerd/v1/queues.grpc.pb.h"
#include "timerd/v1/timers.grpc.pb.h"

namespace timerd::cli {

class Session {
 public:
  struct Options {
    std::string server = "127.0.0.1:7400";  // HOST:PORT
    absl::Duration timeout = absl::Seconds(10);
    std::string namespace_name;  // Empty: the server's default.
    bool json = false;
    HumanText human = HumanText(absl::UTCTimeZone(), false);
    // What a user types to reach the same handles: "timerctl", or with its --server and
    // --namespace.
    std::string command = "timerctl";
  };

  // The streams outlive the session. Nothing is connected before the first call.
  Session(Options options, std::ostream& out, std::ostream& err);

  // Stub: v1::Timers::Stub, v1::Clock::Stub or v1::Queues::Stub.
  template <typename Stub>
  Stub& stub() {
    return *std::get<std::unique_ptr<Stub>>(stubs_);
  }
  const Options& options() const { return options_; }
  const HumanText& human() const { return options_.human; }

  // Prints `message` as JSON or else `text`, which ends in a newline, and flushes: a reader at the
  // other end of a pipe waits for it.
  void Print(const google::protobuf::Message& message, absl::string_view text);
  // The same for one line of JSON that is there already, without its newline.
  void PrintLine(absl::string_view json, absl::string_view text);
  // True once something could not be printed.
  bool output_failed() const { return !out_; }
  // A line on the error stream behind "timerctl: ".
  void Complain(absl::string_view text);
  // A hint for people on the error stream; nothing with --json.
  void Hint(absl::string_view text);
  // Hints at who has to report the run.
  void HintReport(absl::string_view id, uint64_t run);

  // Complains about `status` and returns its exit code. `answered`: the server had sent something.
  int Failed(const grpc::Status& status, bool answered = false);

 private:
  const Options options_;
  std::ostream& out_;
  std::ostream& err_;
  std::tuple<std::unique_ptr<v1::Timers::Stub>, std::unique_ptr<v1::Clock::Stub>,
             std::unique_ptr<v1::Queues::Stub>>
      stubs_;
};

}  // namespace timerd::cli
