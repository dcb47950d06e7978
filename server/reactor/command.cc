#include "server/reactor/command.h"

namespace timerd::reactor {

void RefuseCommand(Command& command, const absl::Status& error) {
  std::visit(
      [&error](auto& each) {
        if constexpr (requires { each.reply(error); }) {
          each.reply(error);
        }
      },
      command);
}

}  // namespace timerd::reactor
