// A directory for one test.
#pragma once

#include <string>

namespace timerd {

// Made on construction under $TMPDIR or /tmp, removed with all that is in it on destruction.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace timerd
