#include "server/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "server/base/byte_size.h"
#include "server/base/token_bucket.h"

namespace timerd {
namespace {

constexpr char kAbout[] =
    "timerd: durable remote timers over gRPC.\n\n"
    "Each flag can also be an environment variable (TIMERD_DATA_DIR for --data-dir) or a line of\n"
    "the file that --config names (data-dir=/var/lib/timerd). The command line wins over the\n"
    "environment, the environment over the file.\n";

// Names and defaults; the ranges and variables that CLI11 would add to each line drown them.
class Formatter : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_items_expected_max() == 0 || option->get_type_name().empty()) {
      return "";
    }
    const std::string value = option->get_default_str();
    return absl::StrCat("=", option->get_type_name(), value.empty() ? "" : "  [", value,
                        value.empty() ? "" : "]");
  }
};

// Durations are given as 250ms, 10m, 1h30m.
CLI::Option* AddSpan(CLI::App& app, const std::string& name, Span& value, Span least, Span most,
                     const std::string& help) {
  const auto show = [](Span span) { return absl::FormatDuration(absl::FromChrono(span)); };
  const std::string defaults = show(value);
  return app
      .add_option_function<std::string>(
          name,
          [&value, name, least, most, show](const std::string& text) {
            absl::Duration parsed;
            if (!absl::ParseDuration(text, &parsed)) {
              throw CLI::ValidationError(
                  name, absl::StrCat("\"", text, "\" is no duration; write 250ms, 10m or 1h30m"));
            }
            if (parsed < absl::FromChrono(least) || parsed > absl::FromChrono(most)) {
              throw CLI::ValidationError(name, absl::StrCat(text, " is out of range; use ",
                                                            show(least), " to ", show(most)));
            }
            value = absl::ToChronoNanoseconds(parsed);
          },
          help)
      ->type_name("DURATION")
      ->default_str(defaults);
}

template <typename Number>
CLI::Option* AddNumber(CLI::App& app, const std::string& name, Number& value, Number least,
                       Number most, const std::string& help) {
  return app.add_option(name, value, help)
      ->check(CLI::Range(least, most).description(""))
      ->type_name("N")
      ->capture_default_str();
}

// Sizes are given as 1048576, 64MiB, 2GB.
constexpr char kBadSize[] = " is no size; write 1048576, 64MiB or 2GB";

CLI::Option* AddSize(CLI::App& app, const std::string& name, uint64_t& value, uint64_t least,
                     uint64_t most, const std::string& help) {
  const std::string defaults = FormatByteSize(value);
  return app
      .add_option_function<std::string>(
          name,
          [&value, name, least, most](const std::string& text) {
            const std::optional<uint64_t> parsed = ParseByteSize(text);
            if (!parsed) {
              throw CLI::ValidationError(name, absl::StrCat("\"", text, "\"", kBadSize));
            }
            if (*parsed < least || *parsed > most) {
              throw CLI::ValidationError(
                  name, absl::StrCat(text, " is out of range; use ", FormatByteSize(least), " to ",
                                     FormatByteSize(most)));
            }
            value = *parsed;
          },
          help)
      ->type_name("SIZE")
      ->default_str(defaults);
}

// A size, or a share of the disk as 5%.
CLI::Option* AddReserve(CLI::App& app, const std::string& name, reactor::DiskReserve& value,
                        const std::string& help) {
  const std::string defaults = reactor::Describe(value);
  return app
      .add_option_function<std::string>(
          name,
          [&value, name](const std::string& text) {
            absl::string_view number = text;
            double percent = 0;
            if (!absl::ConsumeSuffix(&number, "%")) {
              const std::optional<uint64_t> parsed = ParseByteSize(text);
              if (!parsed) {
                throw CLI::ValidationError(name,
                                           absl::StrCat("\"", text, "\"", kBadSize, ", or 5%"));
              }
              value = {.bytes = *parsed};
            } else if (!absl::SimpleAtod(number, &percent) || !(percent >= 0 && percent <= 90)) {
              throw CLI::ValidationError(
                  name, absl::StrCat("\"", text, "\" is no share of a disk; use 0% to 90%"));
            } else {
              value = {.percent = percent};
            }
          },
          help)
      ->type_name("SIZE|PERCENT")
      ->default_str(defaults);
}

