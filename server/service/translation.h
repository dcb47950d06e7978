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
void Translate(const timer::Handle& from, v1::Handle* to);

v1::Kind ToApi(timer::Kind kind);
v1::State ToApi(timer::Phase phase);
// REQUIRES: `type` is an end.
v1::End ToEnd(timer::EventType type);

}  // namespace timerd::service
