#include "server/service/generated_id.h"

#include "absl/random/random.h"

namespace timerd::service {

std::string GenerateId() {
  constexpr char kAlphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
  thread_local absl::BitGen random;  // seeded by the operating system
  std::string id(26, '\0');
  for (char& c : id) {
    c = kAlphabet[absl::Uniform<unsigned>(random, 0, 32)];
  }
  return id;
}

}  // namespace timerd::service
