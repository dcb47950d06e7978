#include "server/service/translation.h"

namespace timerd::service {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

// seconds rounded down, nanos in [0, 1 s).
void Split(int64_t ns, google::protobuf::Timestamp* to) {
  int64_t seconds = ns / kNanosPerSecond;
  int64_t nanos = ns % kNanosPerSecond;
  if (nanos < 0) {
    --seconds;
    nanos += kNanosPerSecond;
  }
  to->set_seconds(seconds);
  to->set_nanos(static_cast<int32_t>(nanos));
}

v1::Event::Type ToApi(timer::EventType type) {
  return static_cast<v1::Event::Type>(static_cast<int>(type) + 1);
}

static_assert(static_cast<int>(timer::EventType::kCancelled) + 1 == v1::Event::TYPE_CANCELLED);
static_assert(static_cast<int>(timer::Kind::kTask) + 1 == v1::KIND_TASK);
static_assert(static_cast<int>(timer::Phase::kEnded) + 1 == v1::STATE_ENDED);

}  // namespace

void Translate(Instant from, google::protobuf::Timestamp* to) { Split(ToNanos(from), to); }

void Translate(Span from, google::protobuf::Duration* to) {
  to->set_seconds(from.count() / kNanosPerSecond);
  to->set_nanos(static_cast<int32_t>(from.count() % kNanosPerSecond));
}

void Translate(const reactor::Opened& from, v1::Acknowledgement* to) {
  to->set_id(from.id);
  Translate(from.now, to->mutable_now());
  if (from.deadline) {
    Translate(*from.deadline, to->mutable_deadline());
  }
  to->set_existed(from.existed);
}

void Translate(const reactor::Notice& from, v1::Event* to) {
  const timer::Event& event = from.event;
  to->set_id(from.id);
  to->set_kind(ToApi(from.kind));
  to->set_type(ToApi(event.type));
  to->set_sequence(event.sequence);
  Translate(event.time, to->mutable_time());
  if (event.deadline) {
    Translate(*event.deadline, to->mutable_deadline());
  }
  to->set_run(event.run);
  to->set_payload(event.payload);
  to->set_count(event.count);
  to->set_missed(event.count > 0 ? event.count - 1 : 0);
  if (event.timeout) {
    Translate(*event.timeout, to->mutable_timeout());
  }
  to->set_by_timeout(event.by_timeout);
  to->set_redelivery(from.redelivery);
}

void Translate(const timer::Handle& from, v1::Handle* to) {
  to->set_id(from.id);
  to->set_kind(ToApi(from.spec.kind));
  to->set_state(ToApi(from.phase));
  to->set_reported(from.spec.reported);
  Translate(from.created, to->mutable_created());
  if (from.due) {
    Translate(from.due->at, to->mutable_deadline());
  }
  for (const timer::Timeout& timeout : from.timeouts) {
    v1::Handle::Timeout* added = to->add_timeouts();
    Translate(timeout.due.at, added->mutable_deadline());
    Translate(timeout.span, added->mutable_timeout());
  }
  to->set_run(from.run);
  to->set_sequence(from.sequence);
  to->set_payload(from.spec.payload);
  if (from.spec.kind == timer::Kind::kLoop) {
    Translate(from.interval, to->mutable_interval());
  }
  if (from.end) {
    to->set_end(ToEnd(from.end->type));
    Translate(from.end->time, to->mutable_ended());
    to->set_end_payload(from.end->payload);
    to->set_by_timeout(from.end->by_timeout);
  }
}

v1::Kind ToApi(timer::Kind kind) { return static_cast<v1::Kind>(static_cast<int>(kind) + 1); }

v1::State ToApi(timer::Phase phase) { return static_cast<v1::State>(static_cast<int>(phase) + 1); }

v1::End ToEnd(timer::EventType type) {
  switch (type) {
    case timer::EventType::kFired:
      return v1::END_FIRED;
    case timer::EventType::kCompleted:
      return v1::END_COMPLETED;
    case timer::EventType::kStopped:
      return v1::END_STOPPED;
    case timer::EventType::kFailed:
      return v1::END_FAILED;
    case timer::EventType::kCancelled:
      return v1::END_CANCELLED;
    case timer::EventType::kTimedOut:
      return v1::END_TIMED_OUT;
    case timer::EventType::kTick:
      break;
  }
  return v1::END_UNSPECIFIED;
}

}  // namespace timerd::service
