#pragma once

#include "launcher/spool.h"
#include "launcher/vela/build_context.h"
#include "launcher/vela/container_run.h"
#include "launcher/vela/outputs_sidecar.h"

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

namespace slipway::vela {

/// A container that brings secrets before the first step, as a rule into files of the shared volume. What it
/// writes stands in the log of the init step.
class SecretPlugin {
public:
    SecretPlugin(BuildContext& context, OutputsSidecar& sidecar, Container container);

    using Tell = std::function<void(std::string_view key, std::string_view text)>;

    Result<void> assemble(const Tell& tell);
    /// Runs it to its end. Fails when it cannot be run or ends with another code than 0, unless its ruleset
    /// says to continue.
    Result<void> run(const Tell& tell, std::stop_token leave);
    void settle(std::stop_token leave);

private:
    BuildContext& context_;
    OutputsSidecar& sidecar_;
    Container container_;
    const std::string name_;
    std::optional<launcher::Spool> spool_;
    std::optional<ContainerRun> run_;
    std::optional<BuildImage> image_;
    bool privileged_ = false;
};

} // namespace slipway::vela
