// The stores that the contract tests run against.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "server/store/ordered_kv.h"

namespace timerd::store {

struct Driver {
  std::string name;
  // An empty store, and whatever it needs to live.
  std::function<std::shared_ptr<OrderedKv>()> make;
};

testing::internal::ParamGenerator<Driver> AllDrivers();
std::string DriverName(const testing::TestParamInfo<Driver>& info);

// The base of a contract test: a fresh store for each driver.
class DriverTest : public testing::TestWithParam<Driver> {
 protected:
  const std::shared_ptr<OrderedKv> kv_ = GetParam().make();
};

}  // namespace timerd::store
