#include "server/reactor/disk_room.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/byte_size.h"
#include "server/base/status.h"

namespace timerd::reactor {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
// How much more than is to be kept makes it enough again, at most.
constexpr uint64_t kMostSlack = uint64_t{64} << 20;

// What is enough for a disk that was short of `least`.
uint64_t EnoughAfter(uint64_t least) { return least + std::min(least / 10, kMostSlack); }

}  // namespace

std::string Describe(const DiskReserve& reserve) {
  return reserve.percent > 0 ? absl::StrCat(reserve.percent, "%") : FormatByteSize(reserve.bytes);
}

bool DiskRoom::Update(const store::FreeSpace& space) {
  const auto share =
      static_cast<uint64_t>(static_cast<double>(space.size) * reserve_.percent / 100);
  const uint64_t least = std::max(reserve_.bytes, share);
  const bool was_short = is_short();
  const bool now_short = space.free < (was_short ? EnoughAfter(least) : least);
  free_.store(space.free, kRelaxed);
  size_.store(space.size, kRelaxed);
  least_.store(least, kRelaxed);
  short_.store(now_short, kRelaxed);
  return now_short != was_short;
}

absl::Status DiskRoom::Admit() const {
  if (!is_short()) {
    return absl::OkStatus();
  }
  return RetryAfter(
      kRetryLater,
      Refuse(Reason::kLimitExceeded,
             absl::StrCat("the server's disk has ", FormatByteSize(free_.load(kRelaxed)),
                          " free; it takes new handles again at ",
                          FormatByteSize(EnoughAfter(least_.load(kRelaxed))),
                          " (--min-free-disk=", Describe(reserve_),
                          "), and those that exist go on: make room on it, or lower the flag"),
             "min-free-disk"));
}

DiskRoom::Reading DiskRoom::Read() const {
  return {.space = {.free = free_.load(kRelaxed), .size = size_.load(kRelaxed)},
          .least = least_.load(kRelaxed),
          .is_short = is_short()};
}

}  // namespace timerd::reactor
