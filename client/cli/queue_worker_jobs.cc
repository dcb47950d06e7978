// What a worker takes: printed and done with, or run.
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "client/cli/json.h"
#include "client/cli/names.h"
#include "client/cli/queue_worker.h"
#include "client/cli/time_text.h"
#include "google/protobuf/util/time_util.h"

namespace timerd::cli {
namespace {

using google::protobuf::util::TimeUtil;

// The exit code of a command that says: do not try again.
constexpr int kExitForGood = 100;

// How long a lease is when it is given.
std::chrono::nanoseconds LengthOf(const v1::Occurrence& occurrence) {
  const absl::Duration length = ToTime(occurrence.lease_end()) - ToTime(occurrence.time());
  return absl::ToChronoNanoseconds(std::max(length, absl::Milliseconds(1)));
}

// A lease is extended each time a third of it has passed.
std::chrono::steady_clock::time_point NextExtension(const v1::Occurrence& occurrence) {
  return std::chrono::steady_clock::now() + LengthOf(occurrence) / 3;
}

void BlockSigpipe() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

v1::Settlement Failure(std::string why, bool final = false) {
  v1::Settlement verdict;
  verdict.mutable_failure()->set_payload(std::move(why));
  verdict.mutable_failure()->set_final(final);
  return verdict;
}

v1::Settlement VerdictOn(const Command::Outcome& outcome) {
  if (outcome.output_cut) {
    return Failure(absl::StrCat("the command wrote more than ", Command::kMaxOutput >> 20,
                                " MiB, which no server takes"),
                   /*final=*/true);
  }
  if (outcome.signal == 0 && outcome.exit_code == 0) {
    v1::Settlement verdict;
    verdict.set_success(outcome.output);
    return verdict;
  }
  std::string why = outcome.signal != 0 ? absl::StrCat("killed by signal ", outcome.signal)
                                        : absl::StrCat("exit code ", outcome.exit_code);
  if (!outcome.output.empty()) {
    absl::StrAppend(&why, ": ", absl::StripSuffix(outcome.output, "\n"));
  }
  return Failure(std::move(why), outcome.exit_code == kExitForGood);
}

std::tuple<std::string, uint64_t, uint64_t> RunOf(const v1::Occurrence& occurrence) {
  return {occurrence.id(), occurrence.generation(), occurrence.run()};
}

}  // namespace

void QueueWorker::TakeLocked(const v1::Occurrence& occurrence) {
  const Lease lease(occurrence.id(), occurrence.lease());
  if (jobs_.count(lease) > 0 || unanswered_.count(lease) > 0) {
    return;
  }
  v1::Settlement verdict;
  if (TakesNoMoreLocked()) {
    verdict.mutable_release();
    return SettleLocked(occurrence, std::move(verdict));
  }
  session_.PrintLine(JsonLine("occurrence", occurrence), session_.human().Taken(occurrence));
  if (session_.output_failed()) {
    // Whoever reads it has seen nothing of this one.
    stopping_ = true;
    DrainLocked();
    verdict.mutable_release();
    return SettleLocked(occurrence, std::move(verdict));
  }
  ++taken_;
  if (options_.command.empty()) {
    verdict.set_success("");
    return SettleLocked(occurrence, std::move(verdict));
  }
  Job& job = *jobs_.emplace(lease, std::make_unique<Job>()).first->second;
  job.occurrence = occurrence;
  job.thread = std::thread([this, &job] { RunJob(job); });
  if (TakesNoMoreLocked()) {
    DrainLocked();
  }
}

void QueueWorker::RevokeLocked(const Lease& lease) {
  const auto found = jobs_.find(lease);
  if (found == jobs_.end() || std::exchange(found->second->revoked, true)) {
    return;
  }
  Job& job = *found->second;
  v1::WorkResponse::Revoked revoked;
  revoked.set_id(lease.first);
  revoked.set_lease(lease.second);
  session_.PrintLine(JsonLine("revoked", revoked), session_.human().Revoked(job.occurrence));
  if (job.command != nullptr) {
    job.command->Signal(SIGTERM);
  }
  changed_.notify_all();
}

void QueueWorker::RunJob(Job& job) {
  BlockSigpipe();
  if (WaitForPlace(job)) {
    OnJobDone(job, true, RunCommand(job));
  } else {
    v1::Settlement release;
    release.mutable_release();
    OnJobDone(job, false, std::move(release));
  }
}

bool QueueWorker::WaitForPlace(Job& job) {
  const RunKey run = RunOf(job.occurrence);
  std::unique_lock<std::mutex> lock(mutex_);
  const auto has_place = [&] {
    // An attempt whose lease has lapsed may still be at it.
    return running_.size() < options_.credit && running_.count(run) == 0;
  };
  const auto may_go = [&] { return job.revoked || stopping_ || has_place(); };
  while (!changed_.wait_until(lock, NextExtension(job.occurrence), may_go)) {
    ExtendLocked(job);
  }
  if (job.revoked || stopping_) {
    return false;
  }
  running_.insert(run);
  return true;
}

v1::Settlement QueueWorker::RunCommand(Job& job) {
  absl::StatusOr<std::unique_ptr<Command>> started =
      Command::Start(options_.command, EnvironmentOf(job.occurrence), job.occurrence.payload());
  if (!started.ok()) {
    return Failure(absl::StrCat("the command cannot be started: ", started.status().message()));
  }
  const std::shared_ptr<Command> command = *std::move(started);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    job.command = command;
    if (job.revoked || signals_ > 1) {
      command->Signal(SIGTERM);
    }
  }
  while (!command->RunUntil(NextExtension(job.occurrence))) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!job.revoked) {
      ExtendLocked(job);
    }
  }
  return VerdictOn(command->outcome());
}

