#include "test/unit/cli/command_world.h"

#include "common/file.h"
#include "mothership/cli/command_line.h"
#include "mothership/cli/login.h"

#include <fcntl.h>
#include <stdio_ext.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <future>
#include <stdexcept>

namespace slipway::cli::test {

namespace {

using slipway::test::RawHttpServer;

/// Stands in for one of the standard descriptors while it lives; a pipe, so that limits on files do not reach
/// it.
class Capture {
public:
    explicit Capture(int fd)
        : fd_{fd}
        , before_{::dup(fd)}
    {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0 || ::dup2(ends[1], fd) < 0)
            throw std::runtime_error{"no pipe"};
        ::close(ends[1]);
        text_ = std::async(std::launch::async, [end = UniqueFd{ends[0]}] {
            std::string text;
            std::array<char, 65536> piece{};
            for (ssize_t count = 0; (count = ::read(end.get(), piece.data(), piece.size())) > 0;)
                text.append(piece.data(), static_cast<std::size_t>(count));
            return text;
        });
    }

    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;

    ~Capture() { restore(); }

    std::string text()
    {
        restore();
        return text_.get();
    }

private:
    void restore()
    {
        if (before_)
            ::dup2(before_.get(), fd_);
        before_.reset();
    }

    int fd_;
    UniqueFd before_;
    std::future<std::string> text_;
};

RawHttpServer::Script answering(std::function<std::string(const std::string& request)> answer)
{
    return [answer = std::move(answer)](RawHttpServer::Connection& peer) {
        while (const auto request = peer.read_request())
            if (!peer.send(answer(*request)))
                return;
    };
}

RawHttpServer::Tls identity(const slipway::test::TestCa& ca)
{
    const auto files = ca.issue("localhost");
    return {.certificate = files.certificate, .key = files.key, .client_ca = ""};
}

} // namespace

Outcome captured(const std::function<int()>& work)
{
    std::fflush(nullptr);
    Capture out{STDOUT_FILENO};
    Capture err{STDERR_FILENO};
    const int code = work();
    std::fflush(nullptr);
    std::clearerr(stdout);
    ::__fpurge(stdout);
    return {.code = code, .out = out.text(), .err = err.text()};
}

CommandWorld::CommandWorld(RawHttpServer::Script script)
    : server_{identity(ca_), std::move(script)}
{
    ::setenv("XDG_CONFIG_HOME", directory_.path().c_str(), 1); // NOLINT(concurrency-mt-unsafe)
    const auto ca = read_file(ca_.certificate(), 65536);
    if (!ca || !save_account({.endpoint = server_.url(), .ca_pem = *ca, .api_key = Secret{"slk_x"}}))
        throw std::runtime_error{"no account"};
}

CommandWorld::CommandWorld(std::function<std::string(const std::string& request)> answer)
    : CommandWorld{answering(std::move(answer))}
{
}

CommandWorld::~CommandWorld() { ::unsetenv("XDG_CONFIG_HOME"); } // NOLINT(concurrency-mt-unsafe)

Outcome CommandWorld::run(std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), "slipway");
    std::vector<const char*> pointers;
    for (const auto& argument : arguments)
        pointers.push_back(argument.c_str());
    return captured([&] { return run_command_line(static_cast<int>(pointers.size()), pointers.data()); });
}

} // namespace slipway::cli::test
