// Of QueueSimulation: its queues and workers, as the shard sees them.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/base/handle_key.h"
#include "tests/simulation/queue_simulation.h"

namespace timerd::simulation {

class QueueSimulation::Worker final : public reactor::Worker {
 public:
  Worker(QueueSimulation& simulation, std::string queue, uint32_t credit)
      : simulation_(simulation), queue_(std::move(queue)), credit_(credit) {}

  void Deliver(reactor::Occurrence occurrence) override {
    simulation_.OnDelivered(*this, occurrence);
  }
  void OnLeaseOver(absl::string_view key, uint64_t lease, bool revoked) override {
    --in_flight_;
    simulation_.OnLeaseOver(*this, std::string(key), lease, revoked);
  }

  const std::string& queue() const { return queue_; }
  bool HasCredit() const { return !gone && in_flight_ < credit_; }
  void Claim() { ++in_flight_; }
  void set_credit(uint32_t credit) { credit_ = credit; }

  bool gone = false;
  std::vector<Held> held;

 private:
  QueueSimulation& simulation_;
  const std::string queue_;
  uint32_t credit_;
  uint32_t in_flight_ = 0;
};

class QueueSimulation::Queue final : public reactor::Queue {
 public:
  Queue(QueueSimulation& simulation, std::string name, timer::DeliveryPolicy policy)
      : simulation_(simulation), name_(std::move(name)), policy_(policy) {}

  std::shared_ptr<reactor::Worker> Claim(uint32_t) override {
    std::shared_ptr<Worker> worker = paused ? nullptr : simulation_.OnClaim(name_);
    asleep = worker == nullptr;
    return worker;
  }
  timer::DeliveryPolicy policy() const override { return policy_; }
  void Count(int scheduled, int waiting, int leased, int dead_letters) override {
    counts.scheduled += scheduled;
    counts.waiting += waiting;
    counts.leased += leased;
    counts.dead += dead_letters;
  }
  absl::Status Admit(Instant, bool) override {
    ++counts.scheduled;
    return absl::OkStatus();
  }
  void Withdraw() override { --counts.scheduled; }

  bool paused = false;
  bool asleep = false;  // the shard waits for a Dispatch
  QueueModel::Counts counts;

 private:
  QueueSimulation& simulation_;
  const std::string name_;
  const timer::DeliveryPolicy policy_;
};

}  // namespace timerd::simulation
