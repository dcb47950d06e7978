// Ids for handles whose clients chose none.
#pragma once

#include <string>

namespace timerd::service {

// 130 random bits as 26 characters of Crockford's base 32, lower case: unique without a look-up.
std::string GenerateId();

}  // namespace timerd::service
