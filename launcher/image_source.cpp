#include "launcher/image_source.h"

#include "common/duration.h"

#include <cstdint>
#include <map>

namespace slipway::launcher {

namespace {

/// Time between two progress lines: a registry sends hundreds a second.
constexpr std::chrono::seconds kLineEvery{2};
/// For finding out why a pull failed.
constexpr std::chrono::seconds kLook{10};
/// A login that nobody has. Docker does not pass on that a registry wants one when there is none to send.
constexpr std::string_view kNobody = R"({"username":"anonymous","password":"anonymous"})";

std::string megabytes(std::int64_t bytes) { return std::to_string(bytes / 1'000'000) + " MB"; }

/// Condenses the progress of all layers to a line now and then.
class PullLines {
public:
    PullLines(const LineSink& line, const Clock& clock)
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

    const LineSink& line_;
    const Clock& clock_;
    BootClock::time_point last_;
    std::map<std::string, Layer> layers_;
};

bool is_word_of_registry(const Error& error)
{
    return error.code() == Errc::not_found || error.code() == Errc::rejected;
}

Error refusal(const Error& error, const std::string& name, const ImageReference& image,
    const RegistryLogin& login, const std::string& login_place)
{
    if (error.code() == Errc::not_found)
        return {Errc::not_found,
            "the registry " + image.registry + " has no image " + name + " (" + error.message() + ")"};
    const std::string remedy = login.auth.empty()
        ? "it wants a login: docker login " + image.registry + " with DOCKER_CONFIG set " + login_place
        : "the login has expired, or may not pull this image: log in again";
    return {Errc::rejected,
        "the registry " + image.registry + " refuses the image " + name + ", asked for " + login.origin + " ("
            + error.message() + "); " + remedy};
}

} // namespace

Result<std::string> ImageSource::ask(const std::string& name, const ImageReference& image,
    const RegistryLogin& login, std::chrono::milliseconds at_most, std::stop_token stop)
{
    const auto until = clock_.now() + at_most;
    auto docker = SLIPWAY_TRY(docker::Docker::open(engine_));
    auto answer = docker.ask_registry({.image = name, .auth = login.auth, .timeout = at_most}, stop);
    if (!answer && answer.error().code() == Errc::internal && login.auth.empty()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock_.now());
        if (left.count() > 0)
            if (auto second
                = docker.ask_registry({.image = name, .auth = Secret{kNobody}, .timeout = left}, stop);
                !second && second.error().code() == Errc::rejected)
                answer = std::move(second);
    }
    if (answer || !is_word_of_registry(answer.error()))
        return answer;
    if (answer.error().code() == Errc::rejected)
        logins_.refused(image);
    return refusal(answer.error(), name, image, login, login_place_);
}

Result<std::string> ImageSource::digest(const std::string& name, const ImageReference& image,
    std::chrono::milliseconds at_most, std::stop_token stop)
{
    const auto login = SLIPWAY_TRY(logins_.find(image, stop));
    return ask(name, image, login, at_most, std::move(stop));
}

/// Docker reports most failures of a registry as its own: who was at fault is asked again.
Error ImageSource::cause_of(const Error& failure, const std::string& name, const ImageReference& image,
    const RegistryLogin& login, std::stop_token stop)
{
    const auto answer = ask(name, image, login, kLook, stop);
    if (!answer && is_word_of_registry(answer.error()))
        return answer.error();
    if (failure.code() == Errc::timed_out)
        return {Errc::timed_out,
            "the pull of " + name + " was ended: it made no progress for " + format_duration(limits_.silence)
                + ", or took longer than " + format_duration(limits_.whole)};
    auto docker = docker::Docker::open(engine_);
    const auto here = docker ? docker->info(stop) : Result<docker::EngineInfo>{docker.error()};
    if (!here)
        return {Errc::unreachable, "Docker went away during the pull of " + name + ": " + failure.message()};
    if (const auto lacks = disk_.shortage(stop))
        return {Errc::exhausted,
            "the pull of " + name + " failed, and Docker's disk has " + *lacks + " (" + failure.message()
                + ")"};
    const std::string what = answer ? "the image " + name + " could not be pulled"
                                    : "the registry " + image.registry + " cannot be reached for " + name;
    return {Errc::unreachable, what + ", asked for " + login.origin + " (" + failure.message() + ")"};
}

Result<void> ImageSource::pull(
    const std::string& name, const ImageReference& image, const LineSink& progress, std::stop_token stop)
{
    const auto login = SLIPWAY_TRY(logins_.find(image, stop));
    progress("pulling the image " + name);
    PullLines lines{progress, clock_};
    auto docker = SLIPWAY_TRY(docker::Docker::open(engine_));
    auto pulled = docker.pull_image(
        {.image = name, .auth = login.auth, .timeout = limits_.whole, .stall_timeout = limits_.silence},
        [&](const docker::PullProgress& one) -> Result<void> {
            lines.take(one);
            return {};
        },
        stop);
    if (pulled || pulled.error().code() == Errc::cancelled)
        return pulled;
    return cause_of(pulled.error(), name, image, login, std::move(stop));
}

} // namespace slipway::launcher
