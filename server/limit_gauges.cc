#include "server/limit_gauges.h"

#include <chrono>

namespace timerd {

std::vector<console::Limit> LimitGauges(const Options& options, const MemoryPlan& plan) {
  const service::RequestLimits& request = options.service.limits;
  const reactor::ReactorOptions& reactor = options.reactor;
  const auto count = [](size_t value) { return static_cast<double>(value); };
  return {
      {"timerd_handle_limit", "Handles living in one namespace: --max-handles.",
       static_cast<double>(reactor.shard.namespaces.max_handles)},
      {"timerd_namespace_rate_limit",
       "New handles per second in one namespace, 0 without a limit: --max-rate-per-namespace.",
       static_cast<double>(reactor.shard.namespaces.max_rate)},
      {"timerd_namespace_limit", "Namespaces: --max-namespaces.",
       count(options.manual.max_namespaces)},
      {"timerd_batch_items_limit", "Operations in one batch: --max-batch-items.",
       count(options.service.batches.max_items)},
      {"timerd_submit_batches_limit",
       "Batches under way on one Submit stream: --max-submit-batches.",
       count(options.service.batches.max_under_way)},
      {"timerd_advance_firings_limit",
       "Deadlines that one Advance may fire: --max-advance-firings.",
       static_cast<double>(options.manual.reactor.max_advance_firings)},
      {"timerd_delay_limit_seconds", "Farthest deadline ahead: --max-delay.",
       std::chrono::duration<double>(request.max_delay).count()},
      {"timerd_id_limit_bytes", "Longest id: --max-id-bytes.", count(request.max_id_bytes)},
      {"timerd_payload_limit_bytes", "Largest payload: --max-payload-bytes.",
       count(request.max_payload_bytes)},
      {"timerd_request_limit_bytes", "Largest request: --max-request-bytes.",
       count(request.max_request_bytes)},
      {"timerd_handle_timeouts_limit", "Time-outs on one handle at once: --max-timeouts.",
       count(reactor.shard.limits.max_timeouts)},
      {"timerd_stream_limit", "Open streams: --max-streams.", count(options.service.max_streams)},
      {"timerd_stream_buffer_limit",
       "Messages that may wait for the reader of one stream: --max-stream-buffer.",
       count(options.service.max_stream_buffer)},
      {"timerd_feed_retention_limit_seconds", "How long feeds retain events: --feed-retention.",
       std::chrono::duration<double>(reactor.shard.feed.retention).count()},
      {"timerd_feed_limit_bytes",
       "Bytes of events that a feed retains, of one namespace and shard: --feed-max-bytes.",
       static_cast<double>(reactor.shard.feed.max_bytes)},
      {"timerd_queue_limit", "Queues: --max-queues.", count(options.queues.max_queues)},
      {"timerd_queue_backlog_limit", "Occurrences that may wait in one queue: --max-backlog.",
       static_cast<double>(options.queues.each.max_backlog)},
      {"timerd_queue_pending_limit",
       "Handles of one queue that are not due yet: --max-pending-per-queue.",
       static_cast<double>(options.queues.each.max_pending)},
      {"timerd_queue_rate_limit",
       "New handles per second in one queue, 0 without a limit: --max-rate-per-queue.",
       static_cast<double>(options.queues.each.max_rate)},
      {"timerd_worker_credit_limit", "Occurrences that one worker may hold: --max-credit.",
       static_cast<double>(options.queues_service.work.max_credit)},
      {"timerd_inbox_limit", "Requests that may wait for one shard: --max-inbox.",
       count(reactor.max_inbox)},
      {"timerd_window_limit_seconds", "How far ahead handles are held in memory: --window.",
       std::chrono::duration<double>(reactor.shard.window).count()},
      {"timerd_memory_limit_bytes", "Memory that the server makes do with: --memory-budget.",
       static_cast<double>(options.memory_budget)},
      {"timerd_resident_limit_bytes",
       "Of that for handles, of all shards together, above which the window shrinks.",
       count(plan.resident_bytes)},
  };
}

}  // namespace timerd
