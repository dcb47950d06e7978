// Of Shard: what each command does.
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/handle_key.h"
#include "server/base/status.h"
#include "server/reactor/listing.h"
#include "server/reactor/shard_change.h"

namespace timerd::reactor {
void Shard::AnswerExisting(Slot slot, Create command) {
  const timer::Handle& handle = residents_[slot].handle;
  if (const auto field = timer::FindDifference(handle, command.spec)) {
    const bool same_key = !command.spec.idempotency_key.empty() &&
                          command.spec.idempotency_key == handle.spec.idempotency_key;
    Answer<Opened>(
        std::move(command.reply),
        Refuse(Reason::kIdInUse,
               absl::StrCat(timer::Describe(handle), ": exists already with another ", *field,
                            handle.end ? ", ended but retained" : "",
                            same_key ? ", made under the same idempotency key; use a key once"
                                     : "; use another id, the same contents to attach to it, or "
                                       "replace to put this one in its place"),
               *field));
  } else {
    Opened opened = Open(handle, 0);
    opened.now = handle.created;
    opened.deadline = handle.first_deadline;
    Answer<Opened>(std::move(command.reply), std::move(opened));
  }
  Settle(slot);
}

bool Shard::Attaches(const timer::Handle& handle, const Create& command) {
  const std::string& key = command.spec.idempotency_key;
  if (!key.empty() && key == handle.spec.idempotency_key) {
    return true;
  }
  if (!command.replace) {
    return true;
  }
  return key.empty() && handle.phase != timer::Phase::kEnded &&
         !timer::FindDifference(handle, command.spec);
}

void Shard::Do(Create command) {
  const absl::StatusOr<std::optional<Slot>> found =
      command.is_new ? std::optional<Slot>() : Lookup(command.key);
  if (!found.ok()) {
    return Answer<Opened>(std::move(command.reply), found.status());
  }
  const bool exists = *found && !IsGone(residents_[**found]);
  if (exists && Attaches(residents_[**found].handle, command)) {
    return AnswerExisting(**found, std::move(command));
  }
  timer::Context context = MakeContext();
  const bool lives = exists && residents_[**found].handle.phase != timer::Phase::kEnded;
  const timer::Kind kind = command.spec.kind;
  absl::Status refused = timer::CheckCreatable(command.spec, context);
  if (!refused.ok()) {
    const absl::string_view what = command.spec.kind == timer::Kind::kLoop ? "loop" : "timer";
    refused = Prefixed(absl::StrCat(what, " \"", IdOf(command.key), "\": "), refused);
  }
  if (refused.ok() && options_.disk != nullptr) {
    refused = options_.disk->Admit();
  }
  if (refused.ok()) {
    refused = AdmitToQueue(command.key, command.spec, lives ? *found : std::nullopt);
    if (refused.ok()) {
      refused = lives ? namespaces_.AdmitReplacement(command.key, reading_.now)
                      : namespaces_.Admit(command.key, kind, reading_.now);
      if (!refused.ok()) {
        WithdrawFromQueue(command.key, command.spec);
      }
    }
  }
  if (!refused.ok()) {
    if (*found) {
      Settle(**found);
    }
    return Answer<Opened>(std::move(command.reply), std::move(refused));
  }
  if (lives) {
    timer::EndReplaced(residents_[**found].handle, context);
    MarkDirty(**found);
    Emit(**found, LatestFrame(), /*redelivery=*/false);
    namespaces_.CountReplacement(command.key, kind);
  }
  timer::Handle handle = timer::Create(command.key, std::move(command.spec),
                                       exists ? &residents_[**found].handle : nullptr, context);
  Opened opened{.key = handle.key,
                .generation = handle.generation,
                .now = reading_.now,
                .deadline = handle.first_deadline};
  Slot slot;
  if (*found) {  // its record is replaced
    slot = **found;
    LeaveQueue(slot, handle);
    residents_[slot].handle = std::move(handle);
    residents_[slot].erased = false;
    residents_[slot].spec_stored = false;
  } else {
    slot = residents_.Add(std::move(handle));
  }
  EnterQueue(slot);
  MarkDirty(slot);
  Answer<Opened>(std::move(command.reply), std::move(opened));
  Emit(slot, LatestFrame(), /*redelivery=*/false);
}

void Shard::Do(Bound command) {
  Change(
      command.key, std::move(command.reply),
      [&command](timer::Handle& handle, timer::Context& context) {
        return timer::Bound(handle, command.timeout, std::move(command.fallback),
                            command.idempotency_key, context);
      },
      [this](std::optional<Instant> deadline, const timer::Handle& handle) {
        // From now on: of the past only the end is told.
        Opened opened = Open(handle, handle.end ? handle.end->sequence - 1 : handle.sequence);
        opened.deadline = deadline;
        return opened;
      });
}

void Shard::Do(Watch command) {
  Change(
      command.key, std::move(command.reply),
      [](timer::Handle&, timer::Context&) { return absl::StatusOr<bool>(true); },
      [this, &command](bool, const timer::Handle& handle) { return Open(handle, command.after); });
}

void Shard::Do(Cancel command) {
  Change(
      command.key, std::move(command.reply),
      [](timer::Handle& handle, timer::Context& context) -> absl::StatusOr<bool> {
        TIMERD_RETURN_IF_ERROR(timer::Cancel(handle, context));
        return true;
      },
      [this](bool, const timer::Handle&) { return Cancelled{reading_.now}; });
}

void Shard::Do(StopLoop command) {
  Change(
      command.key, std::move(command.reply),
      [](timer::Handle& handle, timer::Context& context) { return timer::Stop(handle, context); },
      [this](timer::Phase phase, const timer::Handle&) {
        return Stopped{reading_.now, phase};
      });
}

void Shard::Do(Steer command) {
  Change(
      command.key, std::move(command.reply),
      [&command](timer::Handle& handle, timer::Context& context) -> absl::StatusOr<bool> {
        TIMERD_RETURN_IF_ERROR(std::visit(
            [&](const auto& action) {
              using Action = std::decay_t<decltype(action)>;
              if constexpr (std::is_same_v<Action, PauseLoop>) {
                return timer::Pause(handle, context);
              } else if constexpr (std::is_same_v<Action, ResumeLoop>) {
                return timer::Resume(handle, context);
              } else if constexpr (std::is_same_v<Action, ResetLoop>) {
                return timer::Reset(handle, context);
              } else if constexpr (std::is_same_v<Action, ChangeInterval>) {
                return timer::ChangeInterval(handle, action.interval, context);
              } else {
                return timer::Trigger(handle, context);
              }
            },
            command.action));
        return true;
      },
      [this](bool, const timer::Handle& handle) {
        Steered steered{.now = reading_.now, .phase = handle.phase, .run = handle.run};
        if (handle.due) {
          steered.deadline = handle.due->ServiceTime(wall_ahead_);
        }
        return steered;
      });
}

void Shard::Do(Report command) {
  Change(
      command.key, std::move(command.reply),
      [&command](timer::Handle& handle, timer::Context& context) {
        return timer::Report(handle, command.run, command.outcome, context);
      },
      [this](const timer::ReportResult& result, const timer::Handle&) {
        return Reported{reading_.now, result};
      });
}

void Shard::Do(Reschedule command) {
  Change(
      command.key, std::move(command.reply),
      [&command](timer::Handle& handle, timer::Context& context) {
        return timer::Reschedule(handle, command.move, context);
      },
      [this](const timer::MoveResult& result, const timer::Handle&) {
        return Moved{reading_.now, result};
      });
}

void Shard::Do(Get command) {
  Change(
      command.key, std::move(command.reply),
      [](timer::Handle&, timer::Context&) { return absl::StatusOr<bool>(true); },
      [this](bool, const timer::Handle& handle) {
        Got got{reading_.now, wall_ahead_, handle};
        timer::SortTimeouts(got.handle, wall_ahead_);
        return got;
      });
}

void Shard::Do(List command) {
  ReadStore([this, command = std::move(command)]() mutable {
    absl::StatusOr<Listed> listed = ListHandles(state_, command, reading_.now, wall_ahead_,
                                                lines_.Waiting(NamespaceOf(command.filter.prefix)));
    if (listed.ok()) {
      CompleteRows(*listed);
    }
    command.reply(std::move(listed));
  });
}

void Shard::CompleteRows(Listed& listed) {
  for (Listed::Row& row : listed.rows) {
    if (const std::optional<Slot> slot = residents_.Find(row.handle.key)) {
      const Resident& resident = residents_[*slot];
      if (timer::HasReservation(resident.handle)) {  // heartbeats that have not been written down
        row.handle.timeouts = resident.handle.timeouts;
      }
      if (resident.unwritten) {
        row.handle.delivery = resident.handle.delivery;
      }
    }
    timer::SortTimeouts(row.handle, wall_ahead_);
  }
}

void Shard::Do(ReadTime command) {
  Answer<TimeRead>(std::move(command.reply), TimeRead{reading_, options_.is_virtual});
}

void Shard::Do(Advance command) {
  Answer<Advanced>(std::move(command.reply),
                   Refuse(Reason::kNotVirtual,
                          "this server runs on the real clock, which nobody can move; start one "
                          "with --clock=manual for tests"));
}

void Shard::Do(const Unfollow& command) {
  const absl::StatusOr<std::optional<Slot>> found = Lookup(command.key);
  if (!found.ok() || !*found || IsGone(residents_[**found])) {
    return;  // nobody waits for an answer; what is wrong with the store is told to others
  }
  timer::Context context = MakeContext();
  if (!sink_.IsFollowed(command.key) && timer::Unfollow(residents_[**found].handle, context)) {
    MarkDirty(**found);
  } else {
    Settle(**found);
  }
}

void Shard::Do(Run command) { command.function(); }

}  // namespace timerd::reactor