void AddFlags(CLI::App& app, Options& options) {
  reactor::ShardOptions& shard = options.reactor.shard;
  service::RequestLimits& limits = options.service.limits;
  const Span longest = std::chrono::hours(24 * 365 * 100);

  app.add_option("--listen", options.listen, "Address for gRPC; port 0 takes a free one")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app.add_option("--http", options.http, "Address for metrics and health over HTTP, or off")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app.add_option("--data-dir", options.data_dir, "Where timers are kept; made when missing")
      ->type_name("DIR")
      ->capture_default_str();
  const std::map<std::string, DurabilityMode> modes{{"sync", DurabilityMode::kSync},
                                                    {"os", DurabilityMode::kOs},
                                                    {"none", DurabilityMode::kNone}};
  app.add_option_function<std::string>(
         "--durability",
         [&options, modes](const std::string& text) { options.durability = modes.at(text); },
         "What a reply means: survives power loss,\n"
         "survives kill -9, or nothing (memory only)")
      ->check(CLI::IsMember({"sync", "os", "none"}).description(""))
      ->type_name("sync|os|none")
      ->default_str("sync");
  const std::map<std::string, ClockMode> clocks{{"real", ClockMode::kReal},
                                                {"manual", ClockMode::kManual}};
  app.add_option_function<std::string>(
         "--clock",
         [&options, clocks](const std::string& text) { options.clock = clocks.at(text); },
         "The machine's clock or, for tests, one for each\n"
         "namespace that stands still until Advance moves it")
      ->check(CLI::IsMember({"real", "manual"}).description(""))
      ->type_name("real|manual")
      ->default_str("real");
  AddNumber<uint32_t>(app, "--shards", options.shards, 0, 64,
                      "Threads that keep timers, fixed when the data\n"
                      "directory is made; 0: one per core");
  AddReserve(app, "--min-free-disk", options.min_free_disk,
             "With less free on the disk of --data-dir nothing\nnew is taken; 0: whatever is free");
  AddSpan(app, "--retention", shard.limits.retention, Span::zero(), longest,
          "How long ended timers stay readable");

  const std::string group = "Limits";
  AddSpan(app, "--max-delay", limits.max_delay, std::chrono::seconds(1), longest,
          "Farthest deadline ahead")
      ->group(group);
  AddNumber<size_t>(app, "--max-id-bytes", limits.max_id_bytes, 1, 4096, "Longest id")
      ->group(group);
  AddNumber<size_t>(app, "--max-payload-bytes", limits.max_payload_bytes, 0, 16 << 20,
                    "Largest payload")
      ->group(group);
  AddNumber<size_t>(app, "--max-request-bytes", limits.max_request_bytes, 1024, 64 << 20,
                    "Largest request")
      ->group(group);
  AddNumber<size_t>(app, "--max-timeouts", shard.limits.max_timeouts, 1, 1024,
                    "Time-outs on one handle at once")
      ->group(group);
  AddNumber<size_t>(app, "--max-streams", options.service.max_streams, 1, 10'000'000,
                    "Open streams")
      ->group(group);
  AddNumber<size_t>(app, "--max-stream-buffer", options.service.max_stream_buffer, 2, 1 << 20,
                    "Messages that may wait for a slow reader")
      ->group(group);
  AddNumber<size_t>(app, "--max-inbox", options.reactor.max_inbox, 1, 1 << 24,
                    "Requests that may wait for one shard")
      ->group(group);

  AddNumber<size_t>(app, "--max-batch-items", options.service.batches.max_items, 1, 1'000'000,
                    "Operations in one batch")
      ->group(group);
  AddNumber<size_t>(app, "--max-submit-batches", options.service.batches.max_under_way, 1, 10'000,
                    "Batches under way on one Submit stream")
      ->group(group);
  AddNumber<size_t>(app, "--max-namespaces", options.manual.max_namespaces, 1, 100'000,
                    "Namespaces")
      ->group(group);
  AddNumber<uint64_t>(app, "--max-advance-firings", options.manual.reactor.max_advance_firings, 1,
                      1'000'000'000, "Deadlines that one Advance may fire")
      ->group(group);

  AddNumber<uint64_t>(app, "--max-handles", shard.namespaces.max_handles, 1, 1'000'000'000'000,
                      "Handles living in one namespace at once")
      ->group(group);
  AddNumber<uint32_t>(app, "--max-rate-per-namespace", shard.namespaces.max_rate, 0, kMaxRate,
                      "New handles per second in one namespace;\n0: no limit")
      ->group(group);

  const std::string queues = "Queues";
  AddNumber<size_t>(app, "--max-queues", options.queues.max_queues, 1, 1'000'000, "Queues")
      ->group(queues);
  AddNumber<uint64_t>(app, "--max-backlog", options.queues.each.max_backlog, 1, 1'000'000'000'000,
                      "Occurrences that may wait in one queue")
      ->group(queues);
  AddNumber<uint64_t>(app, "--max-pending-per-queue", options.queues.each.max_pending, 1,
                      1'000'000'000'000, "Handles of one queue that are not due yet")
      ->group(queues);
  AddNumber<uint32_t>(app, "--max-rate-per-queue", options.queues.each.max_rate, 0, kMaxRate,
                      "New handles per second in one queue;\n0: no limit")
      ->group(queues);
  AddNumber<uint32_t>(app, "--max-credit", options.queues_service.work.max_credit, 1, 1'000'000,
                      "Occurrences that one worker may hold")
      ->group(queues);
  AddSpan(app, "--lease-grace", shard.lease_grace, Span::zero(), std::chrono::hours(1),
          "How long a lease outlives its worker's stream")
      ->group(queues);
  AddSpan(app, "--dead-letter-retention", shard.dead_letter_retention, std::chrono::seconds(1),
          longest, "How long dead letters are kept")
      ->group(queues);

  const std::string feeds = "Feeds";
  AddSpan(app, "--feed-retention", shard.feed.retention, Span::zero(), longest,
          "How long events are retained for those who\nfollow feeds; 0: they are not")
      ->group(feeds);
  AddNumber<uint64_t>(app, "--feed-max-bytes", shard.feed.max_bytes, 0, uint64_t{1} << 40,
                      "Bytes of events retained, of one namespace\nand shard; 0: none")
      ->group(feeds);

  app.add_option("--push-allow", options.push_allow,
                 "Where queues may push to: URLs, with commas\n"
                 "between them, and what is below them")
      ->type_name("URLS")
      ->group(queues);
  app.add_option("--push-secret-file", options.push_secret_file,
                 "File with the key that signs pushes over HTTP")
      ->type_name("FILE")
      ->group(queues);

  const std::string memory = "Memory";
  AddSpan(app, "--window", shard.window, std::chrono::seconds(2), std::chrono::hours(24),
          "How far ahead timers are held in memory")
      ->group(memory);
  AddSize(app, "--memory-budget", options.memory_budget, kLeastMemoryBudget, kMostMemoryBudget,
          "Memory that the server makes do with; timers\nare held less far ahead to keep it")
      ->group(memory);

  AddSpan(app, "--drain-timeout", options.drain_timeout, std::chrono::milliseconds(100),
          std::chrono::seconds(60), "How long SIGTERM waits for replies in flight");
  app.add_option("--check-health", options.check_health,
                 "Ask another server whether it serves; exit 0 or 1")
      ->type_name("HOST:PORT");
}

// TIMERD_DATA_DIR for --data-dir.
std::string VariableOf(absl::string_view flag) {
  return absl::StrCat("TIMERD_", absl::AsciiStrToUpper(absl::StrReplaceAll(
                                     absl::StripPrefix(flag, "--"), {{"-", "_"}})));
}

// What the environment says and then, of more weight, the command line: in the reversed order that
// CLI11 wants. (CLI11's own reading of the environment would let the file win over it.)
std::vector<std::string> Arguments(const CLI::App& app, int argc, char** argv) {
  std::vector<std::string> arguments;
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->get_name(false, false);
    const char* value = std::getenv(VariableOf(name).c_str());
    if (name != "--help" && name != "--version" && value != nullptr && *value != '\0') {
      arguments.push_back(absl::StrCat(name, "=", value));
    }
  }
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  std::reverse(arguments.begin(), arguments.end());
  return arguments;
}

}  // namespace

