// A part of a log as the bytes of one file.
//
//   block 0           a header: magic, shard, sequence of the first frame, checksum
//   from then on      encoded frames (frame_codec.h), each from the beginning of a block
//
// Segments are used again and again, so behind the last frame lies what was there before: older
// frames, or parts of them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/store/frame.h"

namespace timerd::store {

// Writes the header of a segment of `shard` that begins with frame `first`, which is not 0, to
// `block`.
void EncodeSegmentHeader(uint32_t shard, uint64_t first, absl::Span<char> block);
// The first sequence of the segment that `bytes` begin; 0 when it was made and never written.
// DataLoss, saying what is wrong, if it is damaged or of another shard.
absl::StatusOr<uint64_t> DecodeSegmentHeader(uint32_t shard, absl::string_view bytes);

// Where a segment ends.
struct SegmentEnd {
  uint64_t next = 0;  // the sequence that comes after its last frame
  size_t used = 0;    // bytes, up to the end of the block in which that ends
};
// Calls `visit` for each frame of `segment`, which begins with frame `first` of `shard`, until it
// returns an error, which is passed on. The last frame may be cut short, as power loss leaves it,
// and is then none; DataLoss, naming the frame, if there are later ones behind a damaged one.
absl::StatusOr<SegmentEnd> ReadSegment(uint32_t shard, uint64_t first, absl::string_view segment,
                                       absl::FunctionRef<absl::Status(const Frame&)> visit);

}  // namespace timerd::store