std::vector<std::string> QueueWorker::EnvironmentOf(const v1::Occurrence& occurrence) const {
  const Session::Options& session = session_.options();
  // The first two are what a timerctl in the command goes by.
  std::vector<std::string> environment = {
      absl::StrCat("TIMERD_SERVER=", session.server),
      absl::StrCat("TIMERD_NAMESPACE=",
                   session.namespace_name.empty() ? "default" : session.namespace_name),
      absl::StrCat("TIMERD_QUEUE=", options_.queue),
      absl::StrCat("TIMERD_ID=", occurrence.id()),
      absl::StrCat("TIMERD_KIND=", KindName(occurrence.kind())),
      absl::StrCat("TIMERD_GENERATION=", occurrence.generation()),
      absl::StrCat("TIMERD_RUN=", occurrence.run()),
      absl::StrCat("TIMERD_ATTEMPT=", occurrence.attempt()),
      absl::StrCat("TIMERD_LAST_ATTEMPT=", occurrence.last_attempt() ? "true" : "false"),
      absl::StrCat("TIMERD_TIME=", TimeUtil::ToString(occurrence.time())),
      absl::StrCat("TIMERD_DEADLINE=",
                   occurrence.has_deadline() ? TimeUtil::ToString(occurrence.deadline()) : ""),
      absl::StrCat("TIMERD_COUNT=", occurrence.count()),
      absl::StrCat("TIMERD_MISSED=", occurrence.missed()),
  };
  const size_t own = environment.size();
  for (char** inherited = environ; *inherited != nullptr; ++inherited) {
    const absl::string_view variable = *inherited;
    const absl::string_view name = variable.substr(0, variable.find('=') + 1);
    const bool is_taken =
        std::any_of(environment.begin(), environment.begin() + static_cast<ptrdiff_t>(own),
                    [&](const std::string& ours) { return absl::StartsWith(ours, name); });
    if (!is_taken) {
      environment.emplace_back(variable);
    }
  }
  return environment;
}

void QueueWorker::ExtendLocked(const Job& job) {
  if (!registered_) {
    return;  // Extended anew once there is a stream again.
  }
  v1::WorkRequest request;
  v1::Settlement& settlement = *request.add_settlements();
  settlement.set_id(job.occurrence.id());
  settlement.set_lease(job.occurrence.lease());
  *settlement.mutable_extend() = TimeUtil::NanosecondsToDuration(LengthOf(job.occurrence).count());
  call_->Say(std::move(request));
}

void QueueWorker::OnJobDone(Job& job, bool had_a_place, v1::Settlement verdict) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const Lease lease(job.occurrence.id(), job.occurrence.lease());
  if (had_a_place) {
    running_.erase(RunOf(job.occurrence));
  }
  if (job.revoked) {
    ++freed_;
    v1::WorkRequest request;
    FreePlaceLocked(&request);
    if (registered_ && request.message_case() != v1::WorkRequest::MESSAGE_NOT_SET) {
      call_->Say(std::move(request));
    }
  } else {
    SettleLocked(job.occurrence, std::move(verdict));
  }
  done_.push_back(std::move(job.thread));
  jobs_.erase(lease);
  CloseIfDoneLocked();
  changed_.notify_all();
}

void QueueWorker::SignalCommandsLocked(int signal) {
  for (const auto& [lease, job] : jobs_) {
    if (job->command != nullptr) {
      job->command->Signal(signal);
    }
  }
}

void QueueWorker::JoinDone() {
  std::vector<std::thread> done;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    done.swap(done_);
  }
  for (std::thread& thread : done) {
    thread.join();
  }
}

}  // namespace timerd::cli
