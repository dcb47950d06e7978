// A member that is mostly as its type's default, and takes no more than a pointer then.
#pragma once

#include <memory>
#include <utility>

namespace timerd {

// A T that is on the heap once it is something else than T(); copies are deep. Reads like a
// `const T*` that is never null. For members that are large and that few have.
template <typename T>
class Sparse {
 public:
  Sparse() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): implicit, as a T is one.
  Sparse(T value) { *this = std::move(value); }
  Sparse(const Sparse& other) : value_(other.Copy()) {}
  Sparse(Sparse&&) noexcept = default;
  Sparse& operator=(T value) {
    value_ = value == T() ? nullptr : std::make_unique<T>(std::move(value));
    return *this;
  }
  Sparse& operator=(const Sparse& other) {
    value_ = other.Copy();
    return *this;
  }
  Sparse& operator=(Sparse&&) noexcept = default;
  ~Sparse() = default;

  const T& operator*() const { return value_ ? *value_ : Default(); }
  const T* operator->() const { return &**this; }
  // To change it, until the next assignment or move.
  T& Edit() {
    if (!value_) {
      value_ = std::make_unique<T>();
    }
    return *value_;
  }
  // What it takes on the heap, without what the value points to.
  size_t bytes_behind() const { return value_ ? sizeof(T) : 0; }

  friend bool operator==(const Sparse& a, const Sparse& b) { return *a == *b; }

 private:
  static const T& Default() {
    static const T value{};
    return value;
  }
  std::unique_ptr<T> Copy() const { return value_ ? std::make_unique<T>(*value_) : nullptr; }

  std::unique_ptr<T> value_;
};

}  // namespace timerd
