// Tests of time-dependent code: a server whose clock stands still until it is told to go on, and a
// namespace of it for each test. Link timerd::client_testing. docs/testing.md shows their use.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "timerd/client.h"

namespace timerd {
inline namespace client {

class ChildProcess;

struct TestServerOptions {
  // The program to run; when empty the one that the environment variable TIMERD_BINARY names, or
  // else the `timerd` in PATH.
  std::string binary;
  // Besides --clock=manual, --durability=none, --listen=127.0.0.1:0 and --http=off.
  std::vector<std::string> flags;
  absl::Duration ready_within = absl::Seconds(30);
};

// A timerd in a child process, with a manual clock and nothing on disk. It is killed with this
// object, or when the thread that started it ends.
class TestServer {
 public:
  static absl::StatusOr<std::unique_ptr<TestServer>> Start(TestServerOptions options = {});
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  const std::string& address() const { return address_; }
  // What it has written to standard error so far.
  std::string Log() const;

 private:
  TestServer(std::unique_ptr<ChildProcess> process, std::string address);

  const std::unique_ptr<ChildProcess> process_;
  const std::string address_;
};

struct TestNamespaceOptions {
  // For client(); `target` and `name_space` are set by the namespace.
  ClientOptions client;
  // How long, in real time, the calls below wait for clients, functions and the server at each
  // moment that they stop at, and how long they go on firing what is due at that same moment,
  // before they give up with kDeadlineExceeded and say why.
  absl::Duration patience = absl::Seconds(10);
};

// A namespace that nobody else uses, a client in it, and its time. Not thread-safe; not to be used
// on a callback thread of its clients, as it waits for those.
//
// When Advance(), Jump(), AdvanceToNext() or Settle() return OK,
//   * what the clients made here have asked for - handles, cancels, moves, reports - is answered;
//   * they have taken in every event that the server has decided until then;
//   * functions of timers and loops that were to run have run, and their reports are answered;
//   * callbacks (OnDone, OnReady, on_timeout) that were due have run, and done() and result() of
//     what has ended are ready.
// What is not waited for: operations given to WithTimeout(), which may themselves wait for time to
// pass, and threads of your own.
class TestNamespace {
 public:
  // On a server with --clock=manual: a TestServer's address, or that of one that runs already.
  static absl::StatusOr<std::unique_ptr<TestNamespace>> Create(const std::string& address,
                                                               TestNamespaceOptions options = {});
  ~TestNamespace();
  TestNamespace(const TestNamespace&) = delete;
  TestNamespace& operator=(const TestNamespace&) = delete;

  const std::string& name() const { return name_; }
  Client& client() { return *client_; }
  // One more client in this namespace, as another process would be; it is waited for as well.
  std::unique_ptr<Client> NewClient(ClientOptions options = {});

  struct Advanced {
    absl::Time now;      // the time from now on
    uint64_t fired = 0;  // how many deadlines fired
  };
  // May be called by functions too, on any thread.
  absl::StatusOr<absl::Time> Now() const;

  // Goes forward as a real clock would if functions took no time: stops at each deadline, settles,
  // and goes on from there. So a loop ticks as often as it is due, and what a function schedules on
  // the way fires on the way; also what it makes due at once. Deadlines of the same moment fire
  // together. Uses a timer of the id "timerd-testing-stop".
  absl::StatusOr<Advanced> Advance(absl::Duration by);
  // Goes forward as a server that was down or late: the time is moved first, and what is then due,
  // at most `limit` deadlines unless 0, fires at the new time. Then settles.
  absl::StatusOr<Advanced> Jump(absl::Duration by, uint64_t limit = 0);
  // Goes to the next deadline, fires all that is due there, and settles. Without one: no effect.
  absl::StatusOr<Advanced> AdvanceToNext();
  // Waits for all of the above where the time is: after the first tick of a loop, or Trigger().
  absl::Status Settle();

 private:
  struct Rpc;

  TestNamespace(std::string name, TestNamespaceOptions options, std::unique_ptr<Rpc> rpc);
  absl::Time Patience() const;
  absl::Status CheckMoment(absl::Time until, const Advanced& advanced) const;
  // Both add to `advanced`.
  absl::Status StepTo(absl::Time stop, Advanced& advanced);
  absl::Status FireWhatIsDue(Advanced& advanced);

  const std::string name_;
  const TestNamespaceOptions options_;
  const std::unique_ptr<Rpc> rpc_;
  std::vector<std::weak_ptr<Connection>> connections_;
  std::unique_ptr<Client> client_;
};

}  // namespace client
}  // namespace timerd
