#pragma once

#include "common/log.h"
#include "launcher/registry/aws_keys.h"

#include <thread>

namespace slipway::launcher {

/// Warns once when the cloud's metadata service answers this machine: a job that may reach it
/// (SLIPWAY_JOB_METADATA=allow) can become what the machine is, and a machine that starts launchers can often
/// read the pool's key. Asks on a thread of its own, since an address that nobody has answers by silence; the
/// end of this object ends the question.
class RoleWarning {
public:
    /// The logger's sink outlives it.
    RoleWarning(AwsSettings settings, Logger logger);

private:
    std::jthread thread_;
};

} // namespace slipway::launcher
