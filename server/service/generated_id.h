// Ids for handles whose clients chose none.
#pragma once

#include <string>

namespace timerd::service {

// A ULID in lower case, 26 characters: the milliseconds since 1970, then 79 random bits; those of
// one thread and millisecond go up by random steps. Unique without a look-up. Ids sort by when they
// were made, so that what is made together lies together on disk and new records lie behind all
// old ones. (Source: the ULID specification, github.com/ulid/spec.)
std::string GenerateId();

}  // namespace timerd::service
