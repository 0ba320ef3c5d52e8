#include "common/unique_fd.h"
#include "launcher/service_manager.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <mutex>

using namespace slipway;
using namespace slipway::launcher;
using namespace std::chrono_literals;

namespace {

/// The end that systemd has: a datagram socket with a path or an abstract name.
class Manager {
public:
    explicit Manager(const std::string& name)
        : fd_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)}
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::copy(name.begin(), name.end(), address.sun_path);
        if (name[0] == '@')
            address.sun_path[0] = '\0';
        REQUIRE(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address),
                    static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size()))
            == 0);
    }

    /// All that comes, up to the message that holds `part`; empty when it does not come.
    std::string until(std::string_view part)
    {
        std::string all;
        for (pollfd ready{fd_.get(), POLLIN, 0}; ::poll(&ready, 1, 20'000) == 1;) {
            std::string text(4096, '\0');
            const auto count = ::recv(fd_.get(), text.data(), text.size(), 0);
            text.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
            all += text + "\n";
            if (text.find(part) != std::string::npos)
                return all;
        }
        return {};
    }

private:
    UniqueFd fd_;
};

/// A status that a test changes.
class Subject {
public:
    EngineStatus get()
    {
        const std::lock_guard lock{mutex_};
        return status_;
    }

    template <class Change> void change(Change change)
    {
        const std::lock_guard lock{mutex_};
        change(status_);
    }

private:
    std::mutex mutex_;
    EngineStatus status_;
};

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("systemd hears of readiness, of each change, of a reload and of the end", "[launcher]")
{
    const test::TempDir directory;
    const bool abstract = GENERATE(false, true);
    const std::string name
        = abstract ? "@slipway-test-" + std::to_string(::getpid()) : (directory.path() / "notify").string();
    Manager systemd{name};
    Subject subject;
    ServiceManager service{{.socket = name,
        .watchdog = std::nullopt,
        .status = [&] { return subject.get(); },
        .url = "https://plane"}};
    const auto first = systemd.until("STATUS=not registered with https://plane");
    REQUIRE_FALSE(first.empty());
    CHECK_FALSE(has(first, "READY=1"));
    CHECK_FALSE(has(first, "WATCHDOG=1"));
    service.around_reload([] {}); // a reload makes nobody ready

    subject.change([](auto& status) { status.polled = status.connected = true; });
    service.changed();
    const auto second = systemd.until("STATUS=0 of 1 places taken");
    CHECK(has(second, "READY=1"));
    CHECK_FALSE(has(second, "RELOADING=1"));

    bool reloaded = false;
    service.around_reload([&] { reloaded = true; });
    CHECK(reloaded);
    CHECK(has(systemd.until("READY=1"), "RELOADING=1\nMONOTONIC_USEC="));

    subject.change([](auto& status) { status.drains = {{DrainBy::signal, {}}}; });
    service.changed();
    CHECK(has(systemd.until("STOPPING=1"), "STATUS=told by a signal"));
}

TEST_CASE("the watchdog is fed only while the engine's loops go on", "[launcher]")
{
    const test::TempDir directory;
    const std::string name = (directory.path() / "notify").string();
    Manager systemd{name};
    Subject subject;
    ServiceManager service{
        {.socket = name, .watchdog = 1ms, .status = [&] { return subject.get(); }, .url = "https://plane"}};
    REQUIRE_FALSE(systemd.until("WATCHDOG=1").empty());
    subject.change([](auto& status) {
        status.stalled = kLongestStep;
        status.polled = true;
        status.connected = true;
    });
    REQUIRE_FALSE(systemd.until("READY=1").empty()); // from here on it sees the hang
    subject.change([](auto& status) { status.drains = {{DrainBy::signal, {}}}; });
    const auto later = systemd.until("STOPPING=1");
    REQUIRE_FALSE(later.empty());
    CHECK_FALSE(has(later, "WATCHDOG=1"));
}

TEST_CASE("a watchdog counts when it is meant for this process", "[launcher]")
{
    CHECK(watchdog_interval("60000000", std::nullopt, 7) == 30s);
    CHECK(watchdog_interval("60000000", "7", 7) == 30s);
    CHECK_FALSE(watchdog_interval("60000000", "8", 7));
    CHECK_FALSE(watchdog_interval(std::nullopt, "7", 7));
    CHECK_FALSE(watchdog_interval("0", "7", 7));
    CHECK_FALSE(watchdog_interval("soon", "7", 7));
}

TEST_CASE("a socket of systemd that is none is named", "[launcher]")
{
    CHECK_FALSE(notify_service_manager("", "READY=1"));
    CHECK_FALSE(notify_service_manager("relative", "READY=1"));
    CHECK_FALSE(notify_service_manager("/" + std::string(200, 'x'), "READY=1"));
    CHECK_FALSE(notify_service_manager("/no/such/socket", "READY=1"));
}
