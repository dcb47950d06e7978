#include "client/src/connection.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/src/handle_core.h"
#include "client/src/submitter.h"
#include "grpcpp/channel.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/support/channel_arguments.h"

namespace timerd {
inline namespace client {
namespace {

std::shared_ptr<grpc::Channel> MakeChannel(const ClientOptions& options) {
  const int backoff_min_ms = static_cast<int>(absl::ToInt64Milliseconds(options.backoff_min));
  const int backoff_max_ms = static_cast<int>(absl::ToInt64Milliseconds(options.backoff_max));
  grpc::ChannelArguments arguments;
  // A connection whose other side has vanished without a word is noticed within 8 s, also while it
  // carries nothing but waiting streams.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 5'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 3'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // The channel reconnects as eagerly as the calls on it are tried again.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, std::max(backoff_min_ms, 1));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, std::max(backoff_max_ms, 1));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5'000);
  // One client's broken connection is no other client's business.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(
      options.target,
      options.credentials != nullptr ? options.credentials : grpc::InsecureChannelCredentials(),
      arguments);
}

// 64 random bits as text. From the kernel: std::random_device may be 20 times slower.
std::string RandomWord() {
  uint64_t bits = 0;
  if (getentropy(&bits, sizeof(bits)) != 0) {
    bits = (uint64_t{std::random_device()()} << 32) | std::random_device()();
  }
  return absl::StrCat(absl::Hex(bits, absl::kZeroPad16));
}

}  // namespace

Connection::Connection(ClientOptions options) : Connection(options, MakeChannel(options)) {}

Connection::Connection(ClientOptions options, const std::shared_ptr<grpc::Channel>& channel)
    : options_(std::move(options)),
      stub_(v1::Timers::NewStub(channel)),
      queues_stub_(v1::Queues::NewStub(channel)),
      pool_(options_.callback_threads, activity_),
      submitter_(std::make_shared<Submitter>(*this, options_)) {}

Connection::~Connection() = default;

void Connection::Close() {
  std::map<HandleCore*, std::shared_ptr<HandleCore>> cores;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
    cores.swap(cores_);
  }
  // From here on no stream is resumed, nothing is retried and no function begins. Waits inside
  // functions end, as all futures do, so that the functions can.
  for (const auto& [address, core] : cores) {
    core->Detach();
  }
  timer_.Stop();
  submitter_->Close();
  {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoMicroseconds(options_.close_grace),
                      [this] { return calls_.empty(); });
    for (grpc::ClientContext* call : calls_) {
      call->TryCancel();
    }
  }
  pool_.WaitUntilIdle();
  {
    // Reports of the last functions: bounded by their RPC deadline.
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return calls_.empty(); });
    closed_ = true;
  }
  queues_stub_.reset();
  stub_.reset();
  pool_.Stop();
}

bool Connection::closing() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return closing_;
}

std::string Connection::NewId() const {
  return absl::StrCat(options_.id_prefix, RandomWord(), RandomWord());
}

std::string Connection::NewKey() const { return RandomWord(); }

bool Connection::Adopt(std::shared_ptr<HandleCore> core) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!closing_) {
    HandleCore* address = core.get();
    cores_.emplace(address, std::move(core));
  }
  return !closing_;
}

void Connection::Release(HandleCore* core) {
  std::shared_ptr<HandleCore> last;  // let go after the lock
  std::lock_guard<std::mutex> lock(mutex_);
  if (const auto found = cores_.find(core); found != cores_.end()) {
    last = std::move(found->second);
    cores_.erase(found);
  }
}

std::vector<std::shared_ptr<HandleCore>> Connection::adopted() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::shared_ptr<HandleCore>> cores;
  for (const auto& [address, core] : cores_) {
    cores.push_back(core);
  }
  return cores;
}

bool Connection::EnterUnary(grpc::ClientContext* context) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) {
    return false;
  }
  if (closing_) {
    context->set_deadline(absl::ToChronoTime(absl::Now() + options_.close_grace));
  }
  calls_.insert(context);
  return true;
}

bool Connection::EnterStream(grpc::ClientContext* context) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!closing_) {
    calls_.insert(context);
  }
  return !closing_;
}

void Connection::Leave(grpc::ClientContext* context) {
  std::lock_guard<std::mutex> lock(mutex_);
  calls_.erase(context);
  changed_.notify_all();
}

}  // namespace client
}  // namespace timerd
