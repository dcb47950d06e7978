// Load on a timerd server: what the service benchmark is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "timerd/v1/timers.grpc.pb.h"

namespace timerd::bench {

// Latencies in microseconds, for percentiles.
class Samples {
 public:
  void Add(double us) { values_.push_back(us); }
  size_t size() const { return values_.size(); }
  // `fraction` from 0 to 1; 0 when there is no sample. Sorts.
  double Percentile(double fraction);

 private:
  std::vector<double> values_;
};

struct FillResult {
  double seconds = 0;
  size_t failed = 0;
};
// Schedules `count` plain, detached timers with payloads of `payload_bytes`, due evenly between
// `from_s` and `to_s` seconds from now, `in_flight` calls at a time on `channels` connections.
FillResult Fill(const std::string& target, size_t count, double from_s, double to_s,
                size_t payload_bytes, size_t in_flight, size_t channels);

struct LatenessResult {
  Samples decided;    // the event's time minus its deadline: the server's own lateness
  Samples delivered;  // the event's arrival at this client minus its deadline
  size_t early = 0;   // events decided before their deadline
  size_t failed = 0;  // calls that ended in an error, the last of which is
  std::string error;
  size_t lost = 0;  // timers without a FIRED event ten seconds after the last deadline
};
// Schedules `per_second` attached plain timers each second for `seconds`, each due 0.5 to 2.5 s
// after it was asked for, and listens. Client and server are on one machine, so that wall clocks
// compare.
LatenessResult MeasureLateness(const std::string& target, size_t per_second, double seconds);

}  // namespace timerd::bench
