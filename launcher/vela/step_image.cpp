#include "launcher/vela/path_match.h"
#include "launcher/vela/step_flow.h"

#include <algorithm>

namespace slipway::vela {

namespace {

/// What a container is made from must be known before its turn.
bool is_fixed(const Container& container)
{
    const auto open = [](const std::string& text) { return text.find('$') != std::string::npos; };
    return !open(container.image) && !open(container.user) && !open(container.name)
        && std::ranges::none_of(container.ulimits, [&](const auto& limit) { return open(limit.name); });
}

} // namespace

Result<BuildImage> StepFlow::fetch(Fetch how, const std::function<void(std::string_view)>& progress)
{
    {
        const std::lock_guard lock{context_.mutex};
        if (const auto known = context_.images.find(container_.image); known != context_.images.end())
            return known->second;
    }
    auto image = SLIPWAY_TRY(
        context_.services.host.image(container_.image, how, progress, context_.work.get_token()));
    const std::lock_guard lock{context_.mutex};
    context_.images.insert_or_assign(container_.image, image);
    return image;
}

Result<void> StepFlow::assemble(const std::function<void(std::string_view key, std::string_view text)>& tell)
{
    const std::string what = is_service() ? "service" : "step";
    tell(name_, "> Preparing " + what + " image " + container_.image + "...\n");
    if (!is_fixed(container_))
        return {};
    const auto& options = context_.services.options;
    const auto privileged = SLIPWAY_TRY(is_privileged(container_.image, options.privileged_images));
    privileged_ = privileged == Matches::yes;
    if (privileged_ && options.enforce_trusted_repos && !context_.build.repo.trusted) {
        const std::string words
            = "attempting to use privileged image (" + container_.image + ") as untrusted repo";
        row_.finish(status::kError, 0, words);
        return Error{Errc::rejected, words};
    }
    const auto skipped = [&] {
        tell(name_ + ".skipped",
            "skipped for container " + container_.id + " due to pull policy " + container_.pull + "\n");
    };
    if (container_.pull == "on_start") {
        skipped();
        return {};
    }
    int line = 0;
    const auto progress = [&](std::string_view text) {
        tell(name_ + ".progress." + std::to_string(++line), std::string{text} + "\n");
    };
    if (container_.pull == "never") {
        skipped();
        if (auto image = fetch(Fetch::never, progress)) // else its turn ends with that
            image_ = *std::move(image);
        return {};
    }
    auto image = fetch(container_.pull == "always" ? Fetch::always : Fetch::when_missing, progress);
    if (!image)
        return std::move(image).error();
    image_ = *std::move(image);
    tell(name_ + ".image", "$ docker image inspect " + container_.image + "\n" + image_->id + "\n");
    return {};
}

/// What was not fetched before, or must not be. One that runs already has been fetched.
Result<BuildImage> StepFlow::fetch_at_start()
{
    const bool started = run_->was_started();
    if (container_.pull == "on_start" && !started) {
        const std::lock_guard lock{context_.mutex};
        context_.images.erase(container_.image); // another step may have found it at the start of the build
    }
    const auto how = container_.pull == "never"     ? Fetch::never
        : container_.pull == "on_start" && !started ? Fetch::always
                                                    : Fetch::when_missing;
    return fetch(how, [](std::string_view) {});
}

} // namespace slipway::vela
