#include "client/cli/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "absl/strings/str_cat.h"

namespace timerd::cli {
namespace {

using std::chrono::steady_clock;
using ::testing::HasSubstr;

constexpr std::chrono::seconds kPatience(60);

class CommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  }

  static std::unique_ptr<Command> Start(const std::string& script, const std::string& input = "") {
    auto started = Command::Start({"sh", "-c", script}, {"PATH=/usr/bin:/bin", "WHO=ann"}, input);
    EXPECT_TRUE(started.ok()) << started.status();
    return *std::move(started);
  }
  static Command::Outcome Run(const std::string& script, const std::string& input = "") {
    const std::unique_ptr<Command> command = Start(script, input);
    EXPECT_TRUE(command->RunUntil(steady_clock::now() + kPatience));
    return command->outcome();
  }
  static void RunUntilItSays(Command& command, const std::string& word) {
    const auto give_up = steady_clock::now() + kPatience;
    while (command.outcome().output.find(word) == std::string::npos) {
      ASSERT_LT(steady_clock::now(), give_up);
      ASSERT_FALSE(command.RunUntil(steady_clock::now() + std::chrono::milliseconds(5)));
    }
  }
};

TEST_F(CommandTest, TakesItsInputAndGivesItsOutput) {
  const Command::Outcome outcome = Run("tr a-z A-Z", "hello\n");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.signal, 0);
  EXPECT_EQ(outcome.output, "HELLO\n");
}

TEST_F(CommandTest, HasTheEnvironmentItIsGivenAndNoOther) {
  EXPECT_EQ(Run("env -u PWD -u SHLVL -u _ -u OLDPWD | sort").output,
            "PATH=/usr/bin:/bin\nWHO=ann\n");
}

TEST_F(CommandTest, TellsHowItEnded) {
  EXPECT_EQ(Run("exit 100").exit_code, 100);
  EXPECT_EQ(Run("kill -TERM $$").signal, SIGTERM);
}

TEST_F(CommandTest, MovesMoreThanAPipeHoldsBothWaysAtOnce) {
  const std::string input(size_t{3} << 20, 'x');
  EXPECT_EQ(Run("cat", input).output, input);
}

TEST_F(CommandTest, DoesNotMindInputThatIsNotRead) {
  const Command::Outcome outcome = Run("exec <&-; echo done", std::string(size_t{1} << 20, 'x'));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.output, "done\n");
}

TEST_F(CommandTest, KeepsSixteenMebibytesOfOutputAndNotAByteMore) {
  const Command::Outcome all = Run(absl::StrCat("head -c ", Command::kMaxOutput, " /dev/zero"));
  EXPECT_EQ(all.output.size(), Command::kMaxOutput);
  EXPECT_FALSE(all.output_cut);
  const Command::Outcome more =
      Run(absl::StrCat("head -c ", Command::kMaxOutput + 1, " /dev/zero"));
  EXPECT_EQ(more.output.size(), Command::kMaxOutput);
  EXPECT_TRUE(more.output_cut);
  EXPECT_EQ(more.exit_code, 0);
}

TEST_F(CommandTest, ReturnsWhileItRunsWhenTheTimeIsOver) {
  const std::unique_ptr<Command> command = Start("sleep 600");
  const auto until = steady_clock::now() + std::chrono::milliseconds(20);
  EXPECT_FALSE(command->RunUntil(until));
  EXPECT_GE(steady_clock::now(), until);
}

TEST_F(CommandTest, SignalsAllThatItStarted) {
  // A shell looks at a signal only once what it waits for has ended.
  const std::unique_ptr<Command> command =
      Start("trap 'exit 7' TERM; sh -c 'echo ready; exec sleep 600'; exit 8");
  RunUntilItSays(*command, "ready");
  command->Signal(SIGTERM);
  ASSERT_TRUE(command->RunUntil(steady_clock::now() + kPatience));
  EXPECT_EQ(command->outcome().exit_code, 7);
  command->Signal(SIGKILL);  // of nobody any more
}

TEST_F(CommandTest, LetsItFinishAfterASignalThatItCatches) {
  const std::unique_ptr<Command> command =
      Start("trap 'echo cleaned up; exit 0' TERM; echo ready; while :; do sleep 600 & wait; done");
  RunUntilItSays(*command, "ready");
  command->Signal(SIGTERM);
  ASSERT_TRUE(command->RunUntil(steady_clock::now() + kPatience));
  EXPECT_EQ(command->outcome().exit_code, 0);
  EXPECT_THAT(command->outcome().output, HasSubstr("cleaned up"));
}

TEST_F(CommandTest, DoesNotWaitForWhatItLeftBehind) {
  const Command::Outcome outcome = Run("sleep 600 & echo $!; exit 3");
  EXPECT_EQ(outcome.exit_code, 3);
  kill(static_cast<pid_t>(std::stol(outcome.output)), SIGKILL);
}

TEST_F(CommandTest, IsKilledWhenItIsLetGo) {
  const auto started = steady_clock::now();
  { const std::unique_ptr<Command> command = Start("sleep 600"); }
  EXPECT_LT(steady_clock::now() - started, kPatience);
}

TEST_F(CommandTest, SaysWhyItCannotBeStarted) {
  const auto started = Command::Start({"/no/such/program"}, {}, "");
  EXPECT_THAT(std::string(started.status().message()), HasSubstr("No such file"));
}

TEST(CheckProgramTest, FindsWhatCanBeExecuted) {
  EXPECT_TRUE(CheckProgram("sh").ok());
  EXPECT_TRUE(CheckProgram("/bin/sh").ok());
}

TEST(CheckProgramTest, NamesTheProgramAndTheWayOut) {
  EXPECT_EQ(CheckProgram("no-such-program").message(),
            "\"no-such-program\": no such program in PATH; what a shell shall read goes behind sh "
            "-c");
  EXPECT_EQ(CheckProgram("/etc/passwd").message(),
            "\"/etc/passwd\": no program; name a file that may be executed");
  EXPECT_FALSE(CheckProgram("/bin").ok());
  EXPECT_FALSE(CheckProgram("").ok());
}

}  // namespace
}  // namespace timerd::cli
