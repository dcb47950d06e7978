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

void Set(storage::v1::Deadline& due, int64_t at_ns, uint64_t place) {
  due.set_at_ns(at_ns);
  due.set_place(place);
}

// The deadlines here lie on whole ticks, so that nothing is rounded.
storage::v1::DueKey KeyOf(const storage::v1::Deadline& due) {
  storage::v1::DueKey key;
  key.set_deadline_ns(due.at_ns());
  key.set_place(due.place());
  return key;
}

// A timer "t1" of 5 s is made at 1 s, moved to 9 s at 2 s, and erased at 3 s.
std::vector<Frame> ExampleFrames() {
  std::vector<Frame> frames;
  for (uint64_t sequence : {1, 2, 3}) {
    Frame& frame = frames.emplace_back(EmptyFrame(/*shard=*/1, sequence));
    frame.set_time_ns(static_cast<int64_t>(sequence) * 1'000'000'000);
    frame.set_wall_ns(frame.time_ns());
    frame.set_next_place(sequence == 1 ? 2 : 3);
  }
  storage::v1::Put& made = *frames[0].add_operations()->mutable_put();
  made.set_id("t1");
  storage::v1::Spec spec;
  spec.set_kind(storage::v1::KIND_TIMER);
  spec.set_span_ns(5'000'000'000);
  spec.set_payload("hi");
  spec.set_created_ns(1'000'000'000);
  made.set_spec(spec.SerializeAsString());
  storage::v1::State state;
  state.set_phase(storage::v1::PHASE_PENDING);
  Set(*state.mutable_due(), 6'000'000'000, 1);
  made.set_state(state.SerializeAsString());
  *made.add_armed() = KeyOf(state.due());

  storage::v1::Put& moved = *frames[1].add_operations()->mutable_put();
  moved.set_id("t1");
  *moved.add_disarmed() = KeyOf(state.due());
  Set(*state.mutable_due(), 9'000'000'000, 2);
  *moved.add_armed() = KeyOf(state.due());
  moved.set_state(state.SerializeAsString());

  storage::v1::Erase& erased = *frames[2].add_operations()->mutable_erase();
  erased.set_id("t1");
  *erased.add_disarmed() = KeyOf(state.due());
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
