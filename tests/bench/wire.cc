#include "tests/bench/wire.h"

#include <cstring>
#include <stdexcept>

namespace timerd::bench {

grpc::ByteBuffer ToBuffer(absl::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}

grpc::ByteBuffer ToBuffer(const google::protobuf::MessageLite& message) {
  return ToBuffer(message.SerializeAsString());
}

Flat::Flat(const grpc::ByteBuffer& buffer) {
  if (!buffer.TrySingleSlice(&slice_).ok() && !buffer.DumpToSingleSlice(&slice_).ok()) {
    throw std::runtime_error("a message that cannot be read");
  }
}

absl::string_view Flat::bytes() const {
  return {reinterpret_cast<const char*>(slice_.begin()), slice_.size()};
}

bool Fields::Next() {
  if (at_ == end_) {
    return false;
  }
  const uint64_t tag = Varint();
  number_ = static_cast<int>(tag >> 3);
  switch (tag & 7) {
    case 0:
      value_ = Varint();
      return true;
    case 1:
      std::memcpy(&value_, Take(sizeof value_).data(), sizeof value_);
      return true;
    case 2:
      bytes_ = Take(Varint());
      return true;
    case 5: {
      uint32_t value = 0;
      std::memcpy(&value, Take(sizeof value).data(), sizeof value);
      value_ = value;
      return true;
    }
    default:
      throw std::runtime_error("a field of no known type");
  }
}

uint64_t Fields::Varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<uint8_t>(Take(1)[0]);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      return value;
    }
  }
  throw std::runtime_error("a number that does not end");
}

absl::string_view Fields::Take(size_t size) {
  if (size > static_cast<size_t>(end_ - at_)) {
    throw std::runtime_error("a field that ends behind its message");
  }
  const absl::string_view taken(at_, size);
  at_ += size;
  return taken;
}

int64_t TimestampNanos(absl::string_view message) {
  int64_t nanos = 0;
  for (Fields fields(message); fields.Next();) {
    nanos += static_cast<int64_t>(fields.value()) * (fields.number() == 1 ? 1'000'000'000 : 1);
  }
  return nanos;
}

void AppendVarint(uint64_t value, std::string& bytes) {
  for (; value >= 0x80; value >>= 7) {
    bytes += static_cast<char>(value | 0x80);
  }
  bytes += static_cast<char>(value);
}

}  // namespace timerd::bench
