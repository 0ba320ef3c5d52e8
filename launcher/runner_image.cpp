#include "launcher/runner_image.h"

#include <map>
#include <string>

namespace slipway::launcher {

namespace {

/// Time between two progress lines: a registry sends hundreds a second.
constexpr std::chrono::seconds kLineEvery{2};

std::string megabytes(std::int64_t bytes) { return std::to_string(bytes / 1'000'000) + " MB"; }

/// Condenses the progress of all layers to a line now and then.
class PullLines {
public:
    PullLines(const std::function<void(std::string_view)>& line, const Clock& clock)
        : line_{line}
        , clock_{clock}
        , last_{clock.now()}
    {
    }

    void take(const docker::PullProgress& progress)
    {
        if (progress.id.empty()) {
            line_(progress.status);
            return;
        }
        auto& layer = layers_[progress.id];
        if (progress.current && progress.status == "Downloading")
            layer = {*progress.current, progress.total.value_or(0)};
        if (clock_.now() - last_ < kLineEvery)
            return;
        last_ = clock_.now();
        Layer sum;
        for (const auto& [id, one] : layers_) {
            sum.current += one.current;
            sum.total += one.total;
        }
        line_("pulling: " + megabytes(sum.current) + " of " + megabytes(sum.total) + " known so far, "
            + std::to_string(layers_.size()) + " layers");
    }

private:
    struct Layer {
        std::int64_t current = 0;
        std::int64_t total = 0;
    };

    const std::function<void(std::string_view)>& line_;
    const Clock& clock_;
    BootClock::time_point last_;
    std::map<std::string, Layer> layers_;
};

Result<docker::Image> pull(docker::Docker& docker, const std::string& image,
    const std::function<void(std::string_view)>& progress, const Clock& clock, std::stop_token stop)
{
    progress("the image " + image + " is not on this machine: pulling");
    PullLines lines{progress, clock};
    SLIPWAY_TRY(in("pulling the image " + image,
        docker.pull_image(
            {.image = image, .auth = {}},
            [&](const docker::PullProgress& one) -> Result<void> {
                lines.take(one);
                return {};
            },
            stop)));
    return in("looking at the pulled image " + image, docker.inspect_image(image, stop));
}

} // namespace

Result<docker::Image> find_image(docker::Docker& docker, const ImageRequest& request,
    const std::function<void(std::string_view)>& progress, const Clock& clock, std::stop_token stop)
{
    if (!request.id.empty()) {
        auto same = docker.inspect_image(request.id, stop);
        if (same || same.error().code() != Errc::not_found)
            return in("looking at the image " + request.id, std::move(same));
    }
    auto image = docker.inspect_image(request.image, stop);
    if (!image && image.error().code() == Errc::not_found)
        image = pull(docker, request.image, progress, clock, stop);
    if (image && !request.id.empty() && image->id != request.id)
        return Error{Errc::conflict,
            "the image " + request.image + " is now " + image->id + ", but the plan was made with "
                + request.id + ", which is gone: plan again"};
    return in("looking at the image " + request.image, std::move(image));
}

} // namespace slipway::launcher
