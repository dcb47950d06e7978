// The gRPC edge of time itself: what it is, and moving it where it is virtual.
#pragma once

#include <atomic>

#include "server/service/call_counts.h"
#include "server/service/router.h"
#include "server/service/validation.h"
#include "timerd/v1/timers.grpc.pb.h"

namespace timerd::service {

// Reactions run on gRPC's threads and never block.
class ClockService final : public v1::Clock::CallbackService {
 public:
  // `router` and `calls` outlive the service.
  ClockService(const RequestLimits& limits, Router& router, CallCounts& calls)
      : validator_(limits), router_(router), calls_(calls) {}

  // Refuses every call from now on with UNAVAILABLE.
  void Drain() { draining_.store(true); }

  grpc::ServerUnaryReactor* Now(grpc::CallbackServerContext* context, const v1::NowRequest* request,
                                v1::NowResponse* response) override;
  grpc::ServerUnaryReactor* Advance(grpc::CallbackServerContext* context,
                                    const v1::AdvanceRequest* request,
                                    v1::AdvanceResponse* response) override;
  grpc::ServerUnaryReactor* AdvanceToNext(grpc::CallbackServerContext* context,
                                          const v1::AdvanceToNextRequest* request,
                                          v1::AdvanceToNextResponse* response) override;

 private:
  // Posts `make_command(reply)` to the clock of the request's namespace: under the real clock any
  // shard, as they all have the same.
  template <typename Result, typename Request, typename Response, typename MakeCommand>
  grpc::ServerUnaryReactor* Ask(grpc::CallbackServerContext* context, const Request& request,
                                Response* response, MakeCommand make_command);

  const Validator validator_;
  Router& router_;
  CallCounts& calls_;
  std::atomic<bool> draining_{false};
};

}  // namespace timerd::service
