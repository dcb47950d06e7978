#include "tests/store/frame_model.h"

#include "server/base/check.h"
#include "server/base/handle_key.h"

namespace timerd::store {
namespace {

Model::Due DueOf(const storage::v1::DueKey& key, const std::string& queue) {
  const bool waits = key.timeline() == storage::v1::TIMELINE_QUEUE;
  return {key.timeline(), waits ? queue : "", key.deadline_ns(), key.place()};
}

Model::Letter LetterOf(const storage::v1::LetterKey& key) {
  return {key.queue(), key.failed_ns(), key.place()};
}

// What Contents() finds of queues and of feeds.
void AddQueues(const StateStore& store, Model& model) {
  const auto queues = store.queues();
  TIMERD_CHECK(queues.ok());
  for (const QueueCount& count : *queues) {
    const std::string& queue = count.name();
    model.queues[queue] = count.SerializeAsString();
    TIMERD_CHECK(store
                     .ScanWaiting(queue, std::nullopt,
                                  [&](const DueKey& due, absl::string_view key) {
                                    model.due[{storage::v1::TIMELINE_QUEUE, queue,
                                               ToNanos(due.deadline), due.place}] =
                                        std::string(key);
                                    return true;
                                  })
                     .ok());
    TIMERD_CHECK(
        store
            .ScanLetters(
                queue, std::nullopt,
                [&](const DueKey& at, absl::string_view letter) {
                  model.letters[{queue, ToNanos(at.deadline), at.place}] = std::string(letter);
                  return true;
                })
            .ok());
  }
}

void AddFeeds(const StateStore& store, Model& model) {
  const auto feeds = store.feeds();
  TIMERD_CHECK(feeds.ok());
  for (const FeedExtent& extent : *feeds) {
    model.feeds[extent.name()] = extent.SerializeAsString();
    TIMERD_CHECK(
        store
            .ScanFeed(extent.name(), 0,
                      [&](const StoredEvent& event) {
                        // A block goes as a whole, with the last of its events.
                        TIMERD_CHECK(event.block_end >= extent.first());
                        if (event.sequence >= extent.first()) {
                          model.events[{extent.name(), event.sequence}] = std::string(event.bytes);
                        }
                        return true;
                      })
            .ok());
  }
}

}  // namespace

void Model::Apply(const Frame& frame) {
  TIMERD_CHECK(frame.sequence() == sequence + 1);
  sequence = frame.sequence();
  next_place = frame.next_place();
  for (const auto& operation : frame.operations()) {
    if (operation.has_put()) {
      const storage::v1::Put& put = operation.put();
      for (const auto& key : put.disarmed()) {
        due.erase(DueOf(key, put.queue()));
      }
      for (const auto& key : put.armed()) {
        due[DueOf(key, put.queue())] = put.key();
      }
      auto& [spec, state] = handles[put.key()];
      if (put.has_spec()) {
        spec = put.spec();
      }
      state = put.state();
    } else if (operation.has_erase()) {
      for (const auto& key : operation.erase().disarmed()) {
        due.erase(DueOf(key, operation.erase().queue()));
      }
      handles.erase(operation.erase().key());
    } else if (operation.has_bury()) {
      letters[LetterOf(operation.bury().key())] = operation.bury().letter();
    } else {
      letters.erase(LetterOf(operation.unbury().key()));
    }
  }
  for (const NamespaceCount& count : frame.namespaces()) {
    namespaces[count.name()] = count.SerializeAsString();
  }
  for (const QueueCount& count : frame.queues()) {
    queues[count.name()] = count.SerializeAsString();
  }
  for (const storage::v1::FeedEvent& event : frame.events()) {
    events[{std::string(NamespaceOf(event.key())), event.sequence()}] = event.SerializeAsString();
  }
  for (FeedExtent extent : frame.feeds()) {
    events.erase(events.lower_bound({extent.name(), 0}),
                 events.lower_bound({extent.name(), extent.first()}));
    extent.clear_trimmed();
    feeds[extent.name()] = extent.SerializeAsString();
  }
}

Model Contents(const StateStore& store) {
  Model model;
  const auto position = store.position();
  TIMERD_CHECK(position.ok());
  model.sequence = position->sequence();
  model.next_place = position->next_place();
  TIMERD_CHECK(
      store
          .Walk("", "",
                [&](absl::string_view id, absl::string_view spec, absl::string_view state) {
                  model.handles[std::string(id)] = {std::string(spec), std::string(state)};
                  return true;
                })
          .ok());
  for (const Timeline timeline : {Timeline::kService, Timeline::kWall, Timeline::kRetention}) {
    TIMERD_CHECK(store
                     .ScanDue(timeline, std::nullopt, Instant::max(),
                              [&](const DueKey& due, absl::string_view key) {
                                model.due[{static_cast<storage::v1::Timeline>(timeline), "",
                                           ToNanos(due.deadline), due.place}] = std::string(key);
                                return true;
                              })
                     .ok());
  }
  const auto namespaces = store.namespaces();
  TIMERD_CHECK(namespaces.ok());
  for (const NamespaceCount& count : *namespaces) {
    model.namespaces[count.name()] = count.SerializeAsString();
  }
  AddQueues(store, model);
  AddFeeds(store, model);
  return model;
}

}  // namespace timerd::store
