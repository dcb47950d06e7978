// Of Shard: reading feeds.
#include <utility>

#include "server/base/handle_key.h"
#include "server/reactor/feed_page.h"
#include "server/reactor/shard.h"

namespace timerd::reactor {
namespace {

// Pages read in one turn, so that readers who catch up do not make timers late.
constexpr size_t kPagesPerTurn = 4;

}  // namespace

void Shard::Do(ReadFeed command) {
  const absl::string_view name = NamespaceOf(command.filter.prefix);
  if (std::holds_alternative<FromNow>(command.start)) {
    command.start = AfterEvent{feeds_.ExtentOf(name).next() - 1};
  }
  // Who begins sees all that was decided before; who goes on is not made to wait for it.
  const auto* const after = std::get_if<AfterEvent>(&command.start);
  const bool is_stored = after != nullptr && after->sequence + 1 < feeds_.AppliedNext(name);
  if (!is_stored) {
    Want(LatestFrame());
  }
  feed_reads_.push_back({is_stored ? 0 : LatestFrame(), std::move(command)});
}

void Shard::ReadFeeds() {
  // A clock that stands still takes no further turn by itself.
  for (size_t read = 0; (options_.is_virtual || read < kPagesPerTurn) && !feed_reads_.empty() &&
                        feed_reads_.front().after <= applied_;
       ++read) {
    ReadFeed command = std::move(feed_reads_.front().command);
    feed_reads_.pop_front();
    const absl::string_view name = NamespaceOf(command.filter.prefix);
    absl::StatusOr<FeedPage> page = ReadFeedPage(state_, feeds_.ExtentOf(name), command);
    if (page.ok()) {
      page->now = reading_.now;
      // Of these nobody will be told: it was done while this read was waiting.
      page->more |= feeds_.IsStoreBehind(name);
    }
    command.reply(std::move(page));
  }
}

}  // namespace timerd::reactor
