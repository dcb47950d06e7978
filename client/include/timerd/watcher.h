// Follows the events of many handles: of an id prefix, of a queue, or of all there are.
//
// Each event comes with a cursor. Who stores the last one can go on from there, after a restart
// too. Lost connections and server restarts are survived without help.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "timerd/client.h"
#include "timerd/v1/timers.pb.h"

namespace timerd {
inline namespace client {

class WatcherCore;

struct WatcherOptions {
  // What is followed: handles whose id begins with this, or that name this queue; all handles of
  // the client's namespace when both are empty. Not both.
  std::string id_prefix;
  std::string queue;
  // Where it begins: after this cursor; if empty with the oldest event that the server has kept, or
  // with what happens from now on.
  std::string cursor;
  bool from_oldest = false;
};

// An event, or that some are missing.
struct WatchedItem {
  // Go on after this one by WatcherOptions::cursor.
  std::string cursor;
  // Exactly one is set. A gap: events were not kept for as long as it took to come for them.
  std::optional<v1::Event> event;
  std::optional<v1::Gap> gap;
};

// Thread-safe. Watches from construction until it is stopped.
class Watcher {
 public:
  // Called for one item after the other, in order, on a callback thread of the client. While it is
  // behind, little is read ahead; who stays behind for long is told of a gap.
  using Callback = std::function<void(const WatchedItem&)>;

  // The client must outlive it.
  Watcher(Client& client, WatcherOptions options, Callback callback);
  // Stop().
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // OK once it watches: what happens from then on is told. Otherwise as over().
  Future<absl::Status> watching() const;
  // OK once it has stopped; otherwise why the server refuses it: a cursor that is none, a queue
  // that it does not know. It goes on trying while the server is away.
  Future<absl::Status> over() const;

  // That of the last item that the callback was called with; before the first one where watching
  // began, empty when that is not known yet.
  std::string cursor() const;

  // Once it has returned, the callback does not run, and is not called any more. In the callback it
  // returns at once, and this call is the last one.
  void Stop();

 private:
  std::shared_ptr<WatcherCore> core_;
};

}  // namespace client
}  // namespace timerd
