// A server other than timerd, to compare with.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace timerd::bench {

// Runs a program until it is destroyed. Does not outlive the thread that started it.
class Child {
 public:
  // `arguments` begins with the program, which is looked for on PATH. Throws when it cannot be run.
  explicit Child(std::vector<std::string> arguments);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  // The next line of its standard output. Throws when that ends before.
  std::string ReadLine();

 private:
  pid_t pid_ = -1;
  int out_ = -1;
};

}  // namespace timerd::bench
