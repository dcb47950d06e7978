// From the service's own types to the messages of the API.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "server/reactor/command.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::service {

void Translate(Instant from, google::protobuf::Timestamp* to);
void Translate(Span from, google::protobuf::Duration* to);
void Translate(const reactor::Opened& from, v1::Acknowledgement* to);
void Translate(const reactor::Notice& from, v1::Event* to);
void Translate(const timer::RetryPolicy& from, v1::RetryPolicy* to);
// `wall_ahead` as in base/due_key.h.
void Translate(const timer::Handle& from, Span wall_ahead, v1::Handle* to);

// The answers of calls about one handle.
void Translate(const reactor::Cancelled& from, v1::CancelResponse* to);
void Translate(const reactor::Stopped& from, v1::StopLoopResponse* to);
void Translate(const reactor::Reported& from, v1::ReportResponse* to);
void Translate(const reactor::Moved& from, v1::RescheduleResponse* to);
void Translate(const reactor::Got& from, v1::GetResponse* to);
void Translate(const reactor::Steered& from, v1::PauseLoopResponse* to);
void Translate(const reactor::Steered& from, v1::ResumeLoopResponse* to);
void Translate(const reactor::Steered& from, v1::ResetLoopResponse* to);
void Translate(const reactor::Steered& from, v1::ChangeIntervalResponse* to);
void Translate(const reactor::Steered& from, v1::TriggerLoopResponse* to);
void Translate(const reactor::TimeRead& from, v1::NowResponse* to);
void Translate(const reactor::Advanced& from, v1::AdvanceResponse* to);
void Translate(const reactor::Advanced& from, v1::AdvanceToNextResponse* to);

v1::Kind ToApi(timer::Kind kind);
v1::State ToApi(timer::Phase phase);
// REQUIRES: `type` is an end.
v1::End ToEnd(timer::EventType type);

}  // namespace timerd::service
