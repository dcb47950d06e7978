#include "tests/store/drivers.h"

#include "server/base/check.h"
#include "server/store/data_directory.h"
#include "server/store/memory_kv.h"
#include "tests/support/crashing_kv.h"
#include "tests/support/temp_dir.h"

namespace timerd::store {
namespace {

std::shared_ptr<OrderedKv> MakeRocks() {
  struct Owned {
    TempDir parent;
    std::unique_ptr<RocksKv> kv;
  };
  auto owned = std::make_shared<Owned>();
  RocksKvOptions options;
  options.create = true;
  auto kv = RocksKv::Open(owned->parent.path() + "/db", options);
  TIMERD_CHECK(kv.ok());
  owned->kv = *std::move(kv);
  return {owned, owned->kv.get()};
}

}  // namespace

testing::internal::ParamGenerator<Driver> AllDrivers() {
  return testing::Values(
      Driver{"Rocks", MakeRocks}, Driver{"Memory", [] { return std::make_shared<MemoryKv>(); }},
      Driver{"Crashing", [] { return std::make_shared<CrashingKv>(/*seed=*/1); }});
}

std::string DriverName(const testing::TestParamInfo<Driver>& info) { return info.param.name; }

}  // namespace timerd::store
