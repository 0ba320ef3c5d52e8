#include "launcher/docker_host.h"
#include "test/support/raw_http_server.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <set>
#include <string>
#include <vector>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;

namespace {

/// What is known of an engine's containers. It takes its time for each, and carries out what it was asked for
/// also when nobody waits for the answer.
class FakeEngine {
public:
    explicit FakeEngine(const std::filesystem::path& socket)
        : server_{socket, [this](RawHttpServer::Connection& peer) {
                      while (const auto request = peer.read_request())
                          if (!peer.send(answer(*request)))
                              return;
                  }}
    {
    }

    FakeEngine(const FakeEngine&) = delete;
    FakeEngine& operator=(const FakeEngine&) = delete;

    ~FakeEngine() { hold(false); }

    /// To make or remove a container takes until this is called with `false`; else each removal waits a
    /// moment for another one.
    void hold(bool held)
    {
        const std::lock_guard lock{mutex_};
        held_ = held;
        changed_.notify_all();
    }

    [[nodiscard]] bool wait_under_way()
    {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, 20s, [this] { return under_way_ > 0; });
    }

    /// The most removals that were under way at once.
    [[nodiscard]] int most()
    {
        const std::lock_guard lock{mutex_};
        return most_;
    }

    [[nodiscard]] std::multiset<std::string> removed()
    {
        const std::lock_guard lock{mutex_};
        return removed_;
    }

    /// Names of those that were made, and the ones that are there.
    [[nodiscard]] std::pair<int, std::set<std::string>> made()
    {
        const std::lock_guard lock{mutex_};
        return {made_, names_};
    }

private:
    static std::string json(int status, std::string_view body)
    {
        return http_response(status, body, "Content-Type: application/json\r\n");
    }

    std::string answer(const std::string& request)
    {
        const std::string_view line = std::string_view{request}.substr(0, request.find('\r'));
        const auto has = [&](std::string_view part) { return line.find(part) != std::string::npos; };
        const auto after = [&](std::string_view part) {
            const auto begin = line.find(part) + part.size();
            return std::string{line.substr(begin, line.find_first_of("?& ", begin) - begin)};
        };
        if (has("/containers/create?"))
            return create(after("name="));
        if (line.starts_with("DELETE "))
            return removal(after("/containers/"));
        if (line.starts_with("POST ")) // its start
            return http_response(204, "");
        if (has("/images/"))
            return json(200, R"({"Id":"sha256:e","RepoTags":[],"RepoDigests":[],"Config":{}})");
        return has("/containers/json") || has("/networks") ? json(200, "[]")
                                                           : json(404, R"({"message":"none"})");
    }

    std::string create(const std::string& name)
    {
        std::unique_lock lock{mutex_};
        ++under_way_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return !held_; });
        --under_way_;
        ++made_;
        names_.insert(name);
        return json(201, R"({"Id":")" + name + R"(","Warnings":[]})");
    }

    std::string removal(const std::string& name)
    {
        std::unique_lock lock{mutex_};
        most_ = std::max(most_, ++under_way_);
        changed_.notify_all();
        if (held_)
            changed_.wait(lock, [this] { return !held_; });
        else
            changed_.wait_for(lock, 50ms, [this] { return under_way_ > 1; });
        --under_way_;
        names_.erase(name);
        removed_.insert(name);
        return http_response(204, "");
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool held_ = false;
    int under_way_ = 0;
    int most_ = 0;
    int made_ = 0;
    std::set<std::string> names_;
    std::multiset<std::string> removed_;
    RawHttpServer server_; ///< Last: its threads use everything above.
};

struct House {
    TempDir directory;
    FakeEngine engine{directory.path() / "docker.sock"};
    SystemClock clock;
    SystemRandom random;
    UniqueFd log_file{::open((directory.path() / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
    LogSink sink{log_file.get(), LogFormat::logfmt, LogLevel::debug, clock};
    std::unique_ptr<DockerHost> host;

    explicit House(SlotTransport transport = SlotTransport::socket, bool held = false)
    {
        engine.hold(held);
        host = open(transport);
    }

    std::unique_ptr<DockerHost> open(SlotTransport transport)
    {
        auto endpoint = docker::Endpoint::parse("unix://" + (directory.path() / "docker.sock").string());
        REQUIRE(endpoint);
        auto opened = DockerHost::open(
            {.engine = {.endpoint = *std::move(endpoint), .api = docker::kOldestApi, .name = "an engine"},
                .instance_id = "01J000000000000000000000NE",
                .state_directory = directory.path() / "state",
                .slot_transport = transport,
                .boot_id = "boot"},
            nullptr, clock, random, Logger{sink}, {});
        if (!opened)
            FAIL(opened.error().message());
        return *std::move(opened);
    }
};

} // namespace

TEST_CASE("containers of one launcher are removed one after another, whoever asks for it")
{
    House house;
    std::vector<std::future<Result<void>>> removing;
    for (const std::string name : {"slipway-a", "slipway-b", "slipway-c"})
        removing.push_back(
            std::async(std::launch::async, [&house, name] { return house.host->remove(name, {}); }));
    house.host->discard("slipway-d");
    house.host->discard("slipway-e");
    for (auto& one : removing)
        CHECK(one.get());
    house.host->settle({});
    CHECK(house.engine.removed()
        == std::multiset<std::string>{"slipway-a", "slipway-b", "slipway-c", "slipway-d", "slipway-e"});
    CHECK(house.engine.most() == 1);
}

TEST_CASE("while a container is being removed the rest of the launcher waits for nothing")
{
    House house;
    house.engine.hold(true);
    auto removing = std::async(std::launch::async, [&] { return house.host->remove("slipway-a", {}); });
    REQUIRE(house.engine.wait_under_way());
    house.host->discard("slipway-b");
    CHECK(house.host->containers({}));
    const auto likely = house.host->take_likely({}, {});
    REQUIRE(likely);
    CHECK_FALSE(likely->has_value());
    std::stop_source stop;
    auto waiting = std::async(
        std::launch::async, [&, token = stop.get_token()] { return house.host->remove("slipway-c", token); });
    stop.request_stop();
    const auto cancelled = waiting.get();
    REQUIRE_FALSE(cancelled);
    CHECK(cancelled.error().code() == Errc::cancelled);
    house.engine.hold(false);
    CHECK(removing.get());
    house.host->settle({});
    CHECK(house.engine.removed() == std::multiset<std::string>{"slipway-a", "slipway-b"});
}

TEST_CASE("a launcher that ends while it tries out how slots are made leaves no container of that behind")
{
    const auto transport = GENERATE(SlotTransport::automatic, SlotTransport::stdio);
    House house{transport, true};
    REQUIRE(house.engine.wait_under_way());
    auto ending = std::async(std::launch::async, [&] { house.host.reset(); });
    CHECK(ending.wait_for(50ms) == std::future_status::timeout); // it waits for what it has asked for
    house.engine.hold(false);
    ending.get();
    const auto [made, left] = house.engine.made();
    CHECK(made == 1);
    CHECK(left.empty());
}
