#include "test/support/engine.h"

#include "common/file.h"

#include <poll.h>
#include <signal.h>
#include <sys/mount.h>

#include <sstream>
#include <stdexcept>

namespace slipway::test {

namespace {

constexpr std::chrono::seconds kStart{30};

} // namespace

OwnEngine::OwnEngine() { start(); }

OwnEngine::~OwnEngine()
{
    if (auto listed = run_program({"docker", "-H", host(), "ps", "-aq"})) {
        std::istringstream ids{*listed};
        for (std::string id; ids >> id;)
            (void)run_program({"docker", "-H", host(), "rm", "-f", "-v", id});
    }
    daemon_->signal(SIGTERM); // so that it ends its containerd, too
    (void)daemon_->wait(kStart);
    // Each start mounts the root on itself, and one that was killed leaves that behind.
    while (::umount2((directory_.path() / "root").c_str(), MNT_DETACH) == 0) { }
}

std::string OwnEngine::host() const { return "unix://" + (directory_.path() / "docker.sock").string(); }

void OwnEngine::kill() { daemon_->kill(); }

void OwnEngine::freeze() { daemon_->signal(SIGSTOP); }

void OwnEngine::thaw() { daemon_->signal(SIGCONT); }

void OwnEngine::start()
{
    const auto path = [this](const char* name) { return (directory_.path() / name).string(); };
    // A killed one leaves two numbers behind: its own, and that of the containerd that died with it. Where
    // nobody reaps the latter, its zombie would be taken for a living one.
    std::error_code none;
    for (const auto* left : {"pid", "exec/containerd/containerd.pid"})
        std::filesystem::remove(path(left), none);
    auto started = Process::start({.argv
        = {"dockerd", "--host", host(), "--data-root", path("root"), "--exec-root", path("exec"), "--pidfile",
            path("pid"), "--bridge=none", "--iptables=false", "--ip-forward=false", "--live-restore"},
        .env = {},
        .directory = {},
        .log = directory_.path() / "log"});
    if (!started)
        throw std::runtime_error{"dockerd: " + started.error().message()};
    daemon_ = *std::move(started);
    const auto until = std::chrono::steady_clock::now() + kStart;
    while (!run_program({"docker", "-H", host(), "version"})) {
        if (std::chrono::steady_clock::now() > until)
            throw std::runtime_error{
                "dockerd does not answer: " + read_file(directory_.path() / "log", 1U << 20U).value_or("")};
        ::poll(nullptr, 0, 50);
    }
}

} // namespace slipway::test
