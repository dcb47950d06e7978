// Runs of a worker: taken, begun, kept under lease, and what handlers make of them.
#include <algorithm>
#include <exception>

#include "absl/strings/str_cat.h"
#include "client/src/proto_time.h"
#include "client/src/status.h"
#include "client/src/worker_core.h"

namespace timerd {
inline namespace client {
namespace {

// How long a lease is when it is given.
absl::Duration LeaseOf(const v1::Occurrence& occurrence) {
  return occurrence.has_lease_end()
             ? FromProto(occurrence.lease_end()) - FromProto(occurrence.time())
             : absl::ZeroDuration();
}

}  // namespace

void WorkerCore::TakeLocked(Effects& effects, v1::Occurrence& occurrence) {
  const RunKey run = KeyOf(occurrence);
  if (settling_.count({occurrence.id(), occurrence.lease()}) > 0) {
    return;  // the verdict on this delivery is on its way
  }
  if (const v1::Settlement* verdict = remembered_.Find(run); verdict != nullptr) {
    SettleLocked(effects, run, occurrence, *verdict);
    return;
  }
  if (const auto found = jobs_.find(run); found != jobs_.end()) {
    if (occurrence.attempt() >= found->second.delivery->attempt()) {
      LoseLeaseLocked(run, found->second);
      HoldLocked(effects, run, found->second, occurrence);
    }
    return;
  }
  if (stopping_) {
    v1::Settlement release;
    release.mutable_release();
    SettleLocked(effects, run, occurrence, std::move(release));
    return;
  }
  Job job{.delivery = nullptr,
          .revoked = connection_->NewPromise<bool>(),
          .next_extension = std::nullopt};
  HoldLocked(effects, run, jobs_.emplace(run, std::move(job)).first->second, occurrence);
  waiting_.push_back(run);
  pool_.Post([self = shared_from_this()] { self->RunNext(); });
}

void WorkerCore::HoldLocked(Effects& effects, const RunKey& run, Job& job,
                            v1::Occurrence& occurrence) {
  job.lease = LeaseOf(occurrence);
  job.delivery = std::make_shared<const v1::Occurrence>(std::move(occurrence));
  job.lease_lost = false;
  leases_[{job.delivery->id(), job.delivery->lease()}] = run;
  ScheduleExtensionLocked(effects, run, job);
}

void WorkerCore::LoseLeaseLocked(const RunKey& run, Job& job) {
  job.lease_lost = true;
  leases_.erase({job.delivery->id(), job.delivery->lease()});
  UnscheduleExtensionLocked(run, job);
}

void WorkerCore::RevokeLocked(Effects& effects, const LeaseKey& lease) {
  const auto found = leases_.find(lease);
  if (found == leases_.end()) {
    return;
  }
  const RunKey run = found->second;
  Job& job = jobs_.at(run);
  LoseLeaseLocked(run, job);
  effects.Add([revoked = job.revoked] { revoked.Set(true); });
  if (!job.begun) {
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), run));
    jobs_.erase(run);
  }
}

void WorkerCore::RunNext() {
  std::optional<WorkRun> run;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (waiting_.empty()) {
      return;  // what it was posted for was revoked or released
    }
    Job& job = jobs_.at(waiting_.front());
    waiting_.pop_front();
    job.begun = true;
    run = WorkRun(job.delivery, CancellationToken(job.revoked.future()), weak_from_this());
  }
  OnRunFinished(KeyOf(run->occurrence()), VerdictOn(*run));
}

v1::Settlement WorkerCore::VerdictOn(const WorkRun& run) const {
  try {
    return handler_(run).settlement_;
  } catch (const std::exception& exception) {
    return WorkResult(absl::UnknownError(absl::StrCat("exception: ", exception.what())))
        .settlement_;
  }
}

