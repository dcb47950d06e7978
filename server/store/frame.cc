#include "server/store/frame.h"

#include "google/protobuf/arena.h"

namespace timerd::store {
namespace {

google::protobuf::ArenaOptions Options() {
  google::protobuf::ArenaOptions options;
  options.start_block_size = 4 << 10;
  options.max_block_size = 64 << 10;
  return options;
}

struct Holder {
  google::protobuf::Arena arena{Options()};
  Frame* frame = google::protobuf::Arena::CreateMessage<Frame>(&arena);
};

}  // namespace

std::shared_ptr<Frame> NewFrame() {
  auto holder = std::make_shared<Holder>();
  Frame* const frame = holder->frame;
  return {std::move(holder), frame};
}

}  // namespace timerd::store
