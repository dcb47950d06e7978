#include "client/examples/demo/teller.h"

#include <cstdio>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace timerd::demo {

void Teller::Begin() {
  std::lock_guard<std::mutex> lock(mutex_);
  begin_ = absl::Now();
}

absl::Duration Teller::elapsed() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return absl::Now() - begin_;
}

void Teller::Say(const std::string& line) {
  std::lock_guard<std::mutex> lock(mutex_);
  Add(" ", line);
}

void Teller::Expect(bool so, const std::string& line) {
  std::lock_guard<std::mutex> lock(mutex_);
  ++expectations_;
  failed_ = failed_ || !so;
  Add(so ? "+" : "!", so ? line : line + "  <-- this must not be");
}

void Teller::Add(std::string mark, const std::string& text) {
  lines_.push_back({absl::Now() - begin_, std::move(mark), text});
}

bool Teller::Print() const {
  std::lock_guard<std::mutex> lock(mutex_);
  const bool good = !failed_ && expectations_ > 0;
  absl::PrintF("\n%s\n", title_);
  for (const Line& line : lines_) {
    absl::PrintF("  %7.3f s  %s %s\n", absl::ToDoubleSeconds(line.at), line.mark, line.text);
  }
  absl::PrintF("  %s\n", good ? "as it must be" : "FAILED");
  std::fflush(stdout);
  return good;
}

}  // namespace timerd::demo
