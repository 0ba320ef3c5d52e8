#pragma once

#include "common/file.h"
#include "common/ulid.h"
#include "crypto/key.h"
#include "launcher/supervisor.h"
#include "test/support/fake_backend.h"
#include "test/support/temp_dir.h"
#include "test/unit/launcher/engine_fake_host.h"

#include <catch2/catch.hpp>
#include <fcntl.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace slipway::test {

/// The machine's clock, that a test may put forward, as a host that slept, and whose sleepers it may leave to
/// sleep until they are stopped.
class JumpClock final : public Clock {
public:
    void make_sleep_endless() { endless_ = true; }

    /// Sleeps that began since then.
    [[nodiscard]] int sleepers() const { return sleepers_; }

    void jump(std::chrono::milliseconds time) { ahead_ += std::chrono::nanoseconds{time}.count(); }

    [[nodiscard]] std::chrono::system_clock::time_point wall() const override { return system_.wall(); }

    [[nodiscard]] BootClock::time_point now() const override
    {
        return system_.now() + std::chrono::nanoseconds{ahead_};
    }

    Slept sleep_for(std::chrono::nanoseconds time, std::stop_token stop) const override
    {
        if (!endless_)
            return system_.sleep_for(time, std::move(stop));
        ++sleepers_;
        return system_.sleep_for(std::chrono::hours{1}, std::move(stop));
    }

private:
    SystemClock system_;
    std::atomic<std::int64_t> ahead_{0};
    std::atomic<bool> endless_{false};
    mutable std::atomic<int> sleepers_{0};
};

inline const crypto::PrivateKey& engine_pool_key()
{
    static const auto key = crypto::PrivateKey::generate(2048);
    if (!key)
        throw std::runtime_error{"no key"};
    return *key;
}

inline UniqueFd open_log(const std::filesystem::path& path)
{
    auto file = open_file(path, O_WRONLY | O_CREAT | O_APPEND);
    if (!file)
        throw std::runtime_error{file.error().message()};
    return *std::move(file);
}

/// A supervisor over fakes, that may be left and begun again on the same journal.
struct EngineHouse {
    TempDir directory;
    JumpClock clock;
    SystemRandom random;
    FakeBackend backend{directory.path() / "backend", clock};
    FakeHost host;
    UniqueFd log_file = open_log(directory.path() / "log");
    LogSink sink{log_file.get(), LogFormat::logfmt, LogLevel::debug, clock};
    std::atomic<int> throwing_enrolments{0}; ///< So many of the next ones throw.
    launcher::EngineSettings settings;
    launcher::Vault vault{{engine_pool_key()}, random};
    launcher::Tally tally;
    launcher::JobServices services{settings, backend, host, vault, clock, random, tally, nullptr};
    std::function<void(std::string_view)> hook; ///< Called with each step of a job; set it before `add`.
    std::optional<launcher::Journal> journal;
    std::unique_ptr<launcher::Supervisor> supervisor;
    std::future<launcher::EngineEnd> end;

    explicit EngineHouse(const std::function<void(launcher::EngineSettings&)>& change = {})
    {
        settings.default_image = "runner";
        settings.reconcile_interval = std::chrono::milliseconds{50};
        if (change)
            change(settings);
        start();
    }

    ~EngineHouse() { leave(); }

    void start()
    {
        auto opened = launcher::Journal::open(
            directory.path() / "state", clock, random, [this](std::string_view step) {
                if (hook)
                    hook(step);
            });
        REQUIRE(opened);
        journal.emplace(*std::move(opened));
        auto entries = journal->entries();
        REQUIRE(entries);
        supervisor = std::make_unique<launcher::Supervisor>(
            launcher::SupervisorParts{services, *journal, *std::move(entries),
                [this](const auto& request, auto stop) {
                    if (throwing_enrolments-- > 0)
                        throw std::runtime_error{"out of memory, say"};
                    return backend.enroll(request, stop);
                },
                Logger{sink}, {}});
        end = std::async(std::launch::async, [this] { return supervisor->run({}); });
    }

    void leave()
    {
        if (!supervisor)
            return;
        supervisor->hand_over();
        end.wait();
        supervisor.reset();
        journal.reset();
    }

    std::string add(protocol::StageKind kind = protocol::StageKind::read,
        const std::function<void(protocol::Assignment&)>& change = {})
    {
        protocol::Assignment a;
        a.stage_id = make_ulid(clock, random);
        a.run_id = a.pool_id = make_ulid(clock, random);
        a.stack_id = "web";
        a.kind = kind;
        a.stage_name = kind == protocol::StageKind::read ? "plan" : "apply";
        a.run_type = "TRACKED";
        a.phases = {{.name = "init", .before = {}, .commands = {"first-command"}, .after = {}},
            {.name = a.stage_name, .before = {}, .commands = {"main-command"}, .after = {}}};
        if (change)
            change(a);
        backend.add(a);
        return a.stage_id;
    }

    protocol::StateReport finished(const std::string& id)
    {
        REQUIRE(backend.wait_finished(id, std::chrono::seconds{20}));
        return *backend.finish(id);
    }

    std::string log_text() { return read_file(directory.path() / "log", 1U << 24U).value_or(""); }

    bool wait_started(std::size_t commands)
    {
        return backend.wait_until(
            [&] { return host.started().size() >= commands; }, std::chrono::seconds{20});
    }

    /// The backend has heard `count` more times what the launcher holds and takes.
    bool wait_polls(int count)
    {
        const int until = backend.polls() + count;
        return backend.wait_until(
            [&] {
                backend.command(protocol::CommandKind::stop, "no such stage"); // ends the poll under way
                return backend.polls() >= until;
            },
            std::chrono::seconds{20});
    }

    bool wait_docker(bool answers)
    {
        return backend.wait_until(
            [&] { return supervisor->status().docker_answers == answers; }, std::chrono::seconds{20});
    }

    bool wait_idle()
    {
        return backend.wait_until([&] { return supervisor->status().stages.empty() && host.names().empty(); },
            std::chrono::seconds{20});
    }
};

} // namespace slipway::test
