#include "launcher/registry/role_warning.h"

#include <exception>
#include <utility>

namespace slipway::launcher {

namespace {

constexpr const char* kRemedy
    = "SLIPWAY_JOB_METADATA=deny keeps them from it, unless stacks need it; see that "
      "it may not read the pool's private key";

void look(const AwsSettings& settings, const Logger& logger, const std::stop_token& stop)
{
    const auto role = find_instance_role(settings, stop);
    if (role)
        return logger.warn(
            "jobs can act as the role of this machine", {{"role", *role}, {"remedy", kRemedy}});
    if (role.error().code() == Errc::internal)
        logger.warn("jobs can reach the metadata of this machine's cloud, and the role that it may have",
            {{"asked", settings.metadata_endpoint}, {"answer", role.error().message()}, {"remedy", kRemedy}});
}

} // namespace

RoleWarning::RoleWarning(AwsSettings settings, Logger logger)
    : thread_{[settings = std::move(settings), logger = std::move(logger)](const std::stop_token& stop) {
        try {
            look(settings, logger, stop);
        } catch (const std::exception& failure) {
            logger.debug("the machine's role was not looked for", {{"cause", failure.what()}});
        }
    }}
{
}

} // namespace slipway::launcher
