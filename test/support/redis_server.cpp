#include "test/support/redis_server.h"

#include "common/file.h"
#include "test/support/free_port.h"

#include <chrono>
#include <stdexcept>
#include <thread>

namespace slipway::test {

namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 20s;

} // namespace

RedisServer::RedisServer(std::string settings, bool sentinel)
    : sentinel_{sentinel}
    , port_{free_port()}
{
    settings = "bind 127.0.0.1\nprotected-mode no\ndir " + directory_.path().string() + "\nunixsocket "
        + socket().string() + "\n" + (settings.find("tls-port") == std::string::npos ? "" : "port 0\n")
        + settings;
    if (settings.find("\nport ") == std::string::npos)
        settings = "port " + std::to_string(port_) + "\n" + settings;
    if (settings.find("\nsave ") == std::string::npos && !sentinel)
        settings += "\nsave \"\"\n";
    if (const auto at = settings.find("tls-port 0"); at != std::string::npos)
        settings.replace(at, 10, "tls-port " + std::to_string(port_));
    if (!replace_file(directory_.path() / "redis.conf", settings))
        throw std::runtime_error{"redis.conf cannot be written"};
    start();
}

void RedisServer::start()
{
    std::vector<std::string> argv{"redis-server", (directory_.path() / "redis.conf").string()};
    if (sentinel_)
        argv.emplace_back("--sentinel");
    auto process = Process::start(
        {.argv = argv, .env = {}, .directory = directory_.path(), .log = directory_.path() / "log"});
    if (!process)
        throw std::runtime_error{process.error().message()};
    process_.emplace(*std::move(process));
    const auto until = std::chrono::steady_clock::now() + kPatience;
    // With a password it does not say PONG, but it answers.
    for (std::string said; said != "PONG" && said.find("NOAUTH") == std::string::npos;) {
        if (std::chrono::steady_clock::now() > until)
            throw std::runtime_error{"redis-server does not answer: " + said};
        said = run_program({"redis-cli", "-s", socket().string(), "PING"}).value_or("");
        while (said.ends_with('\n'))
            said.pop_back();
        std::this_thread::sleep_for(2ms);
    }
}

Result<std::string> RedisServer::try_cli(const std::vector<std::string>& words) const
{
    std::vector<std::string> argv{"redis-cli", "-s", socket().string()};
    argv.insert(argv.end(), words.begin(), words.end());
    auto said = SLIPWAY_TRY(run_program(argv));
    while (said.ends_with('\n'))
        said.pop_back();
    return said;
}

std::string RedisServer::cli(const std::vector<std::string>& words) const
{
    auto said = try_cli(words);
    if (!said)
        throw std::runtime_error{said.error().message()};
    return *std::move(said);
}

void RedisServer::await(const std::vector<std::string>& words, const std::string& wanted) const
{
    const auto until = std::chrono::steady_clock::now() + kPatience;
    // A server that changes its part cuts its clients off.
    for (std::string said; (said = try_cli(words).value_or("nothing")).find(wanted) == std::string::npos;) {
        if (std::chrono::steady_clock::now() > until)
            throw std::runtime_error{"redis never said " + wanted + " but " + said};
        std::this_thread::sleep_for(2ms);
    }
}

} // namespace slipway::test
