#include "server/push/occurrence_message.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <string>

#include "server/base/handle_key.h"

namespace timerd::push {
namespace {

google::protobuf::Timestamp ToTimestamp(Instant instant) {
  return google::protobuf::util::TimeUtil::NanosecondsToTimestamp(ToNanos(instant));
}

}  // namespace

v1::Occurrence ToMessage(const reactor::Occurrence& occurrence) {
  v1::Occurrence message;
  message.set_id(std::string(IdOf(occurrence.key)));
  message.set_kind(occurrence.kind == timer::Kind::kLoop ? v1::KIND_LOOP : v1::KIND_TIMER);
  message.set_generation(occurrence.generation);
  message.set_run(occurrence.run);
  message.set_attempt(occurrence.attempt);
  message.set_lease(occurrence.lease);
  *message.mutable_lease_end() = ToTimestamp(occurrence.lease_end);
  if (occurrence.deadline) {
    *message.mutable_deadline() = ToTimestamp(*occurrence.deadline);
  }
  *message.mutable_time() = ToTimestamp(occurrence.time);
  message.set_payload(occurrence.payload);
  message.set_count(occurrence.count);
  message.set_missed(occurrence.count - std::min<uint64_t>(occurrence.count, 1));
  message.set_last_attempt(occurrence.last_attempt);
  return message;
}

v1::DeliverRequest ToRequest(absl::string_view queue, const reactor::Occurrence& occurrence) {
  v1::DeliverRequest request;
  *request.mutable_occurrence() = ToMessage(occurrence);
  request.set_queue(std::string(IdOf(queue)));
  request.set_namespace_(std::string(NamespaceOf(queue)));
  return request;
}

}  // namespace timerd::push
