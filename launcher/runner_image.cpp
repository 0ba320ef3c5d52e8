#include "launcher/runner_image.h"

#include <algorithm>

namespace slipway::launcher {

namespace {

/// "registry/name@sha256:…" as the engine knows it; empty: the image does not come from there.
std::string digest_reference(const docker::Image& image, const ImageReference& wanted)
{
    for (const auto& text : image.repo_digests) {
        const auto known = parse_image_reference(text);
        if (known && known->place() == wanted.place())
            return text;
    }
    return {};
}

RunnerImage runner_of(const docker::Image& image, const ImageReference& wanted)
{
    const auto reference = digest_reference(image, wanted);
    return {.id = image.id, .reference = reference};
}

std::string digest_of(const std::string& reference)
{
    return reference.substr(std::min(reference.find('@'), reference.size() - 1) + 1);
}

bool is_word_of_registry(Errc code) { return code == Errc::not_found || code == Errc::rejected; }

/// Nothing when the engine has no such image.
Result<std::optional<docker::Image>> look(
    docker::Docker& docker, const std::string& name, const std::stop_token& stop)
{
    auto image = docker.inspect_image(name, stop);
    if (image)
        return std::optional{*std::move(image)};
    if (image.error().code() == Errc::not_found)
        return std::optional<docker::Image>{};
    return std::move(image).error().in("looking at the image " + name);
}

} // namespace

bool RunnerImages::is_fresh(const std::string& name, const std::string& image_id)
{
    const std::lock_guard lock{mutex_};
    const auto known = fresh_.find(name);
    return known != fresh_.end() && known->second.image_id == image_id && clock_.now() < known->second.until;
}

void RunnerImages::mark_fresh(const std::string& name, const std::string& image_id)
{
    const std::lock_guard lock{mutex_};
    const auto now = clock_.now();
    std::erase_if(fresh_, [now](const auto& one) { return one.second.until <= now; });
    fresh_[name] = {image_id, now + kFresh};
}

Result<docker::Image> RunnerImages::fetch(const Query& query, const ImageReference& reference)
{
    SLIPWAY_TRY(source_.pull(query.name, reference, query.progress, query.stop));
    auto image = SLIPWAY_TRY(
        in("looking at the pulled image " + query.name, query.docker.inspect_image(query.name, query.stop)));
    mark_fresh(query.name, image.id);
    return image;
}

/// What the name means by now, when that is not what is here.
Result<std::optional<docker::Image>> RunnerImages::renew(
    const Query& query, const ImageReference& reference, const docker::Image& here)
{
    const auto known = digest_reference(here, reference);
    if (pull_ != Pull::always || known.empty() || !reference.digest.empty() || is_fresh(query.name, here.id))
        return std::optional<docker::Image>{};
    const auto digest = source_.digest(query.name, reference, kAskFor, query.stop);
    if (!digest && (is_word_of_registry(digest.error().code()) || query.stop.stop_requested()))
        return digest.error();
    if (!digest) {
        query.progress("using the image " + query.name
            + " that is on this worker, since its registry could not be asked whether there is a newer one: "
            + digest.error().message());
        return std::optional<docker::Image>{};
    }
    if (*digest == digest_of(known)) {
        mark_fresh(query.name, here.id);
        return std::optional<docker::Image>{};
    }
    // Someone else's may be there under its digest: then it does not become ours.
    const auto at_digest = SLIPWAY_TRY(look(query.docker, reference.place() + "@" + *digest, query.stop));
    auto image = SLIPWAY_TRY(fetch(query, reference));
    if (!at_digest)
        pulled_.pulled(image.id, query.name);
    return std::optional{std::move(image)};
}

Result<RunnerImage> RunnerImages::find_first(const Query& query)
{
    const auto reference = parse_image_reference(query.name);
    if (!reference && !is_image_id(query.name))
        return reference.error();
    const auto here = SLIPWAY_TRY(look(query.docker, query.name, query.stop));
    if (!reference && here)
        return RunnerImage{.id = here->id, .reference = {}};
    if (!reference)
        return Error{Errc::not_found, "there is no image with the id " + query.name + " on this worker"};
    if (here) {
        const auto newer = SLIPWAY_TRY(renew(query, *reference, *here));
        return runner_of(newer ? *newer : *here, *reference);
    }
    if (pull_ == Pull::never)
        return Error{Errc::not_found,
            "the image " + query.name + " is not on this worker, and SLIPWAY_PULL is \"never\""};
    const auto image = SLIPWAY_TRY(fetch(query, *reference));
    pulled_.pulled(image.id, query.name);
    return runner_of(image, *reference);
}

/// The image that the first stage of the run used.
Result<RunnerImage> RunnerImages::find_again(const Query& query, const std::string& image_id)
{
    if (const auto here = SLIPWAY_TRY(look(query.docker, image_id, query.stop)))
        return RunnerImage{.id = here->id, .reference = is_image_id(image_id) ? "" : image_id};
    const auto gone = [&](const std::string& why) {
        return Error{Errc::conflict,
            "the plan was made with the image " + image_id + ", which is gone: " + why + "; plan again"};
    };
    const auto reference = parse_image_reference(image_id);
    if (!reference)
        return gone("it was on the worker of the plan alone, and in no registry");
    if (pull_ == Pull::never)
        return gone("it is not on this worker, and SLIPWAY_PULL is \"never\"");
    const auto image = fetch({query.docker, image_id, query.progress, query.stop}, *reference);
    if (!image && is_word_of_registry(image.error().code()))
        return gone(image.error().message());
    if (!image)
        return image.error();
    pulled_.pulled(image->id, image_id);
    return RunnerImage{.id = image->id, .reference = image_id};
}

Result<RunnerImage> RunnerImages::find(
    const ImageRequest& request, const LineSink& progress, std::stop_token stop)
{
    auto docker = SLIPWAY_TRY(docker::Docker::open(engine_));
    const std::string& name = request.image;
    const Query query{docker, name, progress, stop};
    auto found = request.id.empty() ? find_first(query) : find_again(query, request.id);
    if (found)
        pulled_.used(found->id);
    return found;
}

} // namespace slipway::launcher
