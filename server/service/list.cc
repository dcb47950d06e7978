// Of TimersService: List, which asks every shard.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "server/base/handle_key.h"
#include "server/base/mutex.h"
#include "server/base/status.h"
#include "server/service/page.h"
#include "server/service/page_size.h"
#include "server/service/timers_service.h"
#include "server/service/translation.h"

namespace timerd::service {
namespace {

template <typename Enum, typename Domain>
absl::Status CheckFilter(absl::string_view field, Enum value, bool is_known,
                         std::optional<Domain>* to) {
  if (!is_known) {
    return Refuse(Reason::kInvalidField,
                  absl::StrCat("List: ", field, " ", static_cast<int>(value),
                               " is not a known value; leave it unset for all"),
                  field);
  }
  if (static_cast<int>(value) != 0) {
    *to = static_cast<Domain>(static_cast<int>(value) - 1);
  }
  return absl::OkStatus();
}

// Gathers one page of each shard and answers when the last has come.
class ListCall {
 public:
  // `finish(status)` ends the call.
  ListCall(const reactor::ListFilter& filter, size_t shards, size_t max_rows,
           absl::AnyInvocable<void(const absl::Status&)> finish, v1::ListResponse* response)
      : filter_(filter),
        max_rows_(max_rows),
        response_(response),
        finish_(std::move(finish)),
        pages_(shards) {
    missing_ = shards;
  }

  void OnPage(size_t shard, absl::StatusOr<reactor::Listed> listed) {
    const MutexLock lock(mutex_);
    if (listed.ok()) {
      pages_[shard] = *std::move(listed);
    } else {
      error_ = listed.status();
    }
    if (--missing_ == 0) {
      Answer();
    }
  }

 private:
  void Answer() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (error_.ok()) {
      const bool pending = filter_.phase == timer::Phase::kPending;
      const Page page = MergePages(std::move(pages_), pending, max_rows_);
      Translate(page.now, response_->mutable_now());
      for (const timer::Handle& handle : page.handles) {
        Translate(handle, page.wall_ahead, response_->add_handles());
      }
      if (page.next) {
        response_->set_next_page_token(ToPageToken(*page.next, filter_));
      }
    }
    finish_(error_);
  }

  const reactor::ListFilter filter_;
  const size_t max_rows_;
  v1::ListResponse* const response_;

  Mutex mutex_;
  absl::AnyInvocable<void(const absl::Status&)> finish_ ABSL_GUARDED_BY(mutex_);
  std::vector<reactor::Listed> pages_ ABSL_GUARDED_BY(mutex_);
  size_t missing_ ABSL_GUARDED_BY(mutex_);
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

grpc::ServerUnaryReactor* TimersService::List(grpc::CallbackServerContext* context,
                                              const v1::ListRequest* request,
                                              v1::ListResponse* response) {
  grpc::ServerUnaryReactor* const call = context->DefaultReactor();
  reactor::ListFilter filter;
  PageStart start;
  size_t rows = 0;
  std::vector<ShardPort> shards;
  const absl::Status status = [&]() -> absl::Status {
    TIMERD_RETURN_IF_ERROR(Admit(*request));
    TIMERD_RETURN_IF_ERROR(
        CheckFilter("state", request->state(), v1::State_IsValid(request->state()), &filter.phase));
    TIMERD_RETURN_IF_ERROR(
        CheckFilter("kind", request->kind(), v1::Kind_IsValid(request->kind()), &filter.kind));
    TIMERD_ASSIGN_OR_RETURN(const std::string name, Validator::ToNamespace(request->namespace_()));
    if (!request->id_prefix().empty()) {
      TIMERD_RETURN_IF_ERROR(validator_.CheckId("id_prefix", request->id_prefix()));
    }
    filter.prefix = HandleKey(name, request->id_prefix());
    TIMERD_ASSIGN_OR_RETURN(rows, ToPageSize("List", request->page_size()));
    TIMERD_ASSIGN_OR_RETURN(start, FromPageToken(request->page_token(), filter));
    TIMERD_ASSIGN_OR_RETURN(shards, router_.AllOf(name));
    return absl::OkStatus();
  }();
  if (!status.ok()) {
    Finish<v1::ListRequest>(call, status);
    return call;
  }
  auto gathered = std::make_shared<ListCall>(
      filter, shards.size(), rows,
      [this, call](const absl::Status& end) { Finish<v1::ListRequest>(call, end); }, response);
  for (uint32_t i = 0; i < shards.size(); ++i) {
    shards[i].port->Post(
        reactor::List{.filter = filter,
                      .after = CursorOf(start, i),
                      .max_rows = rows,
                      .reply = [gathered, i](absl::StatusOr<reactor::Listed> listed) {
                        gathered->OnPage(i, std::move(listed));
                      }});
  }
  return call;
}

}  // namespace timerd::service