Parsed ParseOptions(int argc, char** argv) {
  Parsed parsed;
  CLI::App app(kAbout, "timerd");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  AddFlags(app, parsed.options);
  app.set_version_flag("--version", "timerd " TIMERD_VERSION);
  app.set_config("--config", "", "File of more flags, one name=value a line")->type_name("FILE");
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.formatter(std::make_shared<Formatter>());
  app.get_formatter()->column_width(44);
  try {
    app.parse(Arguments(app, argc, argv));
    Options& options = parsed.options;
    options.reactor.shard.limits.max_delay = options.service.limits.max_delay;
    if (options.clock == ClockMode::kManual && app.count("--max-stream-buffer") == 0) {
      // One Advance hands over at once what would otherwise come over hours.
      options.service.max_stream_buffer = options.manual.reactor.max_advance_firings + 16;
    }
    if (options.http == "off") {
      options.http.clear();
    }
  } catch (const CLI::ExtrasError& error) {
    std::cerr << "timerd: " << error.what() << "; `timerd --help` lists the flags\n";
    parsed.exit_code = 2;
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == 0;  // --help, --version
    if (asked) {
      app.exit(error, std::cout, std::cerr);
    } else {
      std::cerr << "timerd: " << error.what() << "\n";
    }
    parsed.exit_code = asked ? 0 : 2;
  }
  return parsed;
}

}  // namespace timerd
