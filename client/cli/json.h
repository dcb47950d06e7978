// Messages as JSON lines for scripts.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace timerd::cli {

// One line, without the newline: the protobuf JSON mapping with the field names of timers.proto,
// apart from three things that make it handier in a shell:
//   * bytes are text under their own name when they are UTF-8, otherwise base64 under NAME_base64;
//   * 64-bit integers are numbers; enum values go without their prefix ("FIRED");
//   * strings, bytes, numbers and booleans are always there; times, enums and numbers that are
//     optional only when set.
// Fields come in the order of the proto file.
std::string JsonLine(const google::protobuf::Message& message);

// The same as the only member of an object: {"NAME":{...}}.
std::string JsonLine(absl::string_view name, const google::protobuf::Message& message);

}  // namespace timerd::cli
