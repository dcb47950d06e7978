#include "server/console/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/timer/handle.h"

namespace timerd::console {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr const char* kKindNames[reactor::kKinds] = {"timer", "loop", "task"};

// One metric with its samples, being filled.
class Family {
 public:
  Family(MetricType type, std::string name, std::string help)
      : family_{std::move(name), std::move(help), type, {}} {}

  template <typename Number>
  void Add(Labels labels, Number value) {
    ClientMetric& sample = family_.metric.emplace_back();
    sample.label = std::move(labels);
    if (family_.type == MetricType::Counter) {
      sample.counter.value = static_cast<double>(value);
    } else {
      sample.gauge.value = static_cast<double>(value);
    }
  }
  void Add(Labels labels, ClientMetric::Histogram histogram) {
    ClientMetric& sample = family_.metric.emplace_back();
    sample.label = std::move(labels);
    sample.histogram = std::move(histogram);
  }
  void MoveTo(std::vector<MetricFamily>& families) { families.push_back(std::move(family_)); }

 private:
  MetricFamily family_;
};

Family Gauge(std::string name, std::string help) {
  return {MetricType::Gauge, std::move(name), std::move(help)};
}
Family Counter(std::string name, std::string help) {
  return {MetricType::Counter, std::move(name), std::move(help)};
}

double ToSeconds(Span span) { return std::chrono::duration<double>(span).count(); }

ClientMetric::Histogram ToHistogram(const reactor::NamespaceUsage::Reading& reading) {
  const auto& bounds = reactor::NamespaceUsage::kLatenessBounds;
  ClientMetric::Histogram histogram;
  for (size_t i = 0; i < reading.lateness.size(); ++i) {
    histogram.sample_count += reading.lateness[i];
    histogram.bucket.push_back(
        {histogram.sample_count,
         i < bounds.size() ? ToSeconds(bounds[i]) : std::numeric_limits<double>::infinity()});
  }
  histogram.sample_sum = ToSeconds(reading.lateness_sum);
  return histogram;
}

void AddNamespaces(const reactor::UsageRegistry& usage, std::vector<MetricFamily>& families) {
  Family handles = Gauge("timerd_handles", "Handles that have not ended.");
  Family created = Counter("timerd_handles_created_total", "Handles made.");
  Family events = Counter("timerd_events_total", "Events made, whether or not a stream follows.");
  Family lateness(MetricType::Histogram, "timerd_lateness_seconds",
                  "Time from a deadline to the decision that it acts.");
  Family feed_events = Gauge("timerd_feed_events", "Events that the feed retains.");
  Family feed_bytes = Gauge("timerd_feed_bytes", "Bytes of the events that the feed retains.");
  for (const auto& [name, each] : usage.All()) {
    const reactor::NamespaceUsage::Reading reading = each->Read();
    for (size_t kind = 0; kind < reactor::kKinds; ++kind) {
      const Labels labels = {{"namespace", name}, {"kind", kKindNames[kind]}};
      handles.Add(labels, reading.live[kind]);
      created.Add(labels, reading.created[kind]);
    }
    for (size_t type = 0; type < reactor::kEventTypes; ++type) {
      const auto type_name = timer::EventTypeName(static_cast<timer::EventType>(type));
      events.Add({{"namespace", name}, {"type", std::string(type_name)}}, reading.events[type]);
    }
    lateness.Add({{"namespace", name}}, ToHistogram(reading));
    feed_events.Add({{"namespace", name}}, reading.feed_events);
    feed_bytes.Add({{"namespace", name}}, reading.feed_bytes);
  }
  for (Family* family : {&handles, &created, &events, &lateness, &feed_events, &feed_bytes}) {
    family->MoveTo(families);
  }
}

void AddCalls(const service::CallCounts& counts, std::vector<MetricFamily>& families) {
  Family calls = Counter("timerd_calls_total", "Calls that have ended, by status code.");
  for (size_t method = 0; method < counts.methods().size(); ++method) {
    for (size_t code = 0; code < service::CallCounts::kCodes; ++code) {
      // Of the codes a method may end with, those that it did end with, and OK.
      const uint64_t count = counts.calls(method, code);
      if (code == 0 || count > 0) {
        calls.Add({{"method", counts.methods()[method]},
                   {"code", absl::StatusCodeToString(static_cast<absl::StatusCode>(code))}},
                  count);
      }
    }
  }
  calls.MoveTo(families);
  Family refused = Counter("timerd_refused_total",
                           "Calls refused, and streams ended, by the limit of that flag.");
  const auto& limits = service::CallCounts::kLimits;
  for (size_t i = 0; i < limits.size(); ++i) {
    refused.Add({{"limit", std::string(limits[i])}}, counts.refused(i));
  }
  refused.MoveTo(families);
}

void AddShards(const std::vector<reactor::Load>& shards, std::vector<MetricFamily>& families) {
  Family inbox = Gauge("timerd_inbox_depth", "Requests that wait for a shard.");
  Family most = Gauge("timerd_inbox_depth_max",
                      "The most requests that have waited for a shard at once since the start.");
  Family residents = Gauge("timerd_residents", "Handles that a shard holds in memory.");
  Family bytes = Gauge("timerd_resident_bytes", "Memory of these handles, as it is estimated.");
  Family window = Gauge("timerd_window_seconds",
                        "How far ahead of now a shard loads handles, as memory allows.");
  Family unapplied = Gauge("timerd_unapplied_bytes",
                           "Changes that are in the log and wait to be applied to the state.");
  Family ahead = Gauge("timerd_loaded_ahead_seconds",
                       "How far ahead of now all handles are loaded; below 0: behind.");
  Family pages = Counter("timerd_pages_loaded_total", "Pages of deadlines loaded from disk.");
  Family late = Counter("timerd_pages_late_total",
                        "Pages whose first deadline had passed before they were loaded.");
  Family frames = Counter("timerd_log_frames_total", "Frames written to the log.");
  Family operations =
      Counter("timerd_log_operations_total", "Handles written or erased by the frames of the log.");
  for (size_t i = 0; i < shards.size(); ++i) {
    const Labels labels = {{"shard", absl::StrCat(i)}};
    inbox.Add(labels, shards[i].inbox);
    most.Add(labels, shards[i].inbox_most);
    residents.Add(labels, shards[i].residents);
    bytes.Add(labels, shards[i].resident_bytes);
    window.Add(labels, ToSeconds(shards[i].window));
    unapplied.Add(labels, shards[i].unapplied_bytes);
    ahead.Add(labels, ToSeconds(shards[i].loaded_ahead));
    pages.Add(labels, shards[i].pages);
    late.Add(labels, shards[i].late_pages);
    frames.Add(labels, shards[i].frames);
    operations.Add(labels, shards[i].operations);
  }
  for (Family* family : {&inbox, &most, &residents, &bytes, &window, &unapplied, &ahead, &pages,
                         &late, &frames, &operations}) {
    family->MoveTo(families);
  }
}

void AddDisk(const reactor::DiskRoom::Reading& disk, std::vector<MetricFamily>& families) {
  Family free = Gauge("timerd_disk_free_bytes", "Free on the disk of --data-dir.");
  free.Add({}, disk.space.free);
  free.MoveTo(families);
  Family size = Gauge("timerd_disk_size_bytes", "Size of the disk of --data-dir.");
  size.Add({}, disk.space.size);
  size.MoveTo(families);
  Family least =
      Gauge("timerd_disk_free_limit_bytes", "Kept free of it for what exists: --min-free-disk.");
  least.Add({}, disk.least);
  least.MoveTo(families);
  Family is_short = Gauge("timerd_disk_short", "1 while new handles are refused for it, else 0.");
  is_short.Add({}, disk.is_short ? 1 : 0);
  is_short.MoveTo(families);
}

void AddQueues(const std::vector<QueueReading>& queues, std::vector<MetricFamily>& families) {
  Family scheduled = Gauge("timerd_queue_scheduled",
                           "Handles of a queue that are not due, or wait for another attempt.");
  Family waiting = Gauge("timerd_queue_waiting", "Occurrences that wait for a worker.");
  Family leased = Gauge("timerd_queue_leased", "Occurrences that a worker has.");
  Family letters = Gauge("timerd_queue_dead_letters", "Dead letters of a queue.");
  Family workers = Gauge("timerd_queue_workers", "Workers of a queue.");
  for (const QueueReading& queue : queues) {
    const Labels labels = {{"namespace", queue.name_space}, {"queue", queue.name}};
    scheduled.Add(labels, queue.scheduled);
    waiting.Add(labels, queue.waiting);
    leased.Add(labels, queue.leased);
    letters.Add(labels, queue.dead_letters);
    workers.Add(labels, queue.workers);
  }
  for (Family* family : {&scheduled, &waiting, &leased, &letters, &workers}) {
    family->MoveTo(families);
  }
}

}  // namespace

std::string MetricsText(const Sources& sources) {
  std::vector<MetricFamily> families;
  Family build = Gauge("timerd_build_info", "1, with the version as a label.");
  build.Add({{"version", sources.version}}, 1);
  build.MoveTo(families);
  AddNamespaces(*sources.usage, families);
  AddCalls(*sources.calls, families);
  Family streams = Gauge("timerd_streams", "Open streams.");
  streams.Add({}, sources.streams());
  streams.MoveTo(families);
  Family feed_streams = Gauge("timerd_feed_streams", "Open streams that follow a feed.");
  feed_streams.Add({}, sources.feed_streams());
  feed_streams.MoveTo(families);
  AddShards(sources.shards(), families);
  AddQueues(sources.queues(), families);
  if (sources.disk != nullptr) {
    AddDisk(sources.disk->Read(), families);
  }
  for (const Limit& limit : sources.limits) {
    Family gauge = Gauge(limit.name, limit.help);
    gauge.Add({}, limit.value);
    gauge.MoveTo(families);
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace timerd::console
