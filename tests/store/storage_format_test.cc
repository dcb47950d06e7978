// The worked example of docs/storage_format.md is what the code writes.
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

// A timer "t1" of 5 s is made at 1 s, cancelled at 2 s, and forgotten after a retention of 60 s.
std::vector<Frame> ExampleFrames() {
  constexpr int64_t kSecond = 1'000'000'000;
  constexpr int64_t kTimes[] = {kSecond, 2 * kSecond, 62 * kSecond};
  std::vector<Frame> frames;
  for (uint64_t sequence : {1, 2, 3}) {
    Frame& frame = frames.emplace_back(EmptyFrame(/*shard=*/1, sequence));
    frame.set_time_ns(kTimes[sequence - 1]);
    frame.set_wall_ns(frame.time_ns());
    frame.set_next_place(sequence == 1 ? 2 : 3);
  }
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

  storage::v1::Erase& forgotten = *frames[2].add_operations()->mutable_erase();
  forgotten.set_key("default/t1");
  *forgotten.add_disarmed() = KeyOf(state.retention());
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

TEST(StorageFormatTest, IsAsTheWorkedExampleShows) {
  MemoryKv kv;
  auto log = KvShardLog::Open(kv, 1, Durability::kOs);
  ASSERT_TRUE(log.ok());
  for (const Frame& frame : ExampleFrames()) {
    ASSERT_TRUE((*log)->Append(frame).ok());
  }
  const std::string frames = Dump(kv);
  ASSERT_TRUE((*log)->Trim(3).ok());

  auto store = KvStateStore::Open(kv, 1);
  ASSERT_TRUE(store.ok());
  std::vector<std::string> states;
  for (const Frame& frame : ExampleFrames()) {
    ASSERT_TRUE((*store)->Apply(frame).ok());
    states.push_back(Dump(kv));
  }

  std::ifstream file(TIMERD_STORAGE_FORMAT_PAGE);
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  for (const std::string& block : {frames, states[0], states[1], states[2]}) {
    EXPECT_NE(page.find(absl::StrCat("```text\n", block, "```")), std::string::npos)
        << "docs/storage_format.md lacks the block\n"
        << block;
  }
}

}  // namespace
}  // namespace timerd::store
