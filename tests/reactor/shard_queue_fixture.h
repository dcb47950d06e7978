// A shard with queues, whose workers are a number that the test sets.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/reactor/shard_fixture.h"

namespace timerd::reactor {

// A queue whose workers are a number that the test sets.
class FakeQueue final : public Queue {
 public:
  std::shared_ptr<Worker> Claim(uint32_t) override {
    if (credit == 0) {
      return nullptr;
    }
    --credit;
    return worker;
  }
  timer::DeliveryPolicy policy() const override { return settings; }
  void Count(int by_scheduled, int by_waiting, int by_leased, int by_dead) override {
    scheduled += by_scheduled;
    waiting += by_waiting;
    leased += by_leased;
    dead += by_dead;
  }
  absl::Status Admit(Instant, bool in_place) override {
    scheduled += admitted.ok() ? 1 : 0;
    last_in_place = in_place;
    return admitted;
  }
  void Withdraw() override { --scheduled; }

  int credit = 0;
  std::shared_ptr<Worker> worker;
  timer::DeliveryPolicy settings;
  absl::Status admitted;
  bool last_in_place = false;
  int scheduled = 0, waiting = 0, leased = 0, dead = 0;
};

class ShardQueueTest : public ShardTest, public QueueDirectory {
 protected:
  class Recorder final : public Worker {
   public:
    void Deliver(Occurrence occurrence) override { delivered.push_back(std::move(occurrence)); }
    void OnLeaseOver(absl::string_view key, uint64_t lease, bool revoked) override {
      over.emplace_back(std::string(IdOf(key)), lease, revoked);
    }
    std::vector<Occurrence> delivered;
    std::vector<std::tuple<std::string, uint64_t, bool>> over;
  };

  ShardQueueTest() { options_.queues = this; }

  std::shared_ptr<Queue> Get(absl::string_view name) override { return Find(std::string(name)); }
  absl::Status RefuseNew(absl::string_view) const override {
    return Refuse(Reason::kLimitExceeded, "no more", "max-queues");
  }
  std::shared_ptr<FakeQueue> Find(const std::string& name) {
    if (none_) {
      return nullptr;
    }
    auto& queue = queues_[name];
    if (queue == nullptr) {
      queue = std::make_shared<FakeQueue>();
      queue->worker = worker_;
    }
    return queue;
  }
  FakeQueue& mail() { return *Find("default/mail"); }

  void CreateQueued(const std::string& id, double delay, const std::string& queue = "mail") {
    Create(id, {.kind = timer::Kind::kTimer,
                .reported = true,
                .span = Seconds(delay),
                .payload = "payload of " + id,
                .queue = queue});
  }
  // A worker of `queue` can take so many more.
  void Offer(int credit, const std::string& queue = "mail") {
    Find("default/" + queue)->credit += credit;
    shard_->Execute(reactor::Dispatch{"default/" + queue});
    Settle();
  }
  Answer<Settled> SettleWith(const Occurrence& occurrence, timer::Verdict verdict,
                             const Worker* by = nullptr) {
    auto answer = std::make_shared<std::optional<absl::StatusOr<Settled>>>();
    shard_->Execute(reactor::Settle{occurrence.key, occurrence.lease, std::move(verdict),
                                    [answer](absl::StatusOr<Settled> s) { *answer = s; }, by});
    ShardTest::Settle();
    return answer;
  }
  std::vector<std::string> Delivered() {
    std::vector<std::string> shown;
    for (const Occurrence& each : std::exchange(worker_->delivered, {})) {
      shown.push_back(absl::StrCat(IdOf(each.key), " ", each.attempt));
    }
    return shown;
  }
  template <typename T, typename Command>
  absl::StatusOr<T> Ask(Command command) {
    std::optional<absl::StatusOr<T>> answer;
    command.reply = [&answer](absl::StatusOr<T> given) { answer = std::move(given); };
    shard_->Execute(std::move(command));
    Settle();
    return answer ? *answer : absl::InternalError("not answered");
  }

  std::shared_ptr<Recorder> worker_ = std::make_shared<Recorder>();
  std::map<std::string, std::shared_ptr<FakeQueue>> queues_;
  bool none_ = false;
};

}  // namespace timerd::reactor
