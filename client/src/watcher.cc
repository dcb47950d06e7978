#include "timerd/watcher.h"

#include <utility>

#include "client/src/watcher_core.h"

namespace timerd {
inline namespace client {

Watcher::Watcher(Client& client, WatcherOptions options, Callback callback)
    : core_(std::make_shared<WatcherCore>(client.connection_, std::move(options),
                                          std::move(callback))) {
  core_->Start();
}

Watcher::~Watcher() { core_->Stop(); }

Future<absl::Status> Watcher::watching() const { return core_->watching(); }

Future<absl::Status> Watcher::over() const { return core_->over(); }

std::string Watcher::cursor() const { return core_->cursor(); }

void Watcher::Stop() { core_->Stop(); }

}  // namespace client
}  // namespace timerd
