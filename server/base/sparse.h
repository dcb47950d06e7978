// A member that is mostly as its type's default, and takes no more than a pointer then.
#pragma once

#include <cstddef>
#include <utility>

#include "server/base/boxed.h"

namespace timerd {

// A T that is on the heap once it is something else than T(); copies are deep. Reads like a
// `const T*` that is never null. For members that are large and that few have.
template <typename T>
class Sparse {
 public:
  Sparse() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): implicit, as a T is one.
  Sparse(T value) {
    if (!(value == T())) {
      value_ = std::move(value);
    }
  }

  const T& operator*() const { return value_ ? *value_ : Default(); }
  const T* operator->() const { return &**this; }
  // To change it, until the next assignment or move.
  T& Edit() { return value_ ? *value_ : value_.emplace(); }
  // What it takes on the heap, without what the value points to.
  size_t bytes_behind() const { return value_ ? sizeof(T) : 0; }

  friend bool operator==(const Sparse& a, const Sparse& b) { return *a == *b; }

 private:
  static const T& Default() {
    static const T value{};
    return value;
  }

  Boxed<T> value_;
};

}  // namespace timerd
