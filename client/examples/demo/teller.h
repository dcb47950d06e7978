// Writes down what happens in a story, and when.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace timerd::demo {

// One story's lines, each with the seconds since the story began. Thread-safe.
class Teller {
 public:
  explicit Teller(std::string title) : title_(std::move(title)) {}

  // Sets the time that counts as 0.000 s.
  void Begin();
  absl::Duration elapsed() const;
  void Say(const std::string& line);
  // Says what must be so, with a mark; a story with one that is not so has failed.
  void Expect(bool so, const std::string& line);

  // Prints title and lines; true if all was as expected, and something was.
  bool Print() const;

 private:
  struct Line {
    absl::Duration at;
    std::string mark;
    std::string text;
  };
  void Add(std::string mark, const std::string& text);

  const std::string title_;
  mutable std::mutex mutex_;
  absl::Time begin_ = absl::Now();  // guarded by mutex_
  std::vector<Line> lines_;         // guarded by mutex_
  int expectations_ = 0;            // guarded by mutex_
  bool failed_ = false;             // guarded by mutex_
};

}  // namespace timerd::demo
