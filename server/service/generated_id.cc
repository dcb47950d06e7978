#include "server/service/generated_id.h"

#include <cstdint>

#include "absl/numeric/int128.h"
#include "absl/random/random.h"
#include "server/clock/clock.h"

namespace timerd::service {
namespace {

constexpr size_t kCharacters = 26;
constexpr int kBitsPerCharacter = 5;
constexpr int kRandomBits = 80;

}  // namespace

std::string GenerateId() {
  thread_local absl::BitGen random;  // seeded by the operating system
  thread_local uint64_t last_ms = 0;
  thread_local absl::uint128 tail = 0;
  const uint64_t now_ms = static_cast<uint64_t>(clock::RealClock::UnixNow()) / 1'000'000;
  if (now_ms != last_ms) {
    last_ms = now_ms;
    // One bit less: the steps of one millisecond never carry into the time.
    constexpr int kHighBits = kRandomBits - 64 - 1;
    tail = absl::MakeUint128(absl::Uniform<uint64_t>(random, 0, uint64_t{1} << kHighBits),
                             absl::Uniform<uint64_t>(random));
  } else {
    tail += absl::Uniform<uint64_t>(absl::IntervalClosed, random, 1, uint64_t{1} << 32);
  }
  constexpr char kAlphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
  absl::uint128 rest = absl::uint128(now_ms) << kRandomBits | tail;
  std::string id(kCharacters, '\0');
  for (auto c = id.rbegin(); c != id.rend(); ++c, rest >>= kBitsPerCharacter) {
    *c = kAlphabet[absl::Uint128Low64(rest) % (1U << kBitsPerCharacter)];
  }
  return id;
}

}  // namespace timerd::service
