#include "server/service/batch.h"

#include <atomic>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "server/base/handle_key.h"
#include "server/service/commands.h"
#include "server/service/refusals.h"
#include "server/service/status_mapping.h"
#include "server/service/translation.h"

namespace timerd::service {
namespace {

// Where the answer of each operation goes.
v1::Acknowledgement* Field(const reactor::Opened&, v1::BatchResult* to) {
  return to->mutable_acknowledged();
}
v1::CancelResponse* Field(const reactor::Cancelled&, v1::BatchResult* to) {
  return to->mutable_cancel();
}
v1::StopLoopResponse* Field(const reactor::Stopped&, v1::BatchResult* to) {
  return to->mutable_stop_loop();
}
v1::ReportResponse* Field(const reactor::Reported&, v1::BatchResult* to) {
  return to->mutable_report();
}
v1::RescheduleResponse* Field(const reactor::Moved&, v1::BatchResult* to) {
  return to->mutable_reschedule();
}

// Says which item, in words and in the field that the reason names.
absl::Status InItem(int index, const absl::Status& status) {
  const std::string item = absl::StrCat("items[", index, "]");
  const std::string field = DetailOf(status);
  if (ReasonOf(status) == ReasonName(Reason::kInvalidField) && !field.empty()) {
    return Refuse(Reason::kInvalidField, absl::StrCat(item, ": ", status.message()),
                  absl::StrCat(item, ".", field));
  }
  return Prefixed(absl::StrCat(item, ": "), status);
}

// Waits for the answers. Shared by the replies; results of different items are different objects,
// so shards fill them side by side.
class Gathering {
 public:
  Gathering(CallCounts& calls, BatchResults& results, absl::AnyInvocable<void()> done)
      : calls_(calls), results_(results), missing_(results.size()), done_(std::move(done)) {}

  template <typename Result>
  void Answer(int index, const absl::StatusOr<Result>& result) {
    if (result.ok()) {
      Translate(*result, Field(*result, results_.Mutable(index)));
    } else {
      calls_.CountPart(result.status());
      *results_.Mutable(index)->mutable_error() = ToDetails(InItem(index, result.status()));
    }
    if (missing_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      done_();
    }
  }

 private:
  CallCounts& calls_;
  BatchResults& results_;
  std::atomic<int> missing_;
  absl::AnyInvocable<void()> done_;
};

class Batch {
 public:
  Batch(const Validator& validator, Router& router, std::string name_space,
        std::shared_ptr<Gathering> gathering)
      : validator_(validator),
        router_(router),
        name_space_(std::move(name_space)),
        gathering_(std::move(gathering)) {}

  void CarryOut(int index, const v1::BatchItem& item) {
    switch (item.operation_case()) {
      case v1::BatchItem::kSchedule:
        return Post<reactor::Opened>(index, item.schedule());
      case v1::BatchItem::kStartLoop:
        return Post<reactor::Opened>(index, item.start_loop());
      case v1::BatchItem::kWithTimeout:
        return Post<reactor::Opened>(index, item.with_timeout());
      case v1::BatchItem::kCancel:
        return Post<reactor::Cancelled>(index, item.cancel());
      case v1::BatchItem::kStopLoop:
        return Post<reactor::Stopped>(index, item.stop_loop());
      case v1::BatchItem::kReport:
        return Post<reactor::Reported>(index, item.report());
      case v1::BatchItem::kReschedule:
        return Post<reactor::Moved>(index, item.reschedule());
      case v1::BatchItem::OPERATION_NOT_SET:
        break;
    }
    gathering_->Answer<reactor::Cancelled>(index,
                                           BadField("operation", "no operation is set; set one"));
  }

 private:
  template <typename Result>
  reactor::Reply<Result> Reply(int index) const {
    return [gathering = gathering_, index](const absl::StatusOr<Result>& result) {
      gathering->Answer(index, result);
    };
  }

  template <typename Result, typename Request>
  void Post(int index, const Request& request) {
    absl::StatusOr<std::string> key = Claim(index, request);
    if (!key.ok()) {
      return gathering_->Answer<Result>(index, key.status());
    }
    const absl::StatusOr<ShardPort> shard = router_.For(*key);
    if (!shard.ok()) {
      return gathering_->Answer<Result>(index, shard.status());
    }
    absl::StatusOr<reactor::Command> command =
        ToCommand(validator_, request, *std::move(key), Reply<Result>(index));
    if (!command.ok()) {
      return gathering_->Answer<Result>(index, command.status());
    }
    shard->port->Post(*std::move(command));
  }

  // The key of the handle that the item is for, which no other item may name.
  template <typename Request>
  absl::StatusOr<std::string> Claim(int index, const Request& request) {
    if (!request.namespace_().empty() && request.namespace_() != name_space_) {
      return BadField("namespace", "namespace \"", request.namespace_(),
                      "\" is not the batch's, \"", name_space_,
                      "\"; leave it out, or send another batch");
    }
    TIMERD_ASSIGN_OR_RETURN(std::string key, ToKey(validator_, name_space_, request));
    const auto [claimed, is_new] = claimed_.emplace(key, index);
    if (!is_new) {
      return BadField("id", "id \"", IdOf(key), "\" is named by items[", claimed->second,
                      "] too; there is no order between items, so name an id once and send the "
                      "rest in a later batch");
    }
    return key;
  }

  const Validator& validator_;
  Router& router_;
  const std::string name_space_;
  const std::shared_ptr<Gathering> gathering_;
  absl::flat_hash_map<std::string, int> claimed_;
};

}  // namespace

absl::Status CheckBatch(const BatchItems& items, size_t max_items) {
  if (items.empty()) {
    return BadField("items", "the batch has no items; send at least one");
  }
  if (static_cast<size_t>(items.size()) > max_items) {
    return Refuse(Reason::kLimitExceeded,
                  absl::StrCat("the batch has ", items.size(), " items, above --max-batch-items=",
                               max_items, "; send several, or raise the flag"),
                  "max-batch-items");
  }
  return absl::OkStatus();
}

void CarryOut(const Validator& validator, Router& router, CallCounts& calls,
              const std::string& name_space, const BatchItems& items, BatchResults& results,
              absl::AnyInvocable<void()> done) {
  for (int i = 0; i < items.size(); ++i) {
    results.Add();
  }
  Batch batch(validator, router, name_space,
              std::make_shared<Gathering>(calls, results, std::move(done)));
  for (int i = 0; i < items.size(); ++i) {
    batch.CarryOut(i, items.Get(i));
  }
}

}  // namespace timerd::service
