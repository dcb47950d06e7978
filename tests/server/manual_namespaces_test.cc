// Which namespace has which shard, under manual clocks.
#include "server/manual_namespaces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/base/handle_key.h"
#include "server/store/keys.h"
#include "server/store/memory_kv.h"
#include "tests/support/status_matchers.h"

namespace timerd {
namespace {

using ::testing::HasSubstr;
using ::timerd::testing::IsOk;
using ::timerd::testing::IsRefused;

class ManualNamespacesTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<ManualNamespaces>> Open() {
    return ManualNamespaces::Open(options_, kv_, store::Durability::kMemory);
  }
  // The shard number that is written down for `name`; empty if none is.
  std::string ShardOf(const std::string& name) {
    return kv_.Get(store::ClockKey(name))->value_or("");
  }

  ManualNamespacesOptions options_;
  store::MemoryKv kv_;
};

TEST_F(ManualNamespacesTest, GivesANamespaceOneShardForTheLifeOfTheStore) {
  for (int life = 0; life < 2; ++life) {
    const auto namespaces = Open();
    ASSERT_THAT(namespaces, IsOk());
    const auto a = (*namespaces)->For(HandleKey("a", "x"));
    const auto again = (*namespaces)->For(HandleKey("a", "y"));
    const auto b = (*namespaces)->For(HandleKey("b", "x"));
    ASSERT_TRUE(a.ok() && again.ok() && b.ok());
    EXPECT_EQ(a->port, again->port);
    EXPECT_NE(a->port, b->port);
    EXPECT_EQ(ShardOf("default"), "0");
    EXPECT_EQ(ShardOf("a"), "1");
    EXPECT_EQ(ShardOf("b"), "2");
  }
}

TEST_F(ManualNamespacesTest, RefusesOneTooManyAndWritesNothingOfIt) {
  options_.max_namespaces = 2;  // "default" is one
  const auto namespaces = Open();
  ASSERT_THAT(namespaces, IsOk());
  ASSERT_TRUE((*namespaces)->For(HandleKey("a", "x")).ok());
  EXPECT_THAT((*namespaces)->For(HandleKey("b", "x")).status(), IsRefused(Reason::kLimitExceeded));
  EXPECT_EQ(ShardOf("b"), "");
}

TEST_F(ManualNamespacesTest, RefusesAStoreWhoseShardNumbersAreDamaged) {
  store::WriteBatch batch;
  batch.Put(store::ClockKey("a"), "seven");
  ASSERT_THAT(kv_.Write(batch, store::Durability::kMemory), IsOk());
  const auto namespaces = Open();
  EXPECT_EQ(namespaces.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(namespaces.status().message()), HasSubstr("restore the data directory"));
}

}  // namespace
}  // namespace timerd
