#include "launcher/vela/secret_plugin.h"

#include "common/file.h"
#include "launcher/vela/path_match.h"
#include "launcher/vela/substitute.h"

namespace slipway::vela {

namespace {

/// Of what a plugin writes, as it stands in the log of the init step.
constexpr std::size_t kMaxShown = 1024 * 1024;

} // namespace

SecretPlugin::SecretPlugin(BuildContext& context, OutputsSidecar& sidecar, Container container)
    : context_{context}
    , sidecar_{sidecar}
    , container_{std::move(container)}
    , name_{"secret." + container_.name}
{
}

Result<void> SecretPlugin::assemble(const Tell& tell)
{
    const auto& options = context_.services.options;
    tell(name_, "> Preparing secret image " + container_.image + "...\n");
    const auto privileged = SLIPWAY_TRY(is_privileged(container_.image, options.privileged_images));
    privileged_ = privileged == Matches::yes;
    if (privileged_ && options.enforce_trusted_repos && !context_.build.repo.trusted)
        return Error{Errc::rejected,
            "attempting to use privileged image (" + container_.image + ") as untrusted repo"};
    const auto how = container_.pull == "always" ? Fetch::always : Fetch::when_missing;
    image_ = SLIPWAY_TRY(context_.services.host.image(
        container_.image, how, [](std::string_view) {}, context_.work.get_token()));
    tell(name_ + ".image", "$ docker image inspect " + container_.image + "\n" + image_->id + "\n");
    const auto directory = context_.journal.directory() / ("plugin." + std::to_string(container_.number));
    SLIPWAY_TRY(make_directories(directory, 0700));
    spool_ = SLIPWAY_TRY(launcher::Spool::open(directory, 0));
    run_.emplace(context_, container_, *spool_);
    const std::lock_guard lock{context_.mutex};
    context_.stoppers.emplace_back([this](std::chrono::milliseconds grace) { run_->stop_soon(grace); });
    return {};
}

Result<void> SecretPlugin::run(const Tell& tell, std::stop_token leave)
{
    auto end = run_->known_end();
    if (!end) {
        std::string id_token;
        {
            const std::lock_guard lock{context_.mutex};
            add_variables(
                container_, Role::secret_plugin, context_.services.facts, context_.build, "", id_token);
            add_scm_token(container_, context_.scm_token, context_.scm_token_exp);
            inject_secrets(container_, context_.secrets, Substitutable::yes);
        }
        if (sidecar_.is_on())
            merge_outputs(container_, SLIPWAY_TRY(sidecar_.read(context_.work.get_token())));
        apply_script(container_);
        SLIPWAY_TRY(substitute(container_));
        {
            const std::lock_guard lock{context_.mutex};
            inject_secrets(container_, context_.secrets, Substitutable::no);
        }
        SLIPWAY_TRY(run_->prepare(*image_, privileged_, context_.work.get_token()));
        SLIPWAY_TRY(run_->start(leave));
        end = SLIPWAY_TRY(run_->follow(std::move(leave)));
    }
    std::string shown;
    SLIPWAY_TRY(spool_->read(0, kMaxShown, shown));
    tell(name_ + ".output", shown);
    if (end->code != 0 && !container_.ruleset.continues)
        return Error{Errc::invalid_input,
            "the secret plugin " + container_.name + " ended with code " + std::to_string(end->code)};
    return {};
}

void SecretPlugin::settle(std::stop_token leave)
{
    if (!run_)
        return;
    if (const auto removed = run_->remove(std::move(leave)); !removed)
        context_.logger.with("container", run_->id()).warn("a container was not removed", removed.error());
}

} // namespace slipway::vela
