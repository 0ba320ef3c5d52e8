#include "launcher/pulled_images.h"

#include "common/file.h"
#include "common/json.h"
#include "launcher/registry/image_reference.h"

#include <algorithm>
#include <set>

namespace slipway::launcher {

namespace {

/// A use is written down when the last one is older than this: the order of days matters, not of seconds.
constexpr std::int64_t kWriteEvery = 60;

bool names_place(const std::vector<std::string>& names, const std::string& reference)
{
    const auto wanted = parse_image_reference(reference);
    return wanted && std::ranges::any_of(names, [&](const std::string& name) {
        const auto own = parse_image_reference(name);
        return own && own->place() == wanted->place();
    });
}

bool same_name(const std::string& a, const std::string& b)
{
    const auto one = parse_image_reference(a);
    const auto other = parse_image_reference(b);
    return one && other && one->place() == other->place() && one->tag == other->tag;
}

} // namespace

std::string write_pulled_images(const std::vector<PulledImage>& images)
{
    JsonWriter json;
    json.begin_object().key("images").begin_array();
    for (const auto& image : images)
        json.begin_object()
            .field("id", image.id)
            .string_list("names", image.names)
            .field("used", image.used)
            .end_object();
    return json.end_array().end_object().take();
}

Result<std::vector<PulledImage>> parse_pulled_images(std::string_view json)
{
    const auto document
        = SLIPWAY_TRY(JsonDocument::parse(json, {.max_bytes = kMaxPulledFile, .max_depth = 8}));
    std::vector<PulledImage> images;
    const auto list = SLIPWAY_TRY(document.root().at("images"));
    for (const auto& one : SLIPWAY_TRY(list.elements())) {
        PulledImage image;
        image.id = SLIPWAY_TRY(one.string("id"));
        image.names = SLIPWAY_TRY(one.string_list("names"));
        image.used = SLIPWAY_TRY(one.integer("used", 0));
        images.push_back(std::move(image));
    }
    return images;
}

PulledImages::PulledImages(std::filesystem::path file, const Clock& clock, const Logger& logger)
    : file_{std::move(file)}
    , clock_{clock}
    , logger_{logger}
{
    const auto text = read_file_if_exists(file_, kMaxPulledFile);
    auto images = !text ? Result<std::vector<PulledImage>>{text.error()}
        : *text         ? parse_pulled_images(**text)
                        : std::vector<PulledImage>{};
    if (images)
        images_ = *std::move(images);
    else
        logger_.warn(
            "which images this launcher has pulled cannot be read; they will not be removed", images.error());
}

std::int64_t PulledImages::now() const
{
    return std::chrono::duration_cast<std::chrono::seconds>(clock_.wall().time_since_epoch()).count();
}

void PulledImages::save()
{
    if (const auto written = replace_file(file_, write_pulled_images(images_)); !written)
        logger_.warn("the list of pulled images could not be written", written.error());
}

void PulledImages::pulled(const std::string& id, const std::string& name)
{
    const std::lock_guard lock{mutex_};
    auto found = std::ranges::find(images_, id, &PulledImage::id);
    if (found == images_.end()) {
        if (images_.size() >= kMaxPulledImages)
            images_.erase(std::ranges::min_element(images_, {}, &PulledImage::used));
        found = images_.insert(images_.end(), PulledImage{.id = id, .names = {}, .used = 0});
    }
    found->used = now();
    if (std::ranges::find(found->names, name) == found->names.end())
        found->names.push_back(name);
    save();
}

void PulledImages::used(const std::string& id)
{
    const std::lock_guard lock{mutex_};
    const auto found = std::ranges::find(images_, id, &PulledImage::id);
    if (found == images_.end())
        return;
    const bool is_news = now() - found->used >= kWriteEvery;
    found->used = now();
    if (is_news)
        save();
}

void PulledImages::forget(const std::string& id)
{
    const std::lock_guard lock{mutex_};
    std::erase_if(images_, [&id](const PulledImage& image) { return image.id == id; });
    save();
}

/// By name where it has one, since Docker does not remove by id what has two; without force, so that what a
/// container uses stays.
Result<PulledImages::Removal> PulledImages::remove(
    docker::Docker& docker, const PulledImage& image, const std::stop_token& stop) const
{
    for (;;) {
        const auto here = docker.inspect_image(image.id, stop);
        if (!here && here.error().code() == Errc::not_found)
            return Removal::gone;
        SLIPWAY_TRY(here);
        const auto is_ours = [&image](const std::string& tag) {
            return std::ranges::any_of(
                image.names, [&tag](const std::string& name) { return same_name(name, tag); });
        };
        if (!std::ranges::all_of(here->repo_tags, is_ours)
            || !std::ranges::all_of(here->repo_digests,
                [&image](const std::string& digest) { return names_place(image.names, digest); }))
            return Removal::disowned;
        const auto removed
            = docker.remove_image(here->repo_tags.empty() ? image.id : here->repo_tags.front(), stop);
        if (!removed && removed.error().code() == Errc::conflict)
            return Removal::kept;
        if (!removed && removed.error().code() != Errc::not_found)
            return removed.error();
        if (here->repo_tags.size() <= 1)
            return Removal::removed;
    }
}

Result<void> PulledImages::clean(docker::Docker& docker, std::set<std::string> in_use,
    const std::function<bool()>& enough, std::stop_token stop)
{
    const std::lock_guard one_at_a_time{cleaning_};
    std::vector<PulledImage> candidates;
    {
        const std::lock_guard lock{mutex_};
        candidates = images_;
    }
    std::ranges::sort(candidates, {}, &PulledImage::used);
    for (const auto& container : SLIPWAY_TRY(docker.list_containers({}, stop)))
        in_use.insert(container.image_id);
    const auto youngest = now() - std::chrono::duration_cast<std::chrono::seconds>(kMinimumAge).count();
    for (const auto& image : candidates) {
        if (image.used > youngest || enough())
            break;
        if (in_use.contains(image.id))
            continue;
        const std::string& name = image.names.empty() ? image.id : image.names.front();
        switch (SLIPWAY_TRY(in("removing the image " + name, remove(docker, image, stop)))) {
        case Removal::removed:
            logger_.info("removed the image that was unused the longest, to make room",
                {{"image", name}, {"id", image.id}});
            forget(image.id);
            break;
        case Removal::gone:
        case Removal::disowned:
            forget(image.id);
            break;
        case Removal::kept:
            break;
        }
    }
    return {};
}

} // namespace slipway::launcher
