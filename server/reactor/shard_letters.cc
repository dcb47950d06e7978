// Of Shard: dead letters, the occurrences that were given up.
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/handle_key.h"
#include "server/base/status.h"
#include "server/reactor/codec.h"
#include "server/reactor/shard_change.h"

namespace timerd::reactor {
namespace {

// Dead letters forgotten at a time.
constexpr size_t kPage = 512;
// They wait on disk for at most this long after their retention.
constexpr Span kForgetInterval = std::chrono::minutes(1);

void SetLetterKey(absl::string_view queue, const DueKey& key, storage::v1::LetterKey* to) {
  to->set_queue(std::string(queue));
  to->set_failed_ns(ToNanos(key.deadline));
  to->set_place(key.place);
}

}  // namespace

void Shard::Bury(const timer::Handle& handle, const timer::Event& event) {
  Line& line = LineOf(handle);
  storage::v1::DeadLetter letter;
  letter.set_key(handle.key);
  letter.set_spec(EncodeSpec(handle));
  letter.set_run(handle.run);
  letter.set_attempts(event.attempts);
  if (handle.last_firing && handle.last_firing->deadline) {
    letter.set_deadline_ns(ToNanos(*handle.last_firing->deadline));
  }
  letter.set_failure(event.payload);
  letter.set_lapsed(event.reason == timer::EndReason::kLeaseLapsed);
  storage::v1::Bury& bury = *next_frame_->add_operations()->mutable_bury();
  SetLetterKey(line.name, {event.time, next_place_++}, bury.mutable_key());
  bury.set_letter(letter.SerializeAsString());
  lines_.AddLetters(line, 1);
}

void Shard::Unbury(Line& line, const DueKey& key) {
  SetLetterKey(line.name, key, next_frame_->add_operations()->mutable_unbury()->mutable_key());
  lines_.AddLetters(line, -1);
  unburied_[{line.name, key}] = taken_ + 1;
}

void Shard::Do(ListLetters command) {
  ReadStore([this, command = std::move(command)]() mutable {
    Letters letters{.now = reading_.now};
    absl::Status status;
    const absl::Status scanned = state_.ScanLetters(
        command.queue, command.after, [&](const DueKey& key, absl::string_view bytes) {
          if (letters.letters.size() == command.max) {
            letters.more = true;
            return false;
          }
          if (unburied_.contains({command.queue, key})) {
            return true;
          }
          Letter letter{.key = key};
          if (!letter.letter.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
            status = absl::DataLossError(
                absl::StrCat("a dead letter of queue \"", command.queue,
                             "\" cannot be read; restore the data directory from a backup"));
            return false;
          }
          absl::StatusOr<timer::Handle> handle =
              DecodeSpec(letter.letter.key(), letter.letter.spec());
          status = handle.status();
          if (status.ok()) {
            letter.spec = std::move(handle->spec);
            letter.generation = handle->generation;
            letters.letters.push_back(std::move(letter));
          }
          return status.ok();
        });
    if (status.ok()) {
      status = scanned;
    }
    if (status.ok()) {
      command.reply(std::move(letters));
    } else {
      command.reply(status);
    }
  });
}

void Shard::Do(TakeLetter command) {
  ReadStore([this, command = std::move(command)]() mutable { TakeLetterNow(std::move(command)); });
}

void Shard::TakeLetterNow(TakeLetter command) {
  Line* const line = lines_.Find(command.queue);
  std::optional<storage::v1::DeadLetter> letter;
  if (line != nullptr && !unburied_.contains({command.queue, command.letter})) {
    DueKey before = command.letter;
    before.place -= before.place > 0 ? 1 : 0;
    const absl::Status scanned =
        state_.ScanLetters(command.queue, before, [&](const DueKey& key, absl::string_view bytes) {
          if (key == command.letter) {
            letter.emplace().ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
          }
          return key < command.letter;
        });
    if (!scanned.ok()) {
      return command.reply(scanned);
    }
  }
  if (!letter) {
    return command.reply(
        Refuse(Reason::kUnknownDeadLetter,
               absl::StrCat("queue \"", IdOf(command.queue),
                            "\" has no such dead letter: replayed or purged already, or older than "
                            "--dead-letter-retention; list them again")));
  }
  if (!command.replay) {
    Unbury(*line, command.letter);
    return Answer<std::string>(std::move(command.reply), std::string());
  }
  absl::StatusOr<timer::Handle> old = DecodeSpec(letter->key(), letter->spec());
  if (!old.ok()) {
    return command.reply(old.status());
  }
  timer::Spec spec;
  spec.kind = timer::Kind::kTimer;
  spec.reported = true;
  spec.payload = std::move(old->spec.payload);
  spec.queue = std::move(old->spec.queue);
  spec.delivery = old->spec.delivery;
  const absl::StatusOr<std::optional<Slot>> found = Lookup(letter->key());
  if (!found.ok()) {
    return command.reply(found.status());
  }
  const bool taken = *found && !IsGone(residents_[**found]) &&
                     residents_[**found].handle.phase != timer::Phase::kEnded;
  if (*found) {
    Settle(**found);
  }
  const std::string key = taken ? std::move(command.new_key) : letter->key();
  Do(Create{.key = key,
            .spec = std::move(spec),
            .replace = true,
            .reply = [reply = std::move(command.reply)](absl::StatusOr<Opened> opened) mutable {
              if (opened.ok()) {
                reply(std::move(opened->key));
              } else {
                reply(opened.status());
              }
            }});
  // In the same frame, unless it was refused.
  const std::optional<Slot> made = residents_.Find(key);
  if (made && residents_[*made].handle.phase == timer::Phase::kPending) {
    Unbury(*line, command.letter);
  }
}

absl::Status Shard::ForgetLetters() {
  if (reading_.now < next_letter_forget_) {
    return absl::OkStatus();
  }
  next_letter_forget_ = reading_.now + kForgetInterval;
  const Instant kept = reading_.now - options_.dead_letter_retention;
  for (Line* const line : lines_.All()) {
    if (line->count.dead_letters() == 0) {
      continue;
    }
    std::vector<DueKey> old;
    TIMERD_RETURN_IF_ERROR(
        state_.ScanLetters(line->name, std::nullopt, [&](const DueKey& key, absl::string_view) {
          if (key.deadline > kept || old.size() == kPage) {
            return false;
          }
          if (!unburied_.contains({line->name, key})) {
            old.push_back(key);
          }
          return true;
        }));
    for (const DueKey& key : old) {
      Unbury(*line, key);
    }
    if (old.size() == kPage) {
      next_letter_forget_ = reading_.now;
    }
  }
  return absl::OkStatus();
}

}  // namespace timerd::reactor
