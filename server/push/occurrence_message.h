// An occurrence as clients see it.
#pragma once

#include "absl/strings/string_view.h"
#include "server/reactor/work.h"
#include "timerd/v1/queues.pb.h"

namespace timerd::push {

v1::Occurrence ToMessage(const reactor::Occurrence& occurrence);

// `queue` is its full name, namespace and queue: "billing/mail".
v1::DeliverRequest ToRequest(absl::string_view queue, const reactor::Occurrence& occurrence);

}  // namespace timerd::push
