// What timerctl's exit codes mean. Scripts depend on them: they never change.
#pragma once

#include "grpcpp/support/status_code_enum.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::cli {

enum ExitCode : int {
  kOk = 0,
  kOutputFailed = 1,
  kUsage = 2,
  // How what was followed has ended; FIRED, COMPLETED and STOPPED are kOk.
  kEndFailed = 3,
  kEndCancelled = 4,
  kEndTimedOut = 5,
  // The server answered a batch, and refused at least one of its lines.
  kLinesRefused = 6,
  // Plus the gRPC status code, for calls that were refused or not answered.
  kStatusBase = 10,
  // Plus the number of the signal that detached timerctl from what it followed or stopped its work,
  // as shells do.
  kSignalBase = 128,
};

constexpr int ExitCodeOf(grpc::StatusCode code) {
  return code == grpc::StatusCode::OK ? kOk : kStatusBase + static_cast<int>(code);
}

constexpr int ExitCodeOf(v1::Event::Type last_event) {
  switch (last_event) {
    case v1::Event::TYPE_FAILED:
      return kEndFailed;
    case v1::Event::TYPE_CANCELLED:
      return kEndCancelled;
    case v1::Event::TYPE_TIMED_OUT:
      return kEndTimedOut;
    default:
      return kOk;
  }
}

}  // namespace timerd::cli
