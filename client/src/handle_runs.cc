// Runs: each function once, each report until it is answered.
#include <exception>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/src/handle_core.h"
#include "client/src/proto_time.h"

namespace timerd {
inline namespace client {

v1::Outcome ToOutcome(const absl::StatusOr<std::string>& result) {
  v1::Outcome outcome;
  outcome.set_result(result.ok() ? v1::Outcome::RESULT_SUCCESS : v1::Outcome::RESULT_FAILURE);
  outcome.set_payload(result.ok() ? *result : EncodeFailure(result.status()));
  return outcome;
}

void HandleCore::OnRunBegunLocked(Effects& effects, const v1::Event& event) {
  if (finished_.has_value() && finished_->run == event.run()) {
    // Told again: the report has not reached the server's disk, whatever it may still answer.
    if (reporting_) {
      finished_->told_again = true;
    } else if (finished_->sent) {
      ReportLocked(effects);
    }
    return;
  }
  if (event.run() <= begun_run_ || (waiting_.has_value() && waiting_->run() == event.run()) ||
      function_ == nullptr || cancelled_) {
    return;
  }
  waiting_ = event;
  if (!event.redelivery() || form_ == Form::kPlainTimer) {
    connection_->Post([self = shared_from_this()] { self->TryToRun(); });
    return;
  }
  // A run told again that nobody here knows may have been reported by another process: look first.
  effects.Add(
      [self = shared_from_this(), id = id_, run = event.run(), generation = event.generation()] {
        v1::GetRequest request;
        request.set_id(id);
        Ask<v1::GetRequest, v1::GetResponse>(
            self->connection_, &Connection::Api::Get, request,
            [self, run, generation](const Answer<v1::GetResponse>& answer) {
              const v1::Handle& handle = answer.response.handle();
              const bool running =
                  handle.state() == v1::STATE_RUNNING || handle.state() == v1::STATE_STOPPING;
              if (answer.status.ok() && running && handle.run() == run &&
                  handle.generation() == generation) {
                self->connection_->Post([self] { self->TryToRun(); });
              }
            });
      });
}

void HandleCore::TryToRun() {
  v1::Event event;
  {
    Effects effects;
    std::lock_guard<std::mutex> lock(mutex_);
    if (!waiting_.has_value() || ending_.has_value() || cancelled_ || !moves_.empty()) {
      return;
    }
    event = *std::move(waiting_);
    waiting_.reset();
    begun_run_ = event.run();
    if (stopping_) {
      // The stop wins over a tick whose function has not begun; the server waits for the run's
      // report.
      finished_ = Finished{event.run(), ToOutcome("")};
      ReportUnlessHeldLocked(effects);
      return;
    }
  }
  RunResult result{std::string()};
  if (form_ == Form::kPlainTimer) {
    function_(event);
    Effects effects;
    std::lock_guard<std::mutex> lock(mutex_);
    Ending ending = EndingOf(event);
    ending.payload.clear();
    EndLocked(effects, std::move(ending));
    return;
  }
  if (form_ == Form::kTask) {
    connection_->activity().End();  // it may wait for anything
  }
  try {
    result = function_(event);
  } catch (const std::exception& exception) {
    result.outcome = absl::UnknownError(absl::StrCat("exception: ", exception.what()));
  }
  if (form_ == Form::kTask) {
    connection_->activity().Begin();
  }
  OnRunFinished(event.run(), std::move(result));
}

void HandleCore::OnRunFinished(uint64_t run, RunResult result) {
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  finished_ = Finished{run, ToOutcome(result.outcome)};
  if (result.stop && !stopping_) {
    StopLocked(effects, connection_->NewPromise<absl::Status>());
  }
  ReportUnlessHeldLocked(effects);
}

void HandleCore::ReportUnlessHeldLocked(Effects& effects) {
  // A stop that is under way goes first, so that the report ends the loop. So does a cancel: what
  // the function made of being told of it must not end the handle in its place.
  const bool held = (stopping_ && !stop_answered_) || (cancelled_ && !cancel_answered_);
  if (!held && finished_.has_value() && !finished_->sent) {
    ReportLocked(effects);
  }
}

bool HandleCore::Finish(absl::StatusOr<std::string> outcome) {
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  if (finished_.has_value() || cancelled_ || ending_.has_value()) {
    return false;
  }
  begun_run_ = 1;
  waiting_.reset();
  finished_ = Finished{1, ToOutcome(outcome)};
  WhenAcknowledgedLocked(effects, [self = shared_from_this()](const absl::Status& status) {
    if (status.ok()) {
      Effects later;
      std::lock_guard<std::mutex> relock(self->mutex_);
      self->ReportLocked(later);
    }
  });
  return true;
}

void HandleCore::ReportLocked(Effects& effects) {
  // A late report of a handle that is known to have ended tells nobody anything. But one that is
  // detached only lives on at the server, which waits for it.
  if (ending_.has_value() && ending_->end != End::kDetached) {
    return;
  }
  reporting_ = true;
  finished_->sent = true;
  v1::ReportRequest request;
  request.set_id(id_);
  request.set_run(finished_->run);
  *request.mutable_outcome() = finished_->outcome;
  effects.Add([self = shared_from_this(), request = std::move(request)] {
    Ask<v1::ReportRequest, v1::ReportResponse>(
        self->connection_, &Connection::Api::Report, request,
        [self, run = request.run()](const Answer<v1::ReportResponse>& answer) {
          self->OnReported(run, answer);
        });
  });
}

void HandleCore::OnReported(uint64_t run, const Answer<v1::ReportResponse>& answer) {
  Effects effects;
  std::lock_guard<std::mutex> lock(mutex_);
  if (!finished_.has_value() || finished_->run != run) {
    return;
  }
  reporting_ = false;
  if (answer.status.ok()) {
    NoteTimeLocked(answer.response.now());
    if (answer.response.has_next_deadline()) {
      deadline_ = FromProto(answer.response.next_deadline());
    }
    // The end, if this was it, comes on the stream.
    if (finished_->told_again) {
      finished_->told_again = false;
      ReportLocked(effects);
    }
    return;
  }
  const bool refused_before = finished_->outcome.result() == v1::Outcome::RESULT_FAILURE &&
                              absl::StartsWith(finished_->outcome.payload(), "RESOURCE_EXHAUSTED");
  if (answer.status.code() == absl::StatusCode::kNotFound ||
      (IsHopeless(answer.status) && refused_before)) {
    Ending ending;
    ending.end = End::kRefused;
    ending.status = answer.status;
    EndLocked(effects, std::move(ending));
  } else if (IsHopeless(answer.status)) {
    finished_->outcome = ToOutcome(absl::ResourceExhaustedError(absl::StrFormat(
        "the server refused a report of %d bytes: %s", finished_->outcome.payload().size(),
        std::string(answer.status.message()).substr(0, 1000))));
    ReportLocked(effects);
  } else if (answer.status.code() == absl::StatusCode::kResourceExhausted) {
    const absl::Duration delay = RetryDelayOf(answer.status).value_or(absl::Seconds(1));
    effects.Add([self = shared_from_this(), delay] {
      // The limit passes with time; one call's own backoff is gone with its answer.
      auto until_asked = std::make_shared<Activity::Scope>(self->connection_->activity());
      self->connection_->timer().After(delay, [self, until_asked] {
        Effects later;
        std::lock_guard<std::mutex> relock(self->mutex_);
        self->ReportLocked(later);
      });
    });
  }
}

}  // namespace client
}  // namespace timerd
