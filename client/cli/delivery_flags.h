// The flags that say how runs are delivered: of one timer or loop, or of all in a queue.
#pragma once

#include <cstdint>
#include <limits>

#include "client/cli/flag_reader.h"
#include "client/cli/flags.h"

namespace timerd::cli {

inline constexpr Flag kLeaseFlag = {
    "lease", "DURATION", "How long a worker has for each attempt; workers may extend it."};
inline constexpr Flag kMaxAttemptsFlag = {
    "max-attempts", "N", "Give a run up, as a dead letter, when this many attempts have failed."};
inline constexpr Flag kInitialBackoffFlag = {"initial-backoff", "DURATION",
                                             "The wait after the first attempt that failed."};
inline constexpr Flag kMaxBackoffFlag = {"max-backoff", "DURATION",
                                         "No wait between two attempts is longer."};
inline constexpr Flag kBackoffFactorFlag = {"backoff-factor", "X",
                                            "Each wait is X times the one before."};

// Reads them into `to`, a message that has a lease and a retry policy. What is not there stays
// unset.
template <typename Message>
void ReadDelivery(FlagReader& reader, Message* to) {
  using Sign = FlagReader::Sign;
  if (reader.Has(kLeaseFlag.name)) {
    reader.Read(kLeaseFlag.name, Sign::kPositive, to->mutable_lease());
  }
  if (reader.Has(kMaxAttemptsFlag.name)) {
    to->mutable_retry()->set_max_attempts(static_cast<uint32_t>(
        reader.Number(kMaxAttemptsFlag.name, 1, std::numeric_limits<uint32_t>::max())));
  }
  if (reader.Has(kInitialBackoffFlag.name)) {
    reader.Read(kInitialBackoffFlag.name, Sign::kPositive,
                to->mutable_retry()->mutable_initial_backoff());
  }
  if (reader.Has(kMaxBackoffFlag.name)) {
    reader.Read(kMaxBackoffFlag.name, Sign::kPositive, to->mutable_retry()->mutable_max_backoff());
  }
  if (reader.Has(kBackoffFactorFlag.name)) {
    to->mutable_retry()->set_factor(reader.Real(kBackoffFactorFlag.name, 1));
  }
}

}  // namespace timerd::cli
