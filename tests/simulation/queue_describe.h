// As describe.h, of queues.
#pragma once

#include <string>

#include "server/reactor/command.h"
#include "server/reactor/work.h"
#include "tests/simulation/describe.h"
#include "tests/simulation/queue_model.h"

namespace timerd::simulation {

// All but the lease's number, which is random.
std::string Describe(const reactor::Occurrence& occurrence);
std::string Describe(const reactor::Settled& settled);
// What both sides know of a handle that names a queue, or of a dead letter.
std::string DescribeQueued(const QueueModel::Sight& sight);
std::string DescribeQueued(const timer::Handle& handle);
std::string DescribeQueued(const QueueModel::Letter& letter);
std::string DescribeQueued(const reactor::Letter& letter);

}  // namespace timerd::simulation
