#include "test/support/neighbour.h"

#include "common/file.h"

#include <signal.h>

#include <stdexcept>

namespace slipway::test {

namespace {

constexpr std::chrono::seconds kPatience{30};

} // namespace

Neighbour::Neighbour(const World& world, std::vector<std::pair<std::string, std::string>> extra)
    : world_{world}
    , extra_{std::move(extra)}
{
    start();
}

Neighbour::~Neighbour()
{
    kill();
    world_.remove_containers_of(state_directory());
}

void Neighbour::start()
{
    auto started = Process::start({.argv = {SLIPWAY_BIN_DIR "/slipway-launcher"},
        .env = world_.launcher_environment(state_directory(), extra_),
        .directory = {},
        .log = directory_.path() / "log"});
    if (started)
        process_ = *std::move(started);
    if (!started || !process_->read_until("is ready", kPatience))
        throw std::runtime_error{"another launcher did not become ready: " + log()};
}

void Neighbour::kill() { process_.reset(); }

void Neighbour::leave()
{
    process_->signal(SIGTERM);
    const auto ended = process_->wait(kPatience);
    if (!ended || *ended != 0)
        throw std::runtime_error{"another launcher did not leave: " + log()};
}

std::string Neighbour::log() const
{
    return read_file_if_exists(directory_.path() / "log", 64U << 20U).value_or(std::nullopt).value_or("");
}

} // namespace slipway::test
