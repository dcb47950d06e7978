// Reads the values of flags into fields of requests.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/flags.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::cli {

// Remembers the first error; after it, nothing is read any more. Errors name the flag, the value,
// the rule and the way out. The arguments outlive the reader.
class FlagReader {
 public:
  enum class Sign { kPositive, kNotNegative, kAny };

  explicit FlagReader(const Arguments& arguments) : arguments_(arguments) {}

  const absl::Status& status() const { return status_; }
  // What a function that makes a request ends with.
  template <typename T>
  absl::StatusOr<T> Finish(T value) const {
    if (!status_.ok()) {
      return status_;
    }
    return value;
  }

  // True when `flag` is there and nothing has gone wrong so far.
  bool Has(absl::string_view flag) const { return status_.ok() && arguments_.Has(flag); }

  std::string Text(absl::string_view flag);
  // Absent, or not empty.
  std::string OptionalText(absl::string_view flag, absl::string_view placeholder);
  uint64_t Number(absl::string_view flag, uint64_t min, uint64_t max);
  // A decimal number of `min` or more.
  double Real(absl::string_view flag, double min);
  // The index of the value among `choices`.
  int Choice(absl::string_view flag, const std::vector<absl::string_view>& choices);
  void Read(absl::string_view flag, Sign sign, google::protobuf::Duration* field);
  void Read(absl::string_view flag, google::protobuf::Timestamp* field);

  // --payload and --payload-file.
  void Payload(std::string* field);
  // Sets `outcome` by whichever of the two flags is there.
  void Outcome(absl::string_view success, absl::string_view failure, v1::Outcome* outcome);

  void Require(absl::string_view flag, absl::string_view example);
  void AtMostOne(const std::vector<absl::string_view>& flags);
  // `hint` shows one of them in use.
  void ExactlyOne(const std::vector<absl::string_view>& flags, absl::string_view hint);

  void Fail(absl::string_view message);

 private:
  void FailValue(absl::string_view flag, absl::string_view message);
  std::vector<std::string> Given(const std::vector<absl::string_view>& flags) const;

  const Arguments& arguments_;
  absl::Status status_;
};

}  // namespace timerd::cli
