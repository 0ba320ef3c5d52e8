#include "launcher/vela/prepare.h"
#include "launcher/vela/step_flow.h"

namespace slipway::vela {

namespace {

/// As people would ask for it.
std::string question(const SecretPath& path)
{
    const std::string repo = path.type == "shared" ? "" : path.name;
    return "$ vela view secret --secret.engine " + path.engine + " --secret.type " + path.type + " --org "
        + path.org + " --repo " + repo + " --name " + path.key + " \n";
}

} // namespace

Result<void> fetch_secret(BuildContext& context, const PipelineSecret& secret,
    const std::function<void(std::string_view text)>& tell, std::stop_token stop)
{
    const auto failed = [](const Error& error) {
        return Error{error.code(), "unable to retrieve secret: " + error.message()};
    };
    const auto path = secret_path(secret, context.build.build_name());
    if (!path)
        return failed(path.error());
    auto value = context.services.server.secret(context.token,
        {.engine = path->engine, .type = path->type, .org = path->org, .name = path->name, .key = path->key},
        std::move(stop));
    if (!value)
        return value.error().code() == Errc::cancelled ? value.error() : failed(value.error());
    tell(question(*path) + value->shown + "\n");
    const std::lock_guard lock{context.mutex};
    context.secrets.insert_or_assign(secret.name, *std::move(value));
    return {};
}

} // namespace slipway::vela
