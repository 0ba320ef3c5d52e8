#include "common/file.h"
#include "launcher/registration.h"
#include "test/support/manual_clock.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>

#include <limits>

using namespace slipway;
using namespace slipway::launcher;

namespace {

constexpr auto kNow = std::chrono::sys_days{std::chrono::year{2026} / 6 / 1};

Identity some_identity()
{
    static const auto key = crypto::PrivateKey::generate(2048);
    REQUIRE(key);
    return {.url = "https://127.0.0.1:8443",
        .pool_id = "P",
        .certificate_pem = {},
        .ca_pem = {},
        .private_key = *key,
        .private_keys = {*key},
        .not_before = kNow - std::chrono::days{1},
        .not_after = kNow + std::chrono::days{1}};
}

protocol::RegisterResponse answer_at(std::chrono::system_clock::time_point wall)
{
    protocol::RegisterResponse response;
    response.worker_id = "W";
    response.pool_id = "P";
    response.pool_name = "demo";
    response.wall_ms = std::chrono::duration_cast<std::chrono::milliseconds>(wall.time_since_epoch()).count();
    return response;
}

/// A backend that answers registrations as it is told, and does nothing else.
class FakeBackend final : public Backend {
public:
    Result<protocol::RegisterResponse> enroll(const protocol::RegisterRequest&, std::stop_token) override
    {
        return next;
    }

    Result<protocol::PollResponse> poll(const protocol::PollRequest&, std::stop_token) override
    {
        return nothing();
    }

    Result<StageAnswer> accept(const StageRef&, protocol::Millis, std::stop_token) override
    {
        return nothing();
    }

    Result<void> decline(const StageRef&, std::string_view, std::stop_token) override { return nothing(); }

    Result<StageAnswer> report(const StageRef&, const protocol::StateReport&, std::stop_token) override
    {
        return nothing();
    }

    Result<StageAnswer> append_log(const StageRef&, std::uint64_t, std::string_view, std::stop_token) override
    {
        return nothing();
    }

    Result<StageAnswer> upload_blob(
        const StageRef&, std::string_view, int, std::uint64_t, std::stop_token) override
    {
        return nothing();
    }

    Result<StageAnswer> download_blob(const StageRef&, std::string_view,
        const std::function<Result<void>(std::string_view)>&, std::stop_token) override
    {
        return nothing();
    }

    Result<void> sign_off(std::stop_token) override
    {
        ++signed_off;
        return {};
    }

    Result<protocol::RegisterResponse> next{Error{Errc::unreachable, "not told yet"}};
    int signed_off = 0;

private:
    static Error nothing() { return {Errc::internal, "not part of a registration"}; }
};

/// A registration whose output and log are files.
struct Watched {
    Watched()
        : output{open("output")}
        , log{open("log")}
        , sink{log.get(), LogFormat::logfmt, LogLevel::warn, clock}
        , registration{backend, identity, 2, clock, Logger{sink}, output.get()}
    {
    }

    [[nodiscard]] UniqueFd open(const char* name) const
    {
        auto file = open_file(directory.path() / name, O_CREAT | O_WRONLY | O_APPEND);
        REQUIRE(file);
        return *std::move(file);
    }

    [[nodiscard]] std::string text(const char* name) const
    {
        return read_file(directory.path() / name, 1 << 20).value_or("");
    }

    Result<protocol::RegisterResponse> enroll(Result<protocol::RegisterResponse> answer)
    {
        backend.next = std::move(answer);
        return registration.enroll({}, {});
    }

    test::TempDir directory;
    test::ManualClock clock{kNow};
    FakeBackend backend;
    Identity identity = some_identity();
    UniqueFd output;
    UniqueFd log;
    LogSink sink;
    Registration registration;
};

} // namespace

TEST_CASE("a server's time beyond all calendars is a wrong clock, not an overflow", "[launcher]")
{
    Watched watched;
    auto response = answer_at(kNow);
    response.wall_ms = std::numeric_limits<std::int64_t>::max();
    CHECK_FALSE(watched.enroll(response));
    const auto refusal = watched.registration.refusal();
    REQUIRE(refusal);
    CHECK(refusal->code == ExitCode::clock_skew);
}

TEST_CASE("the ready line is printed at the first registration and not again", "[launcher]")
{
    Watched watched;
    CHECK_FALSE(watched.enroll(Error{Errc::unreachable, "connection refused"}));
    CHECK(watched.text("output").empty());
    CHECK(watched.enroll(answer_at(kNow)));
    CHECK(watched.enroll(answer_at(kNow)));
    CHECK(watched.text("output")
        == "slipway-launcher is ready: pool \"demo\" (P), worker W, https://127.0.0.1:8443, capacity 2\n");
    CHECK(watched.text("log").empty());
    CHECK_FALSE(watched.registration.refusal());
}

TEST_CASE("a pool's name cannot write control bytes to a terminal", "[launcher]")
{
    auto response = answer_at(kNow);
    response.pool_name = "a\033[2Jb\n";
    CHECK(ready_line(response, "https://h", 1)
        == "slipway-launcher is ready: pool \"a\\x1b[2Jb\\n\" (P), worker W, https://h, capacity 1\n");
}

TEST_CASE("a rejection is kept with its exit code until a registration succeeds", "[launcher]")
{
    Watched watched;
    const auto refused = watched.enroll(Error{Errc::rejected, "403 Forbidden: no such pool"});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::rejected);
    REQUIRE(watched.registration.refusal());
    CHECK(watched.registration.refusal()->code == ExitCode::server_refused);
    CHECK(watched.registration.refusal()->message.find("no such pool") != std::string::npos);
    CHECK(watched.enroll(answer_at(kNow)));
    CHECK_FALSE(watched.registration.refusal());
}

TEST_CASE("a server by whose clock the certificate is not valid counts as a rejection, and the worker leaves",
    "[launcher]")
{
    Watched watched;
    const auto refused = watched.enroll(answer_at(kNow + std::chrono::days{3}));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::rejected);
    REQUIRE(watched.registration.refusal());
    CHECK(watched.registration.refusal()->code == ExitCode::clock_skew);
    CHECK(watched.backend.signed_off == 1);
    CHECK(watched.text("output").empty());
}

TEST_CASE("a clock some minutes off is a warning, and a server that tells no time is not compared with",
    "[launcher]")
{
    Watched watched;
    CHECK(watched.enroll(answer_at(watched.clock.wall() + std::chrono::minutes{5})));
    INFO(watched.text("log"));
    CHECK(watched.text("log").find("5m0s behind") != std::string::npos);
    CHECK(watched.text("output").find("is ready") != std::string::npos);
    Watched silent;
    auto response = answer_at(kNow);
    response.wall_ms = 0;
    CHECK(silent.enroll(response));
    CHECK(silent.text("log").empty());
}
