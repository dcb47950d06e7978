#include "tests/bench/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

namespace timerd::bench {

Child::Child(std::vector<std::string> arguments) {
  std::vector<char*> words;
  words.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) {
    words.push_back(argument.data());
  }
  words.push_back(nullptr);
  int out[2];
  if (pipe2(out, O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipe");
  }
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
      _exit(126);
    }
    dup2(out[1], STDOUT_FILENO);
    execvp(words[0], words.data());
    _exit(127);
  }
  close(out[1]);
  out_ = out[0];
  if (pid_ < 0) {
    close(out_);
    throw std::runtime_error("cannot run " + arguments[0]);
  }
}

Child::~Child() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  close(out_);
}

std::string Child::ReadLine() {
  std::string line;
  char letter = 0;
  while (read(out_, &letter, 1) == 1) {
    if (letter == '\n') {
      return line;
    }
    line += letter;
  }
  throw std::runtime_error("the output of a child ended with: " + line);
}

}  // namespace timerd::bench
