// Of QueuesService: dead letters.
#include <algorithm>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/handle_key.h"
#include "server/base/status.h"
#include "server/service/gathered.h"
#include "server/service/generated_id.h"
#include "server/service/page_size.h"
#include "server/service/queue_lookup.h"
#include "server/service/queues_service.h"
#include "server/service/refusals.h"
#include "server/service/translation.h"

namespace timerd::service {
namespace {

// Letters taken from a shard at a time.
constexpr size_t kSweepPage = 256;

// Where a letter lies: its name, and where a page begins.
struct LetterPlace {
  Instant failed;
  uint32_t shard = 0;
  uint64_t place = 0;

  friend auto operator<=>(const LetterPlace&, const LetterPlace&) = default;
};

std::string ToName(const LetterPlace& at) {
  return absl::StrCat(at.shard, "-", ToNanos(at.failed), "-", at.place);
}

// INVALID_ARGUMENT for `field` when `name` is none, or of a shard that there is not.
absl::StatusOr<LetterPlace> FromName(absl::string_view field, absl::string_view name,
                                     size_t shards) {
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '-');
  LetterPlace at;
  int64_t failed = 0;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &at.shard) ||
      !absl::SimpleAtoi(parts[1], &failed) || !absl::SimpleAtoi(parts[2], &at.place) ||
      at.shard >= shards) {
    return BadField(field, field, " \"", absl::CHexEscape(name.substr(0, 40)),
                    "\" is not one that ListDeadLetters gave; pass it unchanged");
  }
  at.failed = InstantFromNanos(failed);
  return at;
}

// Where shard `shard` goes on after `after`, in the order over all shards.
DueKey After(const LetterPlace& after, uint32_t shard) {
  if (shard == after.shard) {
    return {after.failed, after.place};
  }
  return shard < after.shard ? DueKey{after.failed, kLastPlace}
                             : DueKey{after.failed - Span(1), kLastPlace};
}

void Translate(const reactor::Letter& from, const LetterPlace& at, v1::DeadLetter* to) {
  to->set_letter(ToName(at));
  to->set_id(std::string(IdOf(from.letter.key())));
  to->set_kind(ToApi(from.spec.kind));
  to->set_generation(from.generation);
  to->set_run(from.letter.run());
  to->set_attempts(from.letter.attempts());
  if (from.letter.has_deadline_ns()) {
    service::Translate(InstantFromNanos(from.letter.deadline_ns()), to->mutable_deadline());
  }
  service::Translate(at.failed, to->mutable_failed());
  to->set_payload(from.spec.payload);
  to->set_failure(from.letter.failure());
  to->set_lapsed(from.letter.lapsed());
}

// Takes all letters that a queue has, shard by shard and page by page. Owns itself through the
// replies that it waits for.
class Sweep : public std::enable_shared_from_this<Sweep> {
 public:
  using Done = std::function<void(uint64_t taken, const absl::Status& status)>;
  // An id of namespace `name_space` that shard `shard` keeps.
  using MakeKey = std::function<std::string(uint32_t shard)>;

  Sweep(std::string queue, std::vector<ShardPort> shards, bool replay, MakeKey make_key, Done done)
      : queue_(std::move(queue)),
        shards_(std::move(shards)),
        replay_(replay),
        make_key_(std::move(make_key)),
        done_(std::move(done)) {}

  void NextPage() {
    if (shard_ == shards_.size()) {
      return done_(taken_, absl::OkStatus());
    }
    shards_[shard_].port->Post(reactor::ListLetters{
        .queue = queue_,
        .after = after_,
        .max = kSweepPage,
        .reply = [self = shared_from_this()](absl::StatusOr<reactor::Letters> letters) {
          self->TakePage(std::move(letters));
        }});
  }

 private:
  void TakePage(absl::StatusOr<reactor::Letters> page) {
    if (!page.ok()) {
      return done_(taken_, page.status());
    }
    // What fails again meanwhile stays.
    if (!until_) {
      until_ = page->now;
    }
    std::vector<DueKey> keys;
    for (const reactor::Letter& letter : page->letters) {
      if (letter.key.deadline <= *until_) {
        keys.push_back(letter.key);
      }
    }
    if (page->more && keys.size() == page->letters.size()) {
      after_ = keys.back();
    } else {
      after_.reset();
    }
    const bool last = !after_;
    const ShardPort shard = shards_[shard_];
    const uint32_t index = shard_;
    shard_ += last ? 1 : 0;
    auto gathered =
        Gathered::Make(1 + keys.size(), [self = shared_from_this()](const absl::Status& status) {
          if (status.ok()) {
            self->NextPage();
          } else {
            self->done_(self->taken_, status);
          }
        });
    for (const DueKey& key : keys) {
      shard.port->Post(reactor::TakeLetter{
          .queue = queue_,
          .letter = key,
          .replay = replay_,
          .new_key = replay_ ? make_key_(index) : std::string(),
          .reply = [gathered, self = shared_from_this()](const absl::StatusOr<std::string>& id) {
            // Somebody else may have taken it.
            const bool gone = ReasonOf(id.status()) == ReasonName(Reason::kUnknownDeadLetter);
            gathered->Take(gone ? absl::OkStatus() : id.status(),
                           [&] { self->taken_ += gone ? 0 : 1; });
          }});
    }
    gathered->Take(absl::OkStatus(), [] {});
  }

  const std::string queue_;
  const std::vector<ShardPort> shards_;
  const bool replay_;
  const MakeKey make_key_;
  const Done done_;
  // One page at a time, so that nothing here needs a lock.
  uint32_t shard_ = 0;
  std::optional<DueKey> after_;
  std::optional<Instant> until_;
  uint64_t taken_ = 0;
};

}  // namespace

