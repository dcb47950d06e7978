// Linked against the installed API alone.
#include "timerd/v1/errors.pb.h"
#include "timerd/v1/timers.grpc.pb.h"

int main() {
  timerd::v1::ScheduleRequest request;
  request.set_id("some");
  timerd::v1::ErrorInfo info;
  info.set_reason("UNKNOWN_ID");
  return request.SerializeAsString().empty() || info.SerializeAsString().empty() ? 1 : 0;
}
