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

bool IsFromWorker(const Command& command) {
  return std::holds_alternative<Settle>(command) || std::holds_alternative<Abandon>(command);
}

}  // namespace timerd::reactor
