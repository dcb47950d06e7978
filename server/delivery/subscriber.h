// One that is told the events of a handle: a stream, seen from below.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "server/reactor/command.h"

namespace timerd::delivery {

// Told on the shard's thread; none of these calls blocks.
class Subscriber {
 public:
  virtual ~Subscriber() = default;

  // The first message. Comes once, before all events; or OnRefused() comes instead of it.
  virtual void OnOpened(const reactor::Opened& opened) = 0;
  virtual void OnRefused(const absl::Status& status) = 0;
  // An event, in order. Nothing follows one whose `end` is set.
  virtual void OnEvent(std::shared_ptr<const reactor::Notice> notice) = 0;
  // True once it will take no more. Stays true.
  virtual bool IsGone() const = 0;
};

}  // namespace timerd::delivery
