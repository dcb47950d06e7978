#include "server/reactor/census.h"

#include <array>
#include <future>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/reactor/codec.h"

namespace timerd::reactor {
namespace {

// Counts live handles by kind until `stopping`. Calls `begun` once `state` is seen as it stays
// seen.
absl::Status Count(const store::StateStore& state, const std::atomic<bool>& stopping,
                   std::promise<void>& begun, NamespaceUsage& usage) {
  std::array<int64_t, kKinds> live{};
  bool first = true;
  absl::Status decoded;
  const absl::Status walked = state.Walk("", "", [&](auto id, auto spec, auto state_bytes) {
    if (first) {
      first = false;
      begun.set_value();
    }
    const absl::StatusOr<timer::Handle> handle = Decode(id, spec, state_bytes);
    if (!handle.ok()) {
      decoded = handle.status();
    } else if (handle->phase != timer::Phase::kEnded) {
      ++live[static_cast<size_t>(handle->spec.kind)];
    }
    return decoded.ok() && !stopping.load(std::memory_order_relaxed);
  });
  if (first) {
    begun.set_value();
  }
  for (size_t kind = 0; kind < kKinds; ++kind) {
    usage.OnFound(static_cast<timer::Kind>(kind), live[kind]);
  }
  TIMERD_RETURN_IF_ERROR(walked);
  return decoded;
}

}  // namespace

Census::Census(const store::StateStore& state, NamespaceUsage& usage) {
  std::promise<void> begun;
  std::future<void> is_begun = begun.get_future();
  thread_ = std::thread([this, &state, &usage, begun = std::move(begun)]() mutable {
    if (const absl::Status counted = Count(state, stopping_, begun, usage); !counted.ok()) {
      // The shard will meet the damage itself, and stop the server, if anybody needs what it hit.
      LogWarning(absl::StrCat("counting the handles that are there: ", counted.ToString()));
    }
  });
  is_begun.wait();
}

Census::~Census() {
  stopping_.store(true);
  thread_.join();
}

}  // namespace timerd::reactor
