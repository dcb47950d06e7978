// A stricter look at RocksDB's write-ahead log than RocksDB's own recovery takes.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace timerd::store {

// DataLoss, with the offset and the cause, if `log`, the bytes of one *.log file, is anything but
// whole records followed by at most the beginning of one, which is what a crash leaves.
//
// RocksDB 7.8 takes two kinds of flipped bit for the end of the log and silently drops what
// follows: one in a record's type that makes it look like a recycled log's, and one in a length
// that points past the end of the file. timerd recycles and compresses no logs, so neither can be
// genuine. Source of the format: RocksDB, db/log_format.h and the wiki page "Write Ahead Log File
// Format".
absl::Status CheckWal(absl::string_view log);

}  // namespace timerd::store
