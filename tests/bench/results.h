// Figures that a benchmark prints, and keeps in a file where other programs find them.
#pragma once

#include <map>
#include <string>

namespace timerd::bench {

// A figure is a number with a name, such as `wheel.1m.uni.cancel_ns`: dots from the general to the
// special, the unit last. Used by one thread at a time.
class Results {
 public:
  // Prints the figure as a line on stdout, at once, and keeps it. The last one of a name counts.
  // `unit` is for the reader of the line only.
  void Add(const std::string& name, double value, const std::string& unit);

  // Merges the figures into the flat JSON object in the file at `path`: those of the same name are
  // replaced, all others stay. Makes the file when there is none. Ends the process, with a message,
  // when the file holds something else or cannot be written.
  void Write(const std::string& path) const;

 private:
  std::map<std::string, double> figures_;
};

}  // namespace timerd::bench
