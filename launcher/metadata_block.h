#pragma once

#include "common/result.h"

#include <sys/types.h>

/// SLIPWAY_JOB_METADATA=deny: a job must not become what the machine is. Clouds answer at addresses of a
/// link's own (RFC 3927) to whoever asks, with the credentials of the machine's role.
namespace slipway::launcher {

/// Makes the addresses at which clouds answer prohibited destinations in the network of the process `pid`
/// (rtnetlink(7), RTN_PROHIBIT): a job, which has no CAP_NET_ADMIN, cannot take that back. Needs
/// CAP_SYS_ADMIN and the process in our /proc. Fails when an address could not be closed; repeating it is
/// harmless.
[[nodiscard]] Result<void> block_metadata(pid_t pid);

} // namespace slipway::launcher
