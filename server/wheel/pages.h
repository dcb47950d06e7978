// An array that grows without copying, on pages as large as there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace timerd::wheel {

// Room for `bytes` of zeroes, of which the first `old_bytes` are what is at `old` (null: nothing).
// Moves the pages, not the bytes: Linux gives them other addresses. From 2 MiB on they are huge
// pages, where the system has any: random access to a large array is bound by the TLB as much as by
// the cache. Ends the process when there is no address space left.
void* GrowPages(void* old, size_t old_bytes, size_t bytes);
void FreePages(void* pages, size_t bytes);

// Elements begin as zeroes, and may move when size() grows. What is not in use yet has addresses
// but no memory.
template <typename T>
class PagedArray {
 public:
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

  PagedArray() = default;
  ~PagedArray() { FreePages(data_, capacity_ * sizeof(T)); }
  PagedArray(const PagedArray&) = delete;
  PagedArray& operator=(const PagedArray&) = delete;

  T& operator[](size_t index) { return data_[index]; }
  const T& operator[](size_t index) const { return data_[index]; }
  size_t size() const { return size_; }
  size_t bytes() const { return size_ * sizeof(T); }

  // REQUIRES: size >= size().
  void Extend(size_t size) {
    if (size > capacity_) {
      size_t capacity = capacity_ == 0 ? kFirst : capacity_;
      while (capacity < size) {
        capacity *= 2;
      }
      data_ = static_cast<T*>(GrowPages(data_, capacity_ * sizeof(T), capacity * sizeof(T)));
      capacity_ = capacity;
    }
    size_ = size;
  }

  // Asks for the cache lines of an element that is soon read and written. A builtin would do, but
  // g++ 12 at -O3 drops calls to functions whose only effect is a loop of them.
  void Prefetch(size_t index) const {
    const char* element = reinterpret_cast<const char*>(&data_[index]);
    for (size_t line = 0; line < sizeof(T); line += 64) {
#if defined(__x86_64__)
      asm volatile("prefetcht0 %0" ::"m"(element[line]));
#else
      __builtin_prefetch(element + line);
#endif
    }
  }

 private:
  static constexpr size_t kFirst = 65'536 / sizeof(T);

  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace timerd::wheel
