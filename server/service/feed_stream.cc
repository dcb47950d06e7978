#include "server/service/feed_stream.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "server/base/handle_key.h"
#include "server/service/status_mapping.h"
#include "server/service/translation.h"

namespace timerd::service {

std::shared_ptr<FeedStream> FeedStream::Make(const Cursors& cursors, StreamRegistry& registry,
                                             CallCounts& calls, std::atomic<size_t>& open) {
  auto stream = std::make_shared<FeedStream>(cursors, registry, calls, open);
  const MutexLock lock(stream->mutex_);
  stream->self_ = stream;
  open.fetch_add(1, std::memory_order_relaxed);
  return stream;
}

bool FeedStream::Admit() {
  const absl::Status admitted = registry_.Add(this);
  if (!admitted.ok()) {
    EndWith(admitted);
  }
  return admitted.ok();
}

void FeedStream::Begin(const reactor::FeedFilter& filter, std::vector<reactor::FeedStart> starts,
                       const std::vector<ShardPort>& shards) {
  std::vector<reactor::ReadFeed> reads;
  {
    const MutexLock lock(mutex_);
    filter_ = filter;
    name_space_ = std::string(NamespaceOf(filter.prefix));
    for (const ShardPort& shard : shards) {
      sources_.push_back({.shard = shard});
    }
    for (uint32_t i = 0; i < sources_.size(); ++i) {
      reads.push_back(ReadOf(i, starts[i]));
    }
  }
  for (uint32_t i = 0; i < reads.size(); ++i) {
    shards[i].port->Post(std::move(reads[i]));  // a full inbox answers at once
  }
}

reactor::ReadFeed FeedStream::ReadOf(uint32_t index, reactor::FeedStart start) {
  sources_[index].reading = true;
  return {.start = start,
          .filter = filter_,
          .reply = [self = shared_from_this(), index](absl::StatusOr<reactor::FeedPage> page) {
            self->OnPage(index, std::move(page));
          }};
}

void FeedStream::OnPage(uint32_t index, absl::StatusOr<reactor::FeedPage> page) {
  const MutexLock lock(mutex_);
  Source& source = sources_[index];
  source.reading = false;
  if (!page.ok()) {
    EndLocked(page.status());
  } else if (!end_) {
    source.page = *std::move(page);
    source.next = 0;
    source.more = source.page.more;
    const bool complete = source.page.missing == 0 && !source.HasEvent();
    source.through = complete ? source.page.through : source.page.begin - source.page.missing;
    if (!source.more) {
      source.shard.attachments->feeds().Await(name_space_, shared_from_this(), index);
    }
  }
  Proceed();
}

void FeedStream::OnFeedGrown(uint32_t shard) {
  const MutexLock lock(mutex_);
  sources_[shard].more = true;
  Proceed();
}

void FeedStream::EndWith(const absl::Status& status) {
  const MutexLock lock(mutex_);
  EndLocked(status);
  Proceed();
}

void FeedStream::OnWriteDone(bool ok) {
  const MutexLock lock(mutex_);
  writing_ = false;
  if (!ok) {
    EndLocked(absl::CancelledError());
  }
  Proceed();
}

void FeedStream::OnCancel() { EndWith(absl::CancelledError()); }

void FeedStream::OnDone() {
  registry_.Remove(this);
  open_.fetch_sub(1, std::memory_order_relaxed);
  std::shared_ptr<FeedStream> self;
  std::vector<ShardPort> shards;
  std::string name;
  {
    const MutexLock lock(mutex_);
    self = std::move(self_);
    name = name_space_;
    for (const Source& source : sources_) {
      shards.push_back(source.shard);
    }
  }
  for (const ShardPort& shard : shards) {
    shard.port->PostAlways(reactor::Run{[shard, name] { shard.attachments->feeds().Sweep(name); }});
  }
}

void FeedStream::EndLocked(const absl::Status& status) {
  gone_.store(true);
  if (!end_) {
    end_ = status;
  }
}

void FeedStream::Proceed() {
  if (writing_ || finished_) {
    return;
  }
  if (end_) {
    finished_ = true;
    calls_.Count<v1::WatchRequest>(*end_);
    Finish(ToGrpc(*end_));
    return;
  }
  for (uint32_t i = 0; i < sources_.size(); ++i) {
    Source& source = sources_[i];
    if (source.more && !source.reading && source.page.missing == 0 && !source.HasEvent()) {
      source.more = false;
      source.shard.port->PostAlways(ReadOf(i, reactor::AfterEvent{source.through}));
    }
  }
  if (MakeNext()) {
    writing_ = true;
    StartWrite(&response_);
  }
}

bool FeedStream::MakeNext() {
  // What a shard has that is being read may come before what the others have.
  Source* first = nullptr;
  for (Source& source : sources_) {
    if (source.reading) {
      return false;
    }
    if (source.HasEvent() && (first == nullptr || source.page.events[source.next].event.time <
                                                      first->page.events[first->next].event.time)) {
      first = &source;
    }
  }
  if (sources_.empty()) {
    return false;
  }
  response_.Clear();
  if (!acknowledged_) {
    MakeAcknowledgement();
  } else if (!MakeGap()) {
    if (first == nullptr) {
      return false;
    }
    MakeEvent(*first);
  }
  response_.set_cursor(Cursor());
  if (response_.has_event()) {
    response_.mutable_event()->set_cursor(response_.cursor());
  }
  return true;
}

void FeedStream::MakeAcknowledgement() {
  acknowledged_ = true;
  Instant now;
  for (const Source& source : sources_) {
    now = std::max(now, source.page.now);
  }
  Translate(now, response_.mutable_acknowledged()->mutable_now());
}

bool FeedStream::MakeGap() {
  uint64_t missing = 0;
  std::optional<Instant> oldest;
  for (Source& source : sources_) {
    if (source.page.oldest) {
      oldest = oldest ? std::min(*oldest, *source.page.oldest) : *source.page.oldest;
    }
    if (source.page.missing > 0) {
      missing += std::exchange(source.page.missing, 0);
      source.through = source.HasEvent() ? source.page.begin : source.page.through;
    }
  }
  if (missing > 0) {
    response_.mutable_gap()->set_missing(missing);
    if (oldest) {
      Translate(*oldest, response_.mutable_gap()->mutable_oldest());
    }
  }
  return missing > 0;
}

void FeedStream::MakeEvent(Source& source) {
  const reactor::Notice& notice = source.page.events[source.next];
  Translate(notice, response_.mutable_event());
  source.through = notice.feed.sequence;
  ++source.next;
  if (!source.HasEvent()) {
    source.through = source.page.through;
    source.page.events.clear();
    source.next = 0;
  }
}

std::string FeedStream::Cursor() const {
  std::vector<uint64_t> places;
  places.reserve(sources_.size());
  for (const Source& source : sources_) {
    places.push_back(source.through);
  }
  return cursors_.OfFeed(name_space_, places);
}

}  // namespace timerd::service
