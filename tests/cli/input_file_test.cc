#include "client/cli/input_file.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace timerd::cli {
namespace {

TEST(ReadInputFileTest, ReadsFilesOfManyChunksUpToTheLimit) {
  const std::string name = ::testing::TempDir() + "/timerctl_input";
  const std::string bytes(200'000, 'x');
  std::ofstream(name, std::ios::binary) << bytes;
  EXPECT_EQ(*ReadInputFile(name, bytes.size()), bytes);
  EXPECT_TRUE(absl::IsOutOfRange(ReadInputFile(name, bytes.size() - 1).status()));
  std::remove(name.c_str());
}

TEST(ReadInputFileTest, ReadsAnEmptyFile) { EXPECT_EQ(*ReadInputFile("/dev/null", 1), ""); }

TEST(ReadInputFileTest, TellsAFileThatCannotBeReadFromOneThatIsEmpty) {
  for (const std::string name : {"/no/such/file", "/", ""}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ReadInputFile(name, 1).status())) << name;
  }
}

}  // namespace
}  // namespace timerd::cli
