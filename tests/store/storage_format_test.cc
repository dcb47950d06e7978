// The worked example of docs/storage_format.md is what the code writes.
#include <algorithm>
#include <fstream>
#include <iterator>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/store/kv_shard_log.h"
#include "server/store/kv_state_store.h"
#include "server/store/memory_kv.h"
#include "tests/store/frames.h"

namespace timerd::store {
namespace {

void Set(storage::v1::Deadline& due, int64_t at_ns, uint64_t place,
         storage::v1::Timeline timeline) {
  due.set_at_ns(at_ns);
  due.set_place(place);
  due.set_timeline(timeline);
}

// The deadlines here lie on whole ticks, so that nothing is rounded.
storage::v1::DueKey KeyOf(const storage::v1::Deadline& due) {
  storage::v1::DueKey key;
  key.set_deadline_ns(due.at_ns());
  key.set_place(due.place());
  key.set_timeline(due.timeline());
  return key;
}

void SetTimers(Frame& frame, uint64_t timers) {
  NamespaceCount& count = *frame.add_namespaces();
  count.set_name("default");
  count.set_timers(timers);
}

constexpr int64_t kSecond = 1'000'000'000;

Frame FrameAt(uint64_t sequence, int64_t seconds, uint64_t next_place) {
  Frame frame = EmptyFrame(/*shard=*/1, sequence);
  frame.set_time_ns(seconds * kSecond);
  frame.set_wall_ns(frame.time_ns());
  frame.set_next_place(next_place);
  return frame;
}

void AddEvent(Frame& frame, const std::string& key, const storage::v1::Event& event,
              const std::string& queue, FeedExtent& extent) {
  storage::v1::FeedEvent& added = *frame.add_events();
  added.set_sequence(std::max<uint64_t>(extent.next(), 1));
  added.set_key(key);
  added.set_kind(storage::v1::KIND_TIMER);
  added.set_generation(1);
  added.set_queue(queue);
  *added.mutable_event() = event;
  added.set_end(event.type() != storage::v1::EVENT_TYPE_FIRED);
  extent.set_name("default");
  extent.set_first(1);
  extent.set_next(added.sequence() + 1);
  extent.set_bytes(extent.bytes() + added.ByteSizeLong());
  extent.set_oldest_ns(extent.oldest_ns() == 0 ? event.time_ns() : extent.oldest_ns());
  *frame.add_feeds() = extent;
}

// A timer "t1" of 5 s is made at 1 s, cancelled at 2 s, and forgotten after a retention of 60 s.
std::vector<Frame> TimerFrames(FeedExtent& extent) {
  std::vector<Frame> frames = {FrameAt(1, 1, 2), FrameAt(2, 2, 3), FrameAt(3, 62, 3)};
  storage::v1::Put& made = *frames[0].add_operations()->mutable_put();
  made.set_key("default/t1");
  storage::v1::Spec spec;
  spec.set_kind(storage::v1::KIND_TIMER);
  spec.set_span_ns(5 * kSecond);
  spec.set_payload("hi");
  spec.set_created_ns(kSecond);
  spec.set_first_deadline_ns(6 * kSecond);
  spec.set_generation(1);
  made.set_spec(spec.SerializeAsString());
  storage::v1::State state;
  state.set_phase(storage::v1::PHASE_PENDING);
  Set(*state.mutable_due(), 6 * kSecond, 1, storage::v1::TIMELINE_SERVICE);
  made.set_state(state.SerializeAsString());
  *made.add_armed() = KeyOf(state.due());
  SetTimers(frames[0], 1);

  storage::v1::Put& cancelled = *frames[1].add_operations()->mutable_put();
  cancelled.set_key("default/t1");
  *cancelled.add_disarmed() = KeyOf(state.due());
  state.clear_due();
  state.set_phase(storage::v1::PHASE_ENDED);
  state.set_sequence(1);
  state.mutable_end()->set_type(storage::v1::EVENT_TYPE_CANCELLED);
  state.mutable_end()->set_sequence(1);
  state.mutable_end()->set_time_ns(2 * kSecond);
  Set(*state.mutable_retention(), 62 * kSecond, 2, storage::v1::TIMELINE_RETENTION);
  *cancelled.add_armed() = KeyOf(state.retention());
  cancelled.set_state(state.SerializeAsString());
  SetTimers(frames[1], 0);
  AddEvent(frames[1], "default/t1", state.end(), "", extent);

  storage::v1::Erase& forgotten = *frames[2].add_operations()->mutable_erase();
  forgotten.set_key("default/t1");
  *forgotten.add_disarmed() = KeyOf(state.retention());
  return frames;
}

void SetQueue(Frame& frame, uint64_t waiting, uint64_t leased, uint64_t dead_letters) {
  QueueCount& count = *frame.add_queues();
  count.set_name("default/mail");
  count.set_waiting(waiting);
  count.set_leased(leased);
  count.set_dead_letters(dead_letters);
}

// A timer "t2", due at once, is made for queue "mail" at 70 s; a worker takes it at 71 s, under a
// lease of 30 s, and fails it for good at 72 s.
std::vector<Frame> QueueFrames(FeedExtent& extent) {
  std::vector<Frame> frames = {FrameAt(4, 70, 4), FrameAt(5, 71, 5), FrameAt(6, 72, 7)};
  storage::v1::Put& made = *frames[0].add_operations()->mutable_put();
  made.set_key("default/t2");
  made.set_queue("default/mail");
  storage::v1::Spec spec;
  spec.set_kind(storage::v1::KIND_TIMER);
  spec.set_reported(true);
  spec.set_created_ns(70 * kSecond);
  spec.set_first_deadline_ns(70 * kSecond);
  spec.set_generation(1);
  spec.set_queue("mail");
  spec.mutable_retry();
  made.set_spec(spec.SerializeAsString());
  storage::v1::State state;
  state.set_phase(storage::v1::PHASE_PENDING);
  Set(*state.mutable_due(), 70 * kSecond, 3, storage::v1::TIMELINE_SERVICE);
  storage::v1::Deadline& due = *state.mutable_delivery()->mutable_due();
  Set(due, 70 * kSecond, 3, storage::v1::TIMELINE_QUEUE);
  made.set_state(state.SerializeAsString());
  *made.add_armed() = KeyOf(due);
  SetTimers(frames[0], 1);
  SetQueue(frames[0], 1, 0, 0);

  storage::v1::Put& taken = *frames[1].add_operations()->mutable_put();
  taken.set_key("default/t2");
  taken.set_queue("default/mail");
  *taken.add_disarmed() = KeyOf(due);
  state.clear_due();
  state.set_phase(storage::v1::PHASE_RUNNING);
  state.set_run(1);
  state.set_sequence(1);
  storage::v1::Event& fired = *state.mutable_last_firing();
  fired.set_type(storage::v1::EVENT_TYPE_FIRED);
  fired.set_sequence(1);
  fired.set_time_ns(71 * kSecond);
  fired.set_deadline_ns(70 * kSecond);
  fired.set_run(1);
  state.mutable_delivery()->set_attempts(1);
  state.mutable_delivery()->set_lease(0x1122334455667788);
  Set(due, 101 * kSecond, 4, storage::v1::TIMELINE_SERVICE);
  *taken.add_armed() = KeyOf(due);
  taken.set_state(state.SerializeAsString());
  SetQueue(frames[1], 0, 1, 0);
  AddEvent(frames[1], "default/t2", fired, "mail", extent);

  storage::v1::DeadLetter letter;
  letter.set_key("default/t2");
  letter.set_spec(spec.SerializeAsString());
  letter.set_run(1);
  letter.set_attempts(1);
  letter.set_deadline_ns(70 * kSecond);
  letter.set_failure("no");
  storage::v1::Bury& bury = *frames[2].add_operations()->mutable_bury();
  bury.mutable_key()->set_queue("default/mail");
  bury.mutable_key()->set_failed_ns(72 * kSecond);
  bury.mutable_key()->set_place(6);
  bury.set_letter(letter.SerializeAsString());
  storage::v1::Put& failed = *frames[2].add_operations()->mutable_put();
  failed.set_key("default/t2");
  *failed.add_disarmed() = KeyOf(due);
  state.set_phase(storage::v1::PHASE_ENDED);
  state.set_sequence(2);
  state.set_reported_run(1);
  state.mutable_end()->set_type(storage::v1::EVENT_TYPE_FAILED);
  state.mutable_end()->set_sequence(2);
  state.mutable_end()->set_time_ns(72 * kSecond);
  state.mutable_end()->set_run(1);
  state.mutable_end()->set_payload("no");
  state.mutable_end()->set_attempts(1);
  state.mutable_delivery()->clear_lease();
  state.mutable_delivery()->clear_due();
  Set(*state.mutable_retention(), 132 * kSecond, 5, storage::v1::TIMELINE_RETENTION);
  *failed.add_armed() = KeyOf(state.retention());
  failed.set_state(state.SerializeAsString());
  SetTimers(frames[2], 0);
  SetQueue(frames[2], 0, 0, 1);
  AddEvent(frames[2], "default/t2", state.end(), "mail", extent);
  return frames;
}

std::string Dump(const OrderedKv& kv) {
  std::string text;
  EXPECT_TRUE(kv.Scan("", "\xff", [&](absl::string_view key, absl::string_view value) {
                  absl::StrAppend(&text, absl::BytesToHexString(key), "\n    ",
                                  absl::BytesToHexString(value), "\n");
                  return true;
                }).ok());
  return text;
}

// What a log of `frames` looks like.
std::string LogOf(const std::vector<Frame>& frames) {
  MemoryKv kv;
  auto log = KvShardLog::Open(kv, 1, Durability::kOs);
  EXPECT_TRUE(log.ok());
  for (const Frame& frame : frames) {
    EXPECT_TRUE((*log)->Append(frame).ok());
  }
  return Dump(kv);
}

TEST(StorageFormatTest, IsAsTheWorkedExampleShows) {
  FeedExtent extent;
  const std::vector<Frame> timer = TimerFrames(extent);
  const std::vector<Frame> queue = QueueFrames(extent);
  std::vector<std::string> blocks = {LogOf(timer), LogOf(queue)};
  MemoryKv kv;
  auto store = KvStateStore::Open(kv, 1);
  ASSERT_TRUE(store.ok());
  for (const std::vector<Frame>& frames : {timer, queue}) {
    for (const Frame& frame : frames) {
      ASSERT_TRUE((*store)->Apply(frame).ok());
      blocks.push_back(Dump(kv));
    }
  }

  std::ifstream file(TIMERD_STORAGE_FORMAT_PAGE);
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  for (const std::string& block : blocks) {
    EXPECT_NE(page.find(absl::StrCat("```text\n", block, "```")), std::string::npos)
        << "docs/storage_format.md lacks the block\n"
        << block;
  }
}

}  // namespace
}  // namespace timerd::store
