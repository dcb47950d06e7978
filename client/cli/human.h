// Replies and events as people like to read them: aligned, local times, and how long until or
// since.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cli/wording.h"
#include "timerd/v1/queues.pb.h"
#include "timerd/v1/timers.pb.h"

namespace timerd::cli {

class Facts;

// Pure: what is relative is relative to the server's `now` or to a deadline, never to a clock of
// this machine. Results end in a newline.
class HumanText {
 public:
  HumanText(absl::TimeZone zone, bool colour) : zone_(zone), colour_(colour) {}

  // What is followed: human_events.cc. Events have columns that stay aligned from one to the next.
  std::string Acknowledged(const Wording& wording,
                           const v1::Acknowledgement& acknowledgement) const;
  std::string Event(const v1::Event& event) const;
  // Of a feed, whose events are of many handles.
  std::string FeedEvent(const v1::Event& event) const;
  std::string FeedBegun(const v1::WatchRequest& request, const v1::Acknowledgement& begun) const;
  std::string Missing(const v1::Gap& gap) const;

  // Answers about one handle: human_replies.cc.
  std::string Cancelled(absl::string_view id, const v1::CancelResponse& reply) const;
  std::string Stopped(absl::string_view id, const v1::StopLoopResponse& reply) const;
  std::string Reported(const v1::ReportRequest& request, const v1::ReportResponse& reply) const;
  std::string Rescheduled(absl::string_view id, const v1::RescheduleResponse& reply) const;
  std::string Paused(absl::string_view id, const v1::PauseLoopResponse& reply) const;
  std::string Resumed(absl::string_view id, const v1::ResumeLoopResponse& reply) const;
  std::string WasReset(absl::string_view id, const v1::ResetLoopResponse& reply) const;
  std::string IntervalChanged(const v1::ChangeIntervalRequest& request,
                              const v1::ChangeIntervalResponse& reply) const;
  std::string Triggered(absl::string_view id, const v1::TriggerLoopResponse& reply) const;
  // Of one item of a batch.
  std::string Result(const v1::BatchItem& item, const v1::BatchResult& result) const;

  // The server's clock: human_clock.cc.
  std::string Now(const v1::NowResponse& reply) const;
  std::string Advanced(const google::protobuf::Timestamp& now, uint64_t fired) const;

  // Handles: human_handle.cc, and human_table.cc for a table with the columns that hold something.
  std::string Handle(const v1::GetResponse& reply) const;
  std::string Table(const std::vector<v1::Handle>& handles,
                    const google::protobuf::Timestamp& now) const;

  // What a worker takes, and what becomes of it, in the columns of a feed: human_work.cc.
  std::string Taken(const v1::Occurrence& occurrence) const;
  std::string Settled(const v1::Occurrence& occurrence, const v1::Settlement& settlement,
                      const v1::Settled& settled) const;
  std::string Revoked(const v1::Occurrence& occurrence) const;

  // Queues: human_queues.cc.
  std::string Queue(const v1::GetQueueResponse& reply) const;
  std::string QueueTable(const std::vector<v1::Queue>& queues,
                         const google::protobuf::Timestamp& now) const;
  std::string Configured(const v1::ConfigureQueueRequest& request) const;
  std::string DeadLetterTable(const std::vector<v1::DeadLetter>& letters) const;
  std::string Replayed(const v1::ReplayDeadLettersRequest& request,
                       const v1::ReplayDeadLettersResponse& reply) const;

 private:
  // "2026-11-24 09:00:00.000 (in 4m 59s)"
  std::string When(const google::protobuf::Timestamp& time,
                   const google::protobuf::Timestamp& now) const;
  // The same for one of the deadlines of a handle, by the clock that it follows.
  std::string Due(const v1::Handle& handle, const google::protobuf::Timestamp& deadline,
                  const google::protobuf::Timestamp& now) const;

  // The queue of a handle, and how it stands there.
  void AddDelivery(const v1::Delivery& delivery, const google::protobuf::Timestamp& now,
                   Facts* facts) const;
  // The columns of an event behind what names it.
  std::string FactsOf(const v1::Event& event) const;
  // The type of an event or of what a worker did, in a column of its own or last in the line.
  enum class Mood { kNone, kGood, kUnwanted, kBad };
  static Mood MoodOf(v1::Event::Type type);
  std::string Type(absl::string_view name, Mood mood, bool last = false) const;

  absl::TimeZone zone_;
  bool colour_;
};

}  // namespace timerd::cli
