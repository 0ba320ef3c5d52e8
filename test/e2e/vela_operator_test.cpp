#include "common/unique_fd.h"
#include "test/e2e/vela_lab.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>

namespace slipway::test {

namespace {

/// Where a service manager listens.
class NotifySocket {
public:
    NotifySocket()
        : socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)}
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
        REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }

    [[nodiscard]] std::string path() const { return (directory_.path() / "notify").string(); }

    /// Waits until it was told something with `text` in it.
    [[nodiscard]] bool told(std::string_view text) const
    {
        for (pollfd ready{socket_.get(), POLLIN, 0}; ::poll(&ready, 1, 20'000) > 0;) {
            std::array<char, 4096> bytes{};
            const auto size = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
            if (size > 0
                && std::string_view{bytes.data(), static_cast<std::size_t>(size)}.find(text)
                    != std::string_view::npos)
                return true;
        }
        return false;
    }

private:
    TempDir directory_;
    UniqueFd socket_;
};

} // namespace

TEST_CASE("an operator sees what a Vela worker does, stops a build, drains it and lets it take builds again")
{
    using Catch::Matchers::Contains;
    VelaLab lab;
    const NotifySocket service_manager;
    lab.start({{"NOTIFY_SOCKET", service_manager.path()}});
    CHECK(service_manager.told("READY=1"));
    const auto build = lab.push(lab.steps({{.name = "long", .commands = {"echo waiting", "sleep 60"}}}));
    lab.wait([&] { return lab.server().step_log(build, 2).find("waiting\n") != std::string::npos; },
        "the long step");
    const auto status = lab.command({"status"});
    CHECK(status.first == 0);
    CHECK_THAT(status.second, Contains("worker        127.0.0.2\n"));
    CHECK_THAT(status.second, Contains("routes        vela\n"));
    CHECK_THAT(status.second, Contains("places        1 of 1 taken\n"));
    CHECK_THAT(status.second, Contains("build " + build + "\n"));
    const auto why = lab.command({"why"});
    CHECK(why.first != 0);
    CHECK_THAT(why.second, Contains("its one place is taken by 1 build"));
    CHECK_THAT(why.second, Contains("VELA_BUILD_LIMIT"));
    CHECK(lab.command({"stop", build}).first == 0);
    CHECK(lab.ended(build).text("status") == "canceled");

    CHECK(lab.command({"drain", "--wait"}).first == 0);
    const auto later = lab.push(lab.steps({{.name = "one", .commands = {"echo late"}}}));
    lab.kill();
    lab.start(); // a drain outlives the process
    lab.wait_listening();
    lab.wait([&] { return lab.server().worker("127.0.0.2")->text("status") == "idle"; }, "an idle worker");
    CHECK_THAT(lab.command({"why"}).second, Contains("drained by \"slipway-launcher drain\""));
    CHECK(lab.server().build(later).text("status") == "pending");
    CHECK(lab.command({"undrain"}).first == 0);
    CHECK(lab.ended(later).text("status") == "success");
    CHECK(lab.command({"drain", "--exit", "--wait"}).first == 0);
    CHECK(lab.wait_end() == 0);
    CHECK(lab.command({"status"}).first != 0);
}

} // namespace slipway::test
