// Linked against the installed client. No server is there, so its call ends when the client closes.
#include <optional>

#include "timerd/client.h"

int main() {
  std::optional<timerd::Client> client(std::in_place,
                                       timerd::ClientOptions{.target = "127.0.0.1:1"});
  timerd::DelayedCall call = client->CallLater(absl::Seconds(1), [] {});
  client.reset();
  return call.done().Get().end == timerd::End::kDetached ? 0 : 1;
}
