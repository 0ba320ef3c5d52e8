#pragma once

#include "launcher/job_context.h"

#include <functional>
#include <stop_token>
#include <string>

namespace slipway::launcher {

/// What one stage has to do with the provider cache. A job is offered a package because the lock file in its
/// own sources names the hash of it, and for no other reason; docs/decisions/0015 tells why nothing more has
/// to be trusted. The cache saves time: what fails here is told to the log and fails no run.
class JobPlugins {
public:
    explicit JobPlugins(JobContext& context)
        : context_{context}
    {
    }

    /// When the sources are there and nothing in them has run: makes the job's plugin cache of what is here,
    /// and notes what is not. May be repeated.
    void offer(JobSlot& slot, std::stop_token stop);

    /// When a phase has succeeded: takes what was not there and the phase has installed. `meanwhile` is
    /// called again and again, for what cannot wait; its failure ends it.
    void take(JobSlot& slot, const std::function<Result<void>()>& meanwhile, std::stop_token stop);

    /// For the beginning of a phase's script: OpenTofu and Terraform use that plugin cache, unless the stack
    /// or the image names another. Empty without a cache.
    [[nodiscard]] std::string words_of_shell() const;

private:
    Result<std::vector<LockedProvider>> lock_file(JobSlot& slot, std::stop_token stop);
    Result<void> link(
        JobSlot& slot, const LockedProvider& provider, const std::string& hash, std::stop_token stop);
    enum class Taken : std::uint8_t { kept, absent, refused };
    Result<Taken> take_one(JobSlot& slot, const LockedProvider& provider,
        const std::function<Result<void>()>& watch, std::stop_token stop);

    JobContext& context_;
};

} // namespace slipway::launcher
