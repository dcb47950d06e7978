#include "server/push/signature.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace timerd::push {
namespace {

using ::timerd::testing::HasStatus;
using ::timerd::testing::IsOk;

// A file with this content, until the end of the test.
class SecretFile {
 public:
  explicit SecretFile(const std::string& content) {
    close(mkstemp(path_.data()));
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~SecretFile() { unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/timerd-secret-XXXXXX";
};

absl::StatusOr<std::string> Read(const std::string& content) {
  return ReadSecret(SecretFile(content).path());
}

// printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 'correct horse battery staple'
TEST(SignatureTest, IsTheHmacOfTimeAndBody) {
  EXPECT_EQ(Sign("correct horse battery staple", 1'700'000'000, R"({"a":1})"),
            "t=1700000000,v1=c0385f8b18e8d1ac37a3c0d93fa81ef49dc339ee11bf4170c61942141ce6cd98");
}

TEST(SignatureTest, DependsOnKeyTimeAndBody) {
  const std::string signature = Sign("key", 17, "body");
  EXPECT_NE(signature.substr(4), Sign("kez", 17, "body").substr(4));
  EXPECT_NE(signature.substr(4), Sign("key", 18, "body").substr(4));
  EXPECT_NE(signature.substr(4), Sign("key", 17, "bodz").substr(4));
}

TEST(ReadSecretTest, TakesTheFileWithoutTheWhiteSpaceAtItsEnd) {
  EXPECT_THAT(Read(" 0123456789abcdef\n"), IsOk());
  EXPECT_EQ(*Read(" 0123456789abcdef \r\n"), " 0123456789abcdef");
  EXPECT_EQ(Read(std::string(4096, 'k'))->size(), 4096);
}

TEST(ReadSecretTest, RefusesKeysThatAreTooShortOrTooLong) {
  EXPECT_THAT(Read(""), HasStatus(absl::StatusCode::kInvalidArgument, "has 0 bytes"));
  EXPECT_THAT(Read("0123456789abcde\n\n"),
              HasStatus(absl::StatusCode::kInvalidArgument, "has 15 bytes; use 16 to 4096"));
  EXPECT_THAT(Read(std::string(4097, 'k')),
              HasStatus(absl::StatusCode::kInvalidArgument, "more than 4096"));
}

TEST(ReadSecretTest, SaysWhichFileItCannotRead) {
  EXPECT_THAT(ReadSecret("/nowhere/secret"),
              HasStatus(absl::StatusCode::kInvalidArgument,
                        "--push-secret-file: cannot read /nowhere/secret"));
  EXPECT_THAT(ReadSecret("/tmp"), HasStatus(absl::StatusCode::kInvalidArgument, "/tmp"));
}

}  // namespace
}  // namespace timerd::push