grpc::ServerUnaryReactor* QueuesService::ListDeadLetters(grpc::CallbackServerContext* context,
                                                         const v1::ListDeadLettersRequest* request,
                                                         v1::ListDeadLettersResponse* response) {
  return Answer(context, *request, [&](grpc::ServerUnaryReactor* call) -> absl::Status {
    TIMERD_ASSIGN_OR_RETURN(const QueuePtr queue, FindQueue(queues_, *request));
    TIMERD_ASSIGN_OR_RETURN(const size_t size, ToPageSize("ListDeadLetters", request->page_size()));
    TIMERD_ASSIGN_OR_RETURN(const std::vector<ShardPort> shards,
                            router_.AllOf(NamespaceOf(queue->name())));
    std::optional<LetterPlace> after;
    if (!request->page_token().empty()) {
      TIMERD_ASSIGN_OR_RETURN(after, FromName("page_token", request->page_token(), shards.size()));
    }
    struct Merged {
      std::vector<std::pair<LetterPlace, reactor::Letter>> letters;
      bool more = false;
    };
    auto merged = std::make_shared<Merged>();
    auto gathered = Gathered::Make(
        shards.size(), [this, call, merged, size, response](const absl::Status& status) {
          auto& letters = merged->letters;
          std::sort(letters.begin(), letters.end(),
                    [](const auto& a, const auto& b) { return a.first < b.first; });
          const size_t shown = std::min(size, letters.size());
          for (size_t i = 0; i < shown && status.ok(); ++i) {
            Translate(letters[i].second, letters[i].first, response->add_dead_letters());
          }
          if (status.ok() && shown > 0 && (merged->more || letters.size() > shown)) {
            response->set_next_page_token(ToName(letters[shown - 1].first));
          }
          Finish<v1::ListDeadLettersRequest>(call, status);
        });
    for (uint32_t i = 0; i < shards.size(); ++i) {
      shards[i].port->Post(reactor::ListLetters{
          .queue = queue->name(),
          .after = after ? std::optional(After(*after, i)) : std::nullopt,
          .max = size,
          .reply = [gathered, merged, i](absl::StatusOr<reactor::Letters> page) {
            gathered->Take(page.status(), [&] {
              merged->more |= page->more;
              for (reactor::Letter& letter : page->letters) {
                const LetterPlace at{letter.key.deadline, i, letter.key.place};
                merged->letters.emplace_back(at, std::move(letter));
              }
            });
          }});
    }
    return absl::OkStatus();
  });
}

template <typename Request>
absl::Status QueuesService::TakeLetters(
    const Request& request, bool replay,
    std::function<void(uint64_t taken, const std::string& id)> on_taken,
    std::function<void(const absl::Status&)> done) {
  TIMERD_ASSIGN_OR_RETURN(const QueuePtr queue, FindQueue(queues_, request));
  const std::string name_space(NamespaceOf(queue->name()));
  TIMERD_ASSIGN_OR_RETURN(const std::vector<ShardPort> shards, router_.AllOf(name_space));
  const auto make_key = [this, name_space, shards](uint32_t shard) {
    std::string key;
    absl::StatusOr<ShardPort> port;
    do {
      key = HandleKey(name_space, GenerateId());
      port = router_.For(key);
    } while (port.ok() && port->port != shards[shard].port);
    return key;
  };
  if (!request.letter().empty()) {
    TIMERD_ASSIGN_OR_RETURN(const LetterPlace at,
                            FromName("letter", request.letter(), shards.size()));
    shards[at.shard].port->Post(reactor::TakeLetter{
        .queue = queue->name(),
        .letter = {at.failed, at.place},
        .replay = replay,
        .new_key = replay ? make_key(at.shard) : std::string(),
        .reply = [on_taken = std::move(on_taken),
                  done = std::move(done)](const absl::StatusOr<std::string>& key) {
          if (key.ok()) {
            on_taken(1, std::string(IdOf(*key)));
          }
          done(key.status());
        }});
    return absl::OkStatus();
  }
  std::make_shared<Sweep>(queue->name(), shards, replay, make_key,
                          [on_taken = std::move(on_taken), done = std::move(done)](
                              uint64_t taken, const absl::Status& status) {
                            on_taken(taken, "");
                            done(status);
                          })
      ->NextPage();
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* QueuesService::ReplayDeadLetters(
    grpc::CallbackServerContext* context, const v1::ReplayDeadLettersRequest* request,
    v1::ReplayDeadLettersResponse* response) {
  return Answer(context, *request, [&](grpc::ServerUnaryReactor* call) -> absl::Status {
    return TakeLetters(
        *request, /*replay=*/true,
        [response](uint64_t taken, const std::string& id) {
          response->set_replayed(taken);
          response->set_id(id);
        },
        [this, call](const absl::Status& status) {
          Finish<v1::ReplayDeadLettersRequest>(call, status);
        });
  });
}

grpc::ServerUnaryReactor* QueuesService::PurgeDeadLetters(
    grpc::CallbackServerContext* context, const v1::PurgeDeadLettersRequest* request,
    v1::PurgeDeadLettersResponse* response) {
  return Answer(context, *request, [&](grpc::ServerUnaryReactor* call) -> absl::Status {
    return TakeLetters(
        *request, /*replay=*/false,
        [response](uint64_t taken, const std::string&) { response->set_purged(taken); },
        [this, call](const absl::Status& status) {
          Finish<v1::PurgeDeadLettersRequest>(call, status);
        });
  });
}

}  // namespace timerd::service
