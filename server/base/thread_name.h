// Names that tools show beside a process's threads, as `top -H` and profilers do.
#pragma once

#include <pthread.h>

#include <string>

#include "absl/strings/string_view.h"

namespace timerd {

// Names the calling thread. Linux keeps the first 15 bytes.
inline void NameThisThread(absl::string_view name) {
  pthread_setname_np(pthread_self(), std::string(name.substr(0, 15)).c_str());
}

}  // namespace timerd
