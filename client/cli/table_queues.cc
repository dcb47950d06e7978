#include "client/cli/delivery_flags.h"
#include "client/cli/verb_table.h"
#include "client/cli/verbs.h"

namespace timerd::cli {
namespace {

using Takes = Flag::Takes;

constexpr Flag kWorkFlags[] = {
    {"credit", "N", "Take up to N at once; default 1. As many commands run beside each other."},
    {"name", "NAME", "A name for people, which `timerctl queue` shows."},
    {"count", "N", "Stop after N occurrences."},
};
constexpr absl::string_view kWorkExamples[] = {
    "timerctl work emails",
    "timerctl work emails --count=1 --json | jq -r '.occurrence.payload // empty'",
    "timerctl work emails --credit=4 -- ./send-mail --from=me",
    "timerctl work reports -- sh -c 'make \"report-$TIMERD_ID\"'",
};

constexpr Flag kLimitFlags[] = {
    {"limit", "N", "At most N; default 100."},
};
constexpr absl::string_view kQueuesExamples[] = {"timerctl queues"};
constexpr absl::string_view kQueueExamples[] = {
    "timerctl queue emails",
    "timerctl queue emails --json | jq .queue.depth",
};

constexpr Flag kConfigureFlags[] = {
    kLeaseFlag,
    kMaxAttemptsFlag,
    kInitialBackoffFlag,
    kMaxBackoffFlag,
    kBackoffFactorFlag,
    {"max-backlog", "N", "Refuse new timers for it while more than N wait."},
    {"max-pending", "N", "Refuse new timers for it while N are not due yet."},
    {"max-rate", "N", "Refuse what is more than N new timers and loops per second."},
    {"push-to", "URL",
     "Send its occurrences there rather than wait for workers: http://HOST:PORT/PATH, https://... "
     "or grpc://HOST:PORT, which the server's --push-allow must let through."},
    {"push-concurrency", "N", "With --push-to: at most N are under way at once; default 16."},
    {"push-rate", "X", "With --push-to: begin at most X per second; default 0, no limit."},
    {"push-timeout", "DURATION", "With --push-to: how long an answer may take; default 30s."},
    {"defaults", "", "Take all settings back.", Takes::kNothing},
};
constexpr absl::string_view kConfigureExamples[] = {
    "timerctl configure-queue emails --lease=2m --max-attempts=5",
    "timerctl configure-queue hooks --push-to=http://127.0.0.1:8080/hook",
    "timerctl configure-queue emails --defaults",
};

constexpr absl::string_view kPauseExamples[] = {"timerctl pause-queue emails"};
constexpr absl::string_view kResumeExamples[] = {"timerctl resume-queue emails"};
constexpr absl::string_view kPurgeExamples[] = {"timerctl purge-queue emails"};
constexpr absl::string_view kDeadLettersExamples[] = {
    "timerctl dead-letters emails",
    "timerctl dead-letters emails --json | jq -r .failure",
};

constexpr Flag kLetterFlags[] = {
    {"letter", "LETTER", "This one only; default all there are now."},
};
constexpr absl::string_view kReplayExamples[] = {
    "timerctl replay-dead-letters emails",
};
constexpr absl::string_view kForgetExamples[] = {
    "timerctl purge-dead-letters emails",
};

constexpr Verb kVerbs[] = {
    {"work", "QUEUE", "Take what is due, and run a command for each.",
     "Without a command, prints each occurrence and completes it. With one, runs it for each, with "
     "the payload on its standard input, and in its environment TIMERD_ID, TIMERD_RUN, "
     "TIMERD_ATTEMPT, TIMERD_LAST_ATTEMPT, TIMERD_GENERATION, TIMERD_KIND, TIMERD_DEADLINE, "
     "TIMERD_TIME, TIMERD_COUNT, TIMERD_MISSED, TIMERD_QUEUE, TIMERD_NAMESPACE and TIMERD_SERVER. "
     "Exit code 0 completes it, with what the command wrote on its standard output as the result. "
     "Any other is a failure, which is tried again as the retry policy says; 100 is final. The "
     "lease is extended while the command runs; one that is not wanted any more gets SIGTERM. "
     "Ctrl-C or SIGTERM takes nothing more and waits for the commands that run; once more sends "
     "them SIGTERM, and a third time SIGKILL. A lost connection is made again.",
     kWorkFlags, kWorkExamples, true, Work, "COMMAND [ARG]..."},
    {"queues", "", "Show the queues there are.",
     "WAITING is how many occurrences are due and wait for a worker, LEASED how many are with one, "
     "SCHEDULED how many are not due yet or wait to be tried again, DEAD how many were given up. A "
     "queue is there as soon as a timer, a worker or configure-queue names it.",
     kLimitFlags, kQueuesExamples, false, ListQueues},
    {"queue",
     "QUEUE",
     "Show a queue as it is now, and its workers.",
     "Shows all that the server knows of a queue. Settings that were not made are left out: the "
     "server's defaults hold for them.",
     {},
     kQueueExamples,
     false,
     GetQueue},
    {"configure-queue", "QUEUE", "Set what a queue does, as a whole.",
     "The settings that are left out go back to the server's defaults, so write all that shall "
     "hold. They hold at once, for what is in the queue too. A timer's own flags go before those "
     "of its queue.",
     kConfigureFlags, kConfigureExamples, false, ConfigureQueue},
    {"pause-queue",
     "QUEUE",
     "Hold back its occurrences until it is resumed.",
     "What a worker has goes on. Nothing is lost: what falls due waits.",
     {},
     kPauseExamples,
     false,
     PauseQueue},
    {"resume-queue",
     "QUEUE",
     "Let a paused queue deliver again.",
     "What waited is delivered, the oldest first.",
     {},
     kResumeExamples,
     false,
     ResumeQueue},
    {"purge-queue",
     "QUEUE",
     "Drop what waits in it.",
     "Timers that are due, or that wait to be tried again, end in CANCELLED; loops go on with "
     "their next tick. What a worker has, and what is not due, stays.",
     {},
     kPurgeExamples,
     false,
     PurgeQueue},
    {"dead-letters", "QUEUE", "Show what a queue has given up.",
     "Shows the occurrences whose last attempt failed, the oldest first, with what it said.",
     kLimitFlags, kDeadLettersExamples, false, ListDeadLetters},
    {"replay-dead-letters", "QUEUE", "Put dead letters back into their queue.",
     "Each becomes a timer that is due at once, with the payload of the one that failed, and its "
     "id where that is free.",
     kLetterFlags, kReplayExamples, false, ReplayDeadLetters},
    {"purge-dead-letters", "QUEUE", "Forget dead letters.", "Nothing brings them back.",
     kLetterFlags, kForgetExamples, false, PurgeDeadLetters},
};

}  // namespace

absl::Span<const Verb> QueueVerbs() { return kVerbs; }

}  // namespace timerd::cli
