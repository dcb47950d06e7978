// Of Shard: the frame that all commands about one handle fit into. Included by Shard's sources
// only.
#pragma once

#include <string>
#include <tuple>
#include <utility>

#include "server/reactor/shard.h"

namespace timerd::reactor {

// What no step changes without changing the handle: an unchanged one is not written.
inline auto Outline(const timer::Handle& handle, uint64_t next_place) {
  return std::tuple(handle.phase, handle.sequence, handle.run, handle.reported_run,
                    handle.loop->paused, handle.loop->interval, next_place);
}

template <typename T>
void Shard::Answer(Reply<T> reply, absl::StatusOr<T> answer) {
  outputs_.push_back(
      {LatestFrame(), [reply = std::move(reply), answer = std::move(answer)]() mutable {
         reply(std::move(answer));
       }});
}

template <typename Result, typename Step, typename ToAnswer>
void Shard::Change(const std::string& key, Reply<Result> reply, Step step, ToAnswer to_answer) {
  const absl::StatusOr<Slot> slot = Find(key);
  if (!slot.ok()) {
    return Answer<Result>(std::move(reply), slot.status());
  }
  timer::Handle& handle = residents_[*slot].handle;
  timer::Context context = MakeContext();
  const auto before = Outline(handle, next_place_);
  auto result = step(handle, context);
  if (!result.ok()) {
    Settle(*slot);
    return Answer<Result>(std::move(reply), result.status());
  }
  Result answer = to_answer(*result, handle);
  if (context.covered || Outline(handle, next_place_) == before) {
    Settle(*slot);
  } else {
    MarkDirty(*slot);
  }
  Answer<Result>(std::move(reply), std::move(answer));
  Emit(*slot, LatestFrame(), /*redelivery=*/false);
}

}  // namespace timerd::reactor
