// What a Vela server says in JSON: a queue element's message, a build, a pipeline, a secret. Every text is
// read as each.
#include "launcher/vela/parse.h"

#include <cstdint>
#include <cstdlib>

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

/// Its parts become parts of paths, and what goes back to the server is the same build.
void check_build(const slipway::vela::Build& build)
{
    require(!build.repo.org.empty() && !build.repo.name.empty() && build.number > 0);
    const auto again = slipway::vela::read_build(slipway::vela::whole_build(build));
    require(again && again->number == build.number && again->repo.org == build.repo.org
        && again->repo.name == build.repo.name && again->status == build.status && again->error == build.error
        && again->started == build.started && again->finished == build.finished);
}

/// What is shown of it says the same, and has no value.
void check_secret(const slipway::vela::SecretValue& secret)
{
    const auto shown = slipway::vela::read_secret(secret.shown);
    require(shown && shown->name == secret.name && shown->allow_events == secret.allow_events);
    require(shown->value.reveal().empty() || shown->value.reveal() == "[secure]");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    if (const auto item = slipway::vela::read_item(text))
        check_build(item->build);
    if (const auto build = slipway::vela::read_build(text))
        check_build(*build);
    if (const auto pipeline = slipway::vela::read_pipeline(text))
        require(pipeline->stages.empty() || pipeline->steps.empty());
    if (const auto secret = slipway::vela::read_secret(text))
        check_secret(*secret);
    return 0;
}
