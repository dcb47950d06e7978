// The four stories. Each blocks until it is told; they run side by side.
#pragma once

#include "client/examples/demo/teller.h"
#include "timerd/client.h"

namespace timerd::demo {

// 1. "hello, world" 3.5 s after it was scheduled; the same with a result, and with a failure.
void HelloWorld(Client& client, Teller& teller);
// 2. A loop every second: stopped after three times with success, and failing the third time.
void Loops(Client& client, Teller& teller);
// 3. A call in 5 s, cancelled.
void Cancelled(Client& client, Teller& teller);
// 4. An operation of 1 to 5 s, bounded at 3 s.
void Bounded(Client& client, Teller& teller);

}  // namespace timerd::demo
