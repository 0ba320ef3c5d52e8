#include "test/support/engine.h"

#include "common/file.h"

#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>
#include <stdexcept>

namespace slipway::test {

namespace {

constexpr std::chrono::seconds kStart{30};

/// A bridge of this name, see netdevice(7); it must not be there yet.
void make_bridge(const std::string& name)
{
    const UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::ioctl(socket.get(), SIOCBRADDBR, name.c_str()) != 0)
        throw std::runtime_error{"making the bridge " + name + ": " + std::strerror(errno)};
}

void remove_bridge(const std::string& name)
{
    const UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    ifreq down{}; // no flags: it is not up any more
    name.copy(down.ifr_name, sizeof down.ifr_name - 1);
    (void)::ioctl(socket.get(), SIOCSIFFLAGS, &down);
    (void)::ioctl(socket.get(), SIOCBRDELBR, name.c_str());
}

std::string bridge_name()
{
    static int engines = 0;
    return "sw" + std::to_string(::getpid()) + "-" + std::to_string(engines++);
}

} // namespace

OwnEngine::OwnEngine(std::vector<std::string> arguments, Cgroups cgroups)
    : arguments_{std::move(arguments)}
    , cgroups_{cgroups}
    , bridge_{bridge_name()}
{
    make_bridge(bridge_);
    start();
}

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
    remove_bridge(bridge_);
}

std::vector<std::string> OwnEngine::with_cgroups_v1_alone()
{
    if (!std::filesystem::exists("/sys/fs/cgroup/unified/cgroup.procs"))
        return {};
    return {"unshare", "--mount", "--propagation", "slave", "sh", "-c",
        "umount /sys/fs/cgroup/unified && exec \"$@\"", "sh"};
}

std::string OwnEngine::host() const { return "unix://" + (directory_.path() / "docker.sock").string(); }

void OwnEngine::kill() { daemon_->kill(); }

void OwnEngine::stop()
{
    daemon_->signal(SIGTERM);
    if (!daemon_->wait(kStart))
        throw std::runtime_error{"dockerd does not end"};
}

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
    std::vector<std::string> command;
    if (cgroups_ == Cgroups::v1_alone)
        command = with_cgroups_v1_alone();
    command.insert(command.end(),
        {"dockerd", "--host", host(), "--data-root", path("root"), "--exec-root", path("exec"), "--pidfile",
            path("pid"), "--bridge=" + bridge_, "--iptables=false", "--ip-forward=false", "--live-restore"});
    command.insert(command.end(), arguments_.begin(), arguments_.end());
    auto started = Process::start(
        {.argv = std::move(command), .env = {}, .directory = {}, .log = directory_.path() / "log"});
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
