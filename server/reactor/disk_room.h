// Whether the disk has room for what is new.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "server/store/free_space.h"

namespace timerd::reactor {

// What is kept free of the disk: whichever of the two is more.
struct DiskReserve {
  uint64_t bytes = 0;
  double percent = 0;  // of the whole disk

  bool IsOff() const { return bytes == 0 && percent <= 0; }
};
// "5%" or "2GiB", as --min-free-disk has it.
std::string Describe(const DiskReserve& reserve);

// While the disk has less free than is to be kept, no new handle is made, so that those which exist
// can go on: ending them, and what is told of them, takes room too. One for the whole server.
class DiskRoom {
 public:
  explicit DiskRoom(const DiskReserve& reserve) : reserve_(reserve) {}

  // What the disk has now. Returns true if that has changed is_short(). Once short, it is so until
  // there is a tenth more than is to be kept, or 64 MiB more if that is less: files that come and
  // go do not make it change. One thread at a time.
  bool Update(const store::FreeSpace& space);

  // Any thread, from here on.
  bool is_short() const { return short_.load(std::memory_order_relaxed); }
  // RESOURCE_EXHAUSTED, while it is short.
  absl::Status Admit() const;

  struct Reading {
    store::FreeSpace space;
    uint64_t least = 0;  // bytes to be kept free
    bool is_short = false;
  };
  Reading Read() const;

 private:
  const DiskReserve reserve_;
  std::atomic<uint64_t> free_{0};
  std::atomic<uint64_t> size_{0};
  std::atomic<uint64_t> least_{0};
  std::atomic<bool> short_{false};
};

}  // namespace timerd::reactor
