// One function per verb, that is per RPC: makes the request, calls, prints, returns the exit code.
#pragma once

#include "absl/status/statusor.h"
#include "client/cli/flags.h"

namespace timerd::cli {

absl::StatusOr<int> Schedule(const Arguments& arguments, Session& session);
absl::StatusOr<int> StartLoop(const Arguments& arguments, Session& session);
absl::StatusOr<int> WithTimeout(const Arguments& arguments, Session& session);
absl::StatusOr<int> Watch(const Arguments& arguments, Session& session);

absl::StatusOr<int> Report(const Arguments& arguments, Session& session);
absl::StatusOr<int> Reschedule(const Arguments& arguments, Session& session);
absl::StatusOr<int> Cancel(const Arguments& arguments, Session& session);
absl::StatusOr<int> Batch(const Arguments& arguments, Session& session);

absl::StatusOr<int> StopLoop(const Arguments& arguments, Session& session);
absl::StatusOr<int> PauseLoop(const Arguments& arguments, Session& session);
absl::StatusOr<int> ResumeLoop(const Arguments& arguments, Session& session);
absl::StatusOr<int> ResetLoop(const Arguments& arguments, Session& session);
absl::StatusOr<int> ChangeInterval(const Arguments& arguments, Session& session);
absl::StatusOr<int> TriggerLoop(const Arguments& arguments, Session& session);

absl::StatusOr<int> Get(const Arguments& arguments, Session& session);
absl::StatusOr<int> List(const Arguments& arguments, Session& session);

absl::StatusOr<int> Work(const Arguments& arguments, Session& session);
absl::StatusOr<int> ListQueues(const Arguments& arguments, Session& session);
absl::StatusOr<int> GetQueue(const Arguments& arguments, Session& session);
absl::StatusOr<int> ConfigureQueue(const Arguments& arguments, Session& session);
absl::StatusOr<int> PauseQueue(const Arguments& arguments, Session& session);
absl::StatusOr<int> ResumeQueue(const Arguments& arguments, Session& session);
absl::StatusOr<int> PurgeQueue(const Arguments& arguments, Session& session);
absl::StatusOr<int> ListDeadLetters(const Arguments& arguments, Session& session);
absl::StatusOr<int> ReplayDeadLetters(const Arguments& arguments, Session& session);
absl::StatusOr<int> PurgeDeadLetters(const Arguments& arguments, Session& session);

absl::StatusOr<int> Now(const Arguments& arguments, Session& session);
absl::StatusOr<int> Advance(const Arguments& arguments, Session& session);
absl::StatusOr<int> AdvanceToNext(const Arguments& arguments, Session& session);

}  // namespace timerd::cli
