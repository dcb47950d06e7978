#include "server/wheel/pages.h"

#include <sys/mman.h>

#include "server/base/check.h"

namespace timerd::wheel {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

char* Map(size_t bytes) {
  void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  TIMERD_CHECK(pages != MAP_FAILED);
  return static_cast<char*>(pages);
}

// Huge pages begin at multiples of their size: maps that much more, and cuts off both ends.
char* MapAligned(size_t bytes) {
  char* pages = Map(bytes + kHugePage);
  const size_t before = -reinterpret_cast<uintptr_t>(pages) % kHugePage;
  FreePages(pages, before);
  FreePages(pages + before + bytes, kHugePage - before);
  // Refused where huge pages are turned off: then they are small ones.
  madvise(pages + before, bytes, MADV_HUGEPAGE);
  return pages + before;
}

}  // namespace

void* GrowPages(void* old, size_t old_bytes, size_t bytes) {
  char* pages = bytes < kHugePage ? Map(bytes) : MapAligned(bytes);
  if (old_bytes > 0) {
    void* moved = mremap(old, old_bytes, old_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, pages);
    TIMERD_CHECK(moved == pages);
  }
  return pages;
}

void FreePages(void* pages, size_t bytes) {
  if (bytes > 0) {
    TIMERD_CHECK(munmap(pages, bytes) == 0);
  }
}

}  // namespace timerd::wheel
