// timerd_demo: what timerd is for, in four stories, through a real server.
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "client/examples/demo/stories.h"

namespace {

struct Story {
  const char* title;
  void (*tell)(timerd::Client&, timerd::demo::Teller&);
};

constexpr Story kStories[] = {
    {"1. Hello, world, 3.5 s from now", timerd::demo::HelloWorld},
    {"2. A loop every second, three times", timerd::demo::Loops},
    {"3. A call in 5 s that is cancelled", timerd::demo::Cancelled},
    {"4. An operation of 1 to 5 s, bounded at 3 s", timerd::demo::Bounded},
};

}  // namespace

int main(int argc, char** argv) {
  timerd::ClientOptions options;
  options.callback_threads = 12;  // the stories' operations sleep on them
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::string flag = "--target=";
    if (!absl::StartsWith(argument, flag)) {
      absl::FPrintF(stderr, "usage: timerd_demo [--target=HOST:PORT]\n");
      return 2;
    }
    options.target = argument.substr(flag.size());
  }
  absl::PrintF("Four stories through the timerd at %s, told side by side (some 6 s) ...\n",
               options.target);
  std::fflush(stdout);

  std::vector<std::unique_ptr<timerd::demo::Teller>> tellers;
  {
    timerd::Client client(options);
    if (!client.Get("is anybody there?").Wait(absl::Seconds(10)).has_value()) {
      absl::FPrintF(stderr, "no answer from %s within 10 s; is the server running?\n",
                    options.target);
      return 1;
    }
    std::vector<std::thread> threads;
    for (const Story& story : kStories) {
      tellers.push_back(std::make_unique<timerd::demo::Teller>(story.title));
      threads.emplace_back(
          [&client, &story, teller = tellers.back().get()] { story.tell(client, *teller); });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
  bool good = true;
  for (const auto& teller : tellers) {
    good = teller->Print() && good;
  }
  absl::PrintF("\n%s\n", good ? "All four ended as they must." : "Something is wrong, see above.");
  return good ? 0 : 1;
}
