// Many operations carried out together: each posted to its shard, the answers gathered.
#pragma once

#include <cstddef>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "server/service/call_counts.h"
#include "server/service/router.h"
#include "server/service/validation.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::service {

using BatchItems = google::protobuf::RepeatedPtrField<v1::BatchItem>;
using BatchResults = google::protobuf::RepeatedPtrField<v1::BatchResult>;

// Whether `items` may be carried out as a batch at all: it has some, and no more than `max_items`.
absl::Status CheckBatch(const BatchItems& items, size_t max_items);

// Carries out `items` in namespace `name_space`, which is checked here. Fills `results`, one an
// item, then calls `done` once: on the last shard that answers, or on this thread. `items` is read
// before this returns; `results` must live until `done` is called.
void CarryOut(const Validator& validator, Router& router, CallCounts& calls,
              const std::string& name_space, const BatchItems& items, BatchResults& results,
              absl::AnyInvocable<void()> done);

}  // namespace timerd::service
