// Queues as a shard sees them: who carries out what is due.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/timer/delivery.h"
#include "server/timer/handle.h"

namespace timerd::reactor {

// One run, handed to one worker.
struct Occurrence {
  std::string key;  // of the handle: namespace and id
  timer::Kind kind = timer::Kind::kTimer;
  uint64_t generation = 1;
  uint64_t run = 0;
  uint32_t attempt = 0;
  uint64_t lease = 0;
  Instant lease_end;
  std::optional<Instant> deadline;
  Instant time;
  uint64_t count = 0;
  std::string payload;
  bool last_attempt = false;
};

// One that carries out runs: a Work stream, or a push target. Told on shards' threads, of several
// shards at once; none of these calls blocks.
class Worker {
 public:
  virtual ~Worker() = default;

  // The occurrence that a Claim() was for; the lease is durable. Owes one settlement of it: a
  // worker that is gone owes a reactor::Abandon.
  virtual void Deliver(Occurrence occurrence) = 0;
  // The lease is over: settled (over whatever stream), or taken away. Its credit is free again.
  // Comes once for each Deliver(), after it.
  virtual void OnLeaseOver(absl::string_view key, uint64_t lease, bool revoked) = 0;
};

// What all shards know of one queue. Any thread.
class Queue {
 public:
  virtual ~Queue() = default;

  // The next worker in turn that has credit, one of which is taken; null if there is none or the
  // queue is paused: then shard `shard` is sent a Dispatch when that changes.
  virtual std::shared_ptr<Worker> Claim(uint32_t shard) = 0;
  // What holds for handles that bring nothing of their own.
  virtual timer::DeliveryPolicy policy() const = 0;
  // How many more handles of this shard are in each stage.
  virtual void Count(int scheduled, int waiting, int leased, int dead_letters) = 0;
  // Whether one more handle may name this queue, `in_place` of one that counts as scheduled in it.
  // OK: it is counted as scheduled. RESOURCE_EXHAUSTED when too many wait, are scheduled, or have
  // come within a second.
  virtual absl::Status Admit(Instant now, bool in_place) = 0;
  // What was admitted last is not made after all.
  virtual void Withdraw() = 0;
};

// Finds queues. Any thread.
class QueueDirectory {
 public:
  virtual ~QueueDirectory() = default;

  // The queue `name`, namespace and queue ("billing/mail"), from now on if it is new; null if it is
  // and there are as many as there may be. Callers keep the pointer.
  virtual std::shared_ptr<Queue> Get(absl::string_view name) = 0;
  // What is said to one that asked for a queue in vain.
  virtual absl::Status RefuseNew(absl::string_view name) const = 0;
};

}  // namespace timerd::reactor
