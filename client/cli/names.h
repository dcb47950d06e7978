// How people call what the enums of timers.proto number.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::cli {

// "timer", "loop", "task".
std::string KindName(v1::Kind kind);
// "TIMED_OUT".
std::string EndName(v1::End end);
// "TICK".
std::string EventName(v1::Event::Type type);
// How it stands, in a few words: for what has ended, how.
std::string StateName(const v1::Handle& handle);
// "client lost" of the reason CLIENT_LOST.
std::string ReasonName(absl::string_view reason);

// "1 run", "2 runs".
std::string Counted(uint64_t number, absl::string_view noun);

}  // namespace timerd::cli
