// How a run is handed to the workers of a queue: leases, attempts and what comes between them.
//
// Functions of (handle, command, time) alone, like those of machine.h, which they belong to.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/due_key.h"
#include "server/base/instant.h"

namespace timerd::timer {

struct Context;
struct Handle;
enum class Fired;

// When and how often a run is tried again. 0: as the queue says.
struct RetryPolicy {
  Span initial_backoff{};
  double factor = 0;
  Span max_backoff{};
  uint32_t max_attempts = 0;
  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

// What a handle brings or its queue has for it.
struct DeliveryPolicy {
  Span lease{};  // 0: as the queue says
  RetryPolicy retry;
  friend bool operator==(const DeliveryPolicy&, const DeliveryPolicy&) = default;
};

// What holds where neither handle nor queue says anything.
inline constexpr DeliveryPolicy kDefaultDelivery = {
    .lease = std::chrono::seconds(30),
    .retry = {.initial_backoff = std::chrono::seconds(1),
              .factor = 2,
              .max_backoff = std::chrono::minutes(5),
              .max_attempts = 10}};

// `policy` with what it leaves open taken from `fallback`.
DeliveryPolicy WithDefaults(DeliveryPolicy policy, const DeliveryPolicy& fallback);

// How the run under way is delivered, of a handle that names a queue.
struct Delivery {
  uint32_t attempts = 0;        // at the run under way, or at the last one
  uint32_t released = 0;        // of those, given back untried
  uint64_t lease = 0;           // names the lease; 0: there is none
  std::optional<Deadline> due;  // the end of the lease, or when the next attempt is due
};

// Where a handle that names a queue stands.
enum class Stage : uint8_t {
  kIdle,     // not due, or over
  kWaiting,  // due: waits for a worker
  kLeased,   // a worker has it
  kBackoff,  // waits for its next attempt to be due
};
Stage StageOf(const Handle& handle);

// Its place in its queue while it waits there, kTimeline::kQueue; nothing otherwise.
std::optional<DueKey> WaitingKey(const Handle& handle);

// The policy that holds for `handle`, complete.
DeliveryPolicy PolicyOf(const Handle& handle, const DeliveryPolicy& queue_policy);

// Whether the policy allows no attempt after those made.
bool IsLastAttempt(const Handle& handle, const DeliveryPolicy& policy);

// Its deadline, or that of the next attempt, has come: it waits in its queue.
void Enqueue(Handle& handle, const Context& context);

// A worker takes what waits, under the lease that `lease`, not 0, names. The first attempt begins
// the run and makes its event.
void Lease(Handle& handle, uint64_t lease, Context& context);

// Nobody carries out a run of it any more.
void StopDelivery(Handle& handle);

// What became of a run.
struct Failure {
  std::string payload;
  bool final = false;
  std::optional<Span> retry_after;
};
struct Success {
  std::string payload;
};
struct Extend {
  Span span;
};
struct Release {};
using Verdict = std::variant<Success, Failure, Extend, Release>;

struct SettleResult {
  std::optional<Instant> lease_end;     // Extend
  std::optional<Instant> next_attempt;  // a Failure that is tried again
};
// Settles the lease `lease`. NOT_LEASED when it is over, NOT_YOURS when there is another.
absl::StatusOr<SettleResult> Settle(Handle& handle, uint64_t lease, const Verdict& verdict,
                                    Context& context);

// The stream that held the lease is gone: it ends at `until`, unless it ends before. Returns false
// when that changes nothing.
bool Shorten(Handle& handle, uint64_t lease, Instant until, Context& context);

// The lease has lapsed, or the next attempt is due. For Fire().
Fired FireDelivery(Handle& handle, Context& context);

// What waits in its queue is dropped: a timer ends, a loop goes on. REQUIRES: WaitingKey().
void Purge(Handle& handle, Context& context);

}  // namespace timerd::timer
