// Under --clock=manual each namespace is a shard with a clock of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/base/mutex.h"
#include "server/reactor/manual_reactor.h"
#include "server/service/router.h"
#include "server/store/ordered_kv.h"

namespace timerd {

struct ManualNamespacesOptions {
  reactor::ShardOptions shard;
  reactor::ManualReactorOptions reactor;
  // Each costs some hundred kilobytes under the manual clock.
  size_t max_namespaces = 1000;
};

// Makes a namespace's shard the first time that it is named; which shard is whose is written down.
class ManualNamespaces final : public service::Router {
 public:
  // Where the clock of a new namespace stands: the same for all, so that tests repeat to the byte.
  static constexpr Instant kBeginning = InstantFromNanos(946'684'800'000'000'000);  // 2000-01-01

  // Recovers those that `kv` holds. `kv` outlives the namespaces.
  static absl::StatusOr<std::unique_ptr<ManualNamespaces>> Open(
      const ManualNamespacesOptions& options, store::OrderedKv& kv, store::Durability durability);

  absl::StatusOr<service::ShardPort> For(absl::string_view key) override;
  absl::StatusOr<std::vector<service::ShardPort>> AllOf(absl::string_view name_space) override;

  // Executes what has been posted and writes everything down. Nobody may post any more.
  void Stop() { reactor_.reset(); }

 private:
  struct Namespace {
    std::unique_ptr<store::ShardLog> log;
    std::unique_ptr<store::StateStore> state;
    std::unique_ptr<delivery::Attachments> attachments;
    service::ShardPort port;
  };

  ManualNamespaces(const ManualNamespacesOptions& options, store::OrderedKv& kv,
                   store::Durability durability)
      : options_(options),
        kv_(kv),
        durability_(durability),
        reactor_(std::make_unique<reactor::ManualReactor>(options.reactor)) {}

  absl::Status OpenShard(const std::string& name, uint32_t index)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Make(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ManualNamespacesOptions options_;
  store::OrderedKv& kv_;
  const store::Durability durability_;

  Mutex mutex_;
  uint32_t next_index_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, Namespace> namespaces_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<reactor::ManualReactor> reactor_;  // last: it uses all of the above
};

}  // namespace timerd
