// The server as a whole: every floor wired to the next.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/options.h"

namespace timerd {

class Server {
 public:
  // Opens the data directory, recovers what it holds, and serves. Errors say what stands in the way
  // and how to get round it.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Options& options);

  virtual ~Server() = default;
  // Where it listens, with the port that was taken.
  virtual const std::string& address() const = 0;
  // The same for HTTP; "off" without it.
  virtual std::string http_address() const = 0;
  // Refuses new work, ends all streams with UNAVAILABLE, lets replies in flight finish within
  // --drain-timeout, writes everything down, and stops. Called once.
  virtual void Drain() = 0;
};

}  // namespace timerd