void WorkerCore::OnRunFinished(const RunKey& key, v1::Settlement verdict) {
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  Job& job = jobs_.at(key);
  if (verdict.has_success() || verdict.failure().final()) {
    remembered_.Add(key, verdict);
  }
  if (!job.lease_lost) {
    LoseLeaseLocked(key, job);
    SettleLocked(effects, key, *job.delivery, std::move(verdict));
  }
  jobs_.erase(key);
  FinishIfStoppedLocked(effects);
}

void WorkerCore::ReleaseWaitingLocked(Effects& effects) {
  for (const RunKey& run : std::exchange(waiting_, {})) {
    Job& job = jobs_.at(run);
    LoseLeaseLocked(run, job);
    v1::Settlement release;
    release.mutable_release();
    SettleLocked(effects, run, *job.delivery, std::move(release));
    jobs_.erase(run);
  }
}

Future<absl::StatusOr<absl::Time>> WorkerCore::Extend(const RunKey& run, absl::Duration from_now) {
  const auto extended = connection_->NewPromise<absl::StatusOr<absl::Time>>();
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = jobs_.find(run);
  if (ended_ || found == jobs_.end() || found->second.lease_lost) {
    effects.Add([extended, id = std::get<0>(run)] {
      extended.Set(Refusal("NOT_LEASED", absl::StrCat("run of \"", id,
                                                      "\": its lease has lapsed or was revoked, or "
                                                      "it is over; it cannot be extended")));
    });
    return extended.future();
  }
  Job& job = found->second;
  job.lease = from_now;
  UnscheduleExtensionLocked(run, job);
  ScheduleExtensionLocked(effects, run, job);
  ExtendLocked(run, job, extended);
  SendLocked(effects);
  return extended.future();
}

void WorkerCore::ExtendLocked(const RunKey& run, const Job& job, std::optional<Extended> extended) {
  v1::Settlement settlement;
  settlement.set_id(job.delivery->id());
  settlement.set_lease(job.delivery->lease());
  *settlement.mutable_extend() = ToProto(job.lease);
  outbox_.push_back({run, std::move(settlement), std::move(extended)});
}

void WorkerCore::ScheduleExtensionLocked(Effects& effects, const RunKey& run, Job& job) {
  if (!options_.extend_leases || job.lease <= absl::ZeroDuration()) {
    return;
  }
  job.next_extension = Steady::now() + absl::ToChronoMicroseconds(job.lease / 3);
  extensions_.emplace(*job.next_extension, run);
  ArmLocked(effects);
}

void WorkerCore::UnscheduleExtensionLocked(const RunKey& run, Job& job) {
  if (job.next_extension.has_value()) {
    extensions_.erase({*job.next_extension, run});
    job.next_extension.reset();
  }
}

void WorkerCore::ArmLocked(Effects& effects) {
  if (extensions_.empty() || connection_->closing()) {
    return;
  }
  const Steady::time_point due = extensions_.begin()->first;
  if (armed_.has_value() && *armed_ <= due) {
    return;
  }
  armed_ = due;
  effects.Add([weak = weak_from_this(), connection = connection_, due] {
    connection->timer().After(absl::FromChrono(due - Steady::now()), [weak, due] {
      if (const auto self = weak.lock(); self != nullptr) {
        self->OnExtensionsDue(due);
      }
    });
  });
}

void WorkerCore::OnExtensionsDue(Steady::time_point due) {
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  if (armed_ != due) {
    return;  // an earlier one has taken its place
  }
  armed_.reset();
  if (ended_ || connection_->closing()) {
    return;
  }
  const Steady::time_point now = Steady::now();
  while (!extensions_.empty() && extensions_.begin()->first <= now) {
    const RunKey run = extensions_.begin()->second;
    Job& job = jobs_.at(run);
    UnscheduleExtensionLocked(run, job);
    if (joined_) {
      ExtendLocked(run, job, std::nullopt);
    }
    job.next_extension = now + absl::ToChronoMicroseconds(job.lease / 3);
    extensions_.emplace(*job.next_extension, run);
  }
  ArmLocked(effects);
  SendLocked(effects);
}

}  // namespace client
}  // namespace timerd
