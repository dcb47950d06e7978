#include "timerd/worker.h"

#include "client/src/proto_time.h"
#include "client/src/worker_core.h"

namespace timerd {
inline namespace client {

std::optional<absl::Time> WorkRun::deadline() const {
  if (!occurrence().has_deadline()) {
    return std::nullopt;
  }
  return FromProto(occurrence().deadline());
}

absl::Time WorkRun::time() const { return FromProto(occurrence().time()); }

Future<absl::StatusOr<absl::Time>> WorkRun::Extend(absl::Duration from_now) const {
  const std::shared_ptr<WorkerCore> core = core_.lock();
  return core == nullptr ? Future<absl::StatusOr<absl::Time>>()
                         : core->Extend(KeyOf(occurrence()), from_now);
}

WorkResult::WorkResult(absl::StatusOr<std::string> result) {
  if (result.ok()) {
    settlement_.set_success(*std::move(result));
    return;
  }
  v1::Settlement::Failure& failure = *settlement_.mutable_failure();
  failure.set_payload(EncodeFailure(result.status()));
  failure.set_final(absl::IsInvalidArgument(result.status()) ||
                    absl::IsFailedPrecondition(result.status()));
}

WorkResult WorkResult::Final(absl::Status failure) {
  WorkResult result(std::move(failure));
  result.settlement_.mutable_failure()->set_final(true);
  return result;
}

WorkResult WorkResult::TryAgain(absl::Status failure, std::optional<absl::Duration> after) {
  WorkResult result(std::move(failure));
  result.settlement_.mutable_failure()->set_final(false);
  if (after.has_value()) {
    *result.settlement_.mutable_failure()->mutable_retry_after() = ToProto(*after);
  }
  return result;
}

WorkResult WorkResult::Release() {
  WorkResult result;
  result.settlement_.mutable_release();
  return result;
}

Worker::Worker(Client& client, WorkerOptions options, Handler handler)
    : core_(std::make_shared<WorkerCore>(client.connection_, std::move(options),
                                         std::move(handler))) {
  core_->Start();
}

Worker::Worker(ClientOptions connection, WorkerOptions options, Handler handler)
    : own_client_(std::make_unique<Client>(std::move(connection))),
      core_(std::make_shared<WorkerCore>(own_client_->connection_, std::move(options),
                                         std::move(handler))) {
  core_->Start();
}

Worker::~Worker() { core_->Close(); }

Future<absl::Status> Worker::registered() const { return core_->registered(); }

Future<absl::Status> Worker::over() const { return core_->over(); }

bool Worker::Stop(absl::Duration limit) { return core_->Stop(limit); }

}  // namespace client
}  // namespace timerd
