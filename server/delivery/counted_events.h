// Counts the events of a shard on their way to whoever follows them.
#pragma once

#include <memory>
#include <utility>

#include "server/reactor/shard.h"
#include "server/reactor/usage.h"

namespace timerd::delivery {

class CountedEvents final : public reactor::EventSink {
 public:
  // Both outlive it.
  CountedEvents(reactor::NamespaceUsage& usage, reactor::EventSink& next)
      : usage_(usage), next_(next) {}

  void OnEvent(std::shared_ptr<const reactor::Notice> notice) override {
    usage_.OnEvent(notice->kind, notice->event, notice->end);
    next_.OnEvent(std::move(notice));
  }

 private:
  reactor::NamespaceUsage& usage_;
  reactor::EventSink& next_;
};

}  // namespace timerd::delivery
