#include "server/store/frame_codec.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/checksum.h"
#include "tests/store/frames.h"

namespace timerd::store {
namespace {

TEST(ChecksumTest, IsCrc32c) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283U);  // the check value of CRC-32C
  EXPECT_EQ(Crc32c(""), 0U);
  EXPECT_EQ(MaskChecksum(0), 0xa282ead8U);
}

TEST(FrameCodecTest, ReadsBackWhatItWrote) {
  FrameMaker maker(1, /*seed=*/3);
  for (int i = 0; i < 20; ++i) {
    const Frame frame = maker.Next();
    const auto bytes = EncodeFrame(frame);
    ASSERT_TRUE(bytes.ok());
    Frame decoded;
    ASSERT_TRUE(DecodeFrame(*bytes, decoded).ok());
    EXPECT_EQ(decoded.SerializeAsString(), frame.SerializeAsString());
  }
}

TEST(FrameCodecTest, RefusesEveryFlippedBitAndEveryCut) {
  FrameMaker maker(1, /*seed=*/3);
  Frame frame = maker.Next();
  while (frame.operations_size() < 2) {
    frame = maker.Next();
  }
  const std::string bytes = *EncodeFrame(frame);
  ASSERT_GT(bytes.size(), 20U);
  Frame decoded;
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_EQ(DecodeFrame(damaged, decoded).code(), absl::StatusCode::kDataLoss) << bit;
  }
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeFrame(bytes.substr(0, size), decoded).code(), absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ(DecodeFrame(bytes + "x", decoded).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace timerd::store
