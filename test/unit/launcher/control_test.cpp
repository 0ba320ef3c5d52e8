#include "common/http/http_client.h"
#include "common/json.h"
#include "common/unique_fd.h"
#include "launcher/control_socket.h"
#include "launcher/health_server.h"
#include "launcher/status_json.h"
#include "launcher/status_text.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <sstream>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;

namespace {

bool holds_text(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

/// A launcher that would take the next stage.
EngineStatus ready()
{
    return {.worker_id = "W1",
        .pool_name = "demo",
        .polled = true,
        .connected = true,
        .contact_age = 300ms,
        .uptime = 90s,
        .disk = {.free_bytes = 9'000'000'000,
            .least_free_bytes = 256'000'000,
            .free_inodes = 100'000,
            .least_free_inodes = 1000},
        .idle_slots = 2,
        .transport = "socket"};
}

const LauncherFacts kFacts{
    .version = "1.2.3", .url = "https://plane:8443", .pool_id = "P1", .instance_id = "I1", .pid = 7};

std::vector<std::string> causes(const EngineStatus& status)
{
    std::vector<std::string> found;
    for (const auto& hold : holds(status, kFacts.url))
        found.emplace_back(hold.cause);
    return found;
}

/// A client that says what it likes, and nothing more.
class RawClient {
public:
    explicit RawClient(const std::filesystem::path& socket)
        : fd_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)}
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = socket.string();
        REQUIRE(path.size() < sizeof address.sun_path);
        std::copy(path.begin(), path.end(), address.sun_path);
        REQUIRE(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }

    void say(std::string_view text) const { (void)::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL); }

    [[nodiscard]] std::string hear() const
    {
        std::string text(65536, '\0');
        std::size_t end = 0;
        for (ssize_t count = 1; count > 0; end += static_cast<std::size_t>(std::max<ssize_t>(count, 0)))
            count = ::recv(fd_.get(), text.data() + end, text.size() - end, 0);
        text.resize(end);
        return text;
    }

private:
    UniqueFd fd_;
};

} // namespace

TEST_CASE("a control request is read as it was written, and nothing else is one", "[launcher]")
{
    using Do = ControlRequest::Do;
    for (const auto what : {Do::status, Do::drain, Do::leave, Do::undrain}) {
        const auto read = read_control_request(to_json(ControlRequest{what}));
        REQUIRE(read);
        CHECK(read->what == what);
    }
    const auto stop = read_control_request(to_json({Do::stop, "01ARZ3NDEKTSV4RRFFQ69G5FAV"}));
    REQUIRE(stop);
    CHECK(*stop == ControlRequest{Do::stop, "01ARZ3NDEKTSV4RRFFQ69G5FAV"});
    for (const auto* const wrong : {R"({"do":"stop"})", R"({"do":"stop","job":"../x"})",
             R"({"do":"stop","job":"01ARZ3NDEKTSV4RRFFQ69G5FAV","exit":true})",
             R"({"do":"drain","job":"01ARZ3NDEKTSV4RRFFQ69G5FAV"})", "", "{}", "[]", "\"status\"",
             R"({"do":1})", R"({"do":"explode"})", R"({"do":"status","exit":true})",
             R"({"do":"drain","exit":"yes"})", R"({"do":"status","stage":"x"})",
             R"({"do":{"do":{"do":"status"}}})"}) {
        INFO(wrong);
        const auto read = read_control_request(wrong);
        REQUIRE_FALSE(read);
        CHECK(read.error().code() == Errc::invalid_input);
    }
}

TEST_CASE("a launcher is asked over its socket, which is its user's alone", "[launcher]")
{
    const TempDir directory;
    std::atomic<int> asked{0};
    {
        auto server = ControlServer::listen(directory.path(), [&](const ControlRequest& request) {
            ++asked;
            return request.what == ControlRequest::Do::undrain
                ? Result<std::string>{Error{Errc::conflict, "it ends"}}
                : Result<std::string>{R"({"word":"status"})"};
        });
        REQUIRE(server);

        struct stat info { };

        REQUIRE(::stat((directory.path() / "control").c_str(), &info) == 0);
        CHECK((info.st_mode & 07777) == 0600);

        const auto answer = ask_launcher(directory.path(), {ControlRequest::Do::status});
        REQUIRE(answer);
        CHECK(*answer == "{\"word\":\"status\"}\n");
        const auto refused = ask_launcher(directory.path(), {ControlRequest::Do::undrain});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == Errc::invalid_input);
        CHECK(refused.error().message() == "it ends");
        CHECK(asked == 2);

        const RawClient rude{directory.path() / "control"};
        rude.say("{\"do\":\"stat\n");
        CHECK(holds_text(rude.hear(), "error"));
        const RawClient endless{directory.path() / "control"};
        endless.say(std::string(kMaxControlRequest + 1, 'x'));
        CHECK(holds_text(endless.hear(), "error"));
        // One that says nothing holds up the next one for two seconds at most.
        const RawClient silent{directory.path() / "control"};
        CHECK(ask_launcher(directory.path(), {ControlRequest::Do::status}, 20s));
        CHECK(asked == 3);
    }
    CHECK_FALSE(std::filesystem::exists(directory.path() / "control"));
    const auto gone = ask_launcher(directory.path(), {ControlRequest::Do::status});
    REQUIRE_FALSE(gone);
    CHECK(gone.error().code() == Errc::not_found);
    CHECK(holds_text(gone.error().message(), directory.path().string()));
}

TEST_CASE("a launcher that ends while it is asked is one that is gone", "[launcher]")
{
    const TempDir directory;
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    const auto path = (directory.path() / "control").string();
    REQUIRE(path.size() < sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    UniqueFd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    auto asked = std::async(std::launch::async,
        [&] { return ask_launcher(directory.path(), {ControlRequest::Do::status}, 20s); });
    pollfd waiting{listener.get(), POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 20'000) == 1);
    listener = {}; // nobody has taken the connection
    const auto gone = asked.get();
    REQUIRE_FALSE(gone);
    INFO(gone.error().message());
    CHECK(gone.error().code() == Errc::not_found);
}

TEST_CASE("a socket that a killed launcher left is replaced, and a path may be long", "[launcher]")
{
    const TempDir directory;
    const auto deep = directory.path() / std::string(100, 'a') / std::string(100, 'b');
    std::filesystem::create_directories(deep);
    REQUIRE(::mknod((deep / "control").c_str(), S_IFREG | 0600, 0) == 0);
    const auto nobody = ask_launcher(deep, {ControlRequest::Do::status});
    REQUIRE_FALSE(nobody);
    CHECK(nobody.error().code() == Errc::not_found);
    const auto server = ControlServer::listen(
        deep, [](const ControlRequest&) { return Result<std::string>{R"({"word":"here"})"}; });
    REQUIRE(server);
    CHECK(ask_launcher(deep, {ControlRequest::Do::status}));
}

TEST_CASE("what holds a launcher back is named in the order of likelihood", "[launcher]")
{
    CHECK(causes(ready()).empty());

    auto status = ready();
    status.polled = false;
    status.contact_error = "connection refused";
    CHECK(causes(status) == std::vector<std::string>{"not_registered"});
    CHECK(holds_text(holds(status, kFacts.url)[0].text, "connection refused"));

    status = ready();
    status.connected = false;
    status.contact_error = "timed out";
    status.contact_age = 130s;
    CHECK(holds_text(holds(status, kFacts.url)[0].text, "for 2m 10s: timed out"));

    status.drains = {{DrainBy::command, {}}, {DrainBy::control_plane, {}}, {DrainBy::signal, {}}};
    status.docker_answers = false;
    status.docker_error = "the engine hangs";
    status.disk.free_bytes = 1;
    status.stages
        = {{.stage_id = "S", .run_id = "R", .phase = protocol::WorkerPhase::running, .elapsed = 61s}};
    CHECK(causes(status)
        == std::vector<std::string>{
            "no_contact", "draining", "draining", "draining", "docker", "disk", "busy"});
    const auto all = holds(status, kFacts.url);
    CHECK(holds_text(all[1].remedy, "slipway-launcher undrain"));
    CHECK(holds_text(all[4].text, "the engine hangs"));
    CHECK(holds_text(all[6].text, "running for 1m 1s (run R)"));
    for (const auto& hold : all)
        CHECK_FALSE(hold.remedy.empty());

    status = ready();
    status.disk.free_inodes = 3;
    CHECK(causes(status) == std::vector<std::string>{"disk"});
    CHECK(holds_text(holds(status, kFacts.url)[0].text, "3 free inodes"));
    status.disk.error = "no such directory";
    CHECK(holds_text(holds(status, kFacts.url)[0].text, "no such directory"));
}

TEST_CASE("status and why tell people what a launcher does and lacks", "[launcher]")
{
    auto status = ready();
    auto why = why_text(status_json(status, kFacts), Paint::no);
    REQUIRE(why);
    CHECK(why->ready);
    CHECK(holds_text(why->text, "the control plane offers it nothing"));

    status.capacity = 2;
    status.stages = {{.stage_id = "S",
        .run_id = "R\033[2J",
        .kind = protocol::StageKind::write,
        .phase = protocol::WorkerPhase::running,
        .elapsed = 3700s}};
    status.drains = {{DrainBy::command, {}}};
    const auto json = status_json(status, kFacts);
    const auto text = status_text(json, Paint::no);
    REQUIRE(text);
    for (const auto* const part : {"W1", "P1 (demo)", "https://plane:8443", "0s ago",
             "1.2.3, process 7, for 1m 30s", "drain command since 1970", "answers", "socket", "9.0 GB free",
             "1 of 2 taken", "running for 1h 1m, write stage of run R", ", job S\n"}) {
        INFO(part);
        CHECK(holds_text(*text, part));
    }
    CHECK_FALSE(holds_text(*text, "\033"));
    const auto painted = status_text(json, Paint::yes);
    REQUIRE(painted);
    CHECK(holds_text(*painted, "\033[32manswers\033[0m"));
    CHECK_FALSE(holds_text(*painted, "\033[2J"));
    why = why_text(json, Paint::no);
    REQUIRE(why);
    CHECK_FALSE(why->ready);
    CHECK(holds_text(why->text, "Remedy: slipway-launcher undrain"));
    CHECK(stages_held(json).value_or(9) == 1);
    CHECK_FALSE(status_text("{}", Paint::no));
}

TEST_CASE("metrics are in Prometheus' text format, each family once and each sample of one", "[launcher]")
{
    Tally tally;
    tally.offers = 5;
    tally.declined(DeclineCause::disk);
    tally.ended(protocol::Outcome::succeeded);
    tally.cold_starts.add(30ms);
    auto facts = kFacts;
    facts.version = "1\"\\\n";
    const auto text = metrics_text(ready(), tally, facts);
    std::vector<std::string> families;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        INFO(line);
        if (line.starts_with("# TYPE ")) {
            families.push_back(line.substr(7, line.find(' ', 7) - 7));
            CHECK(std::ranges::count(families, families.back()) == 1);
        } else if (!line.starts_with("# HELP ")) {
            REQUIRE_FALSE(families.empty());
            CHECK(line.starts_with(families.back()));
            CHECK(line.find_last_of("0123456789") == line.size() - 1);
        }
    }
    for (const auto* const sample : {"slipway_launcher_build_info{version=\"1\\\"\\\\\\n\"} 1\n",
             "slipway_launcher_offers_total 5\n", "slipway_launcher_declines_total{cause=\"disk\"} 1\n",
             "slipway_launcher_stages_finished_total{outcome=\"succeeded\"} 1\n",
             "slipway_launcher_slot_start_seconds_bucket{start=\"cold\",le=\"0.025\"} 0\n",
             "slipway_launcher_slot_start_seconds_bucket{start=\"cold\",le=\"0.05\"} 1\n",
             "slipway_launcher_slot_start_seconds_bucket{start=\"cold\",le=\"+Inf\"} 1\n",
             "slipway_launcher_slot_start_seconds_sum{start=\"cold\"} 0.03\n",
             "slipway_launcher_last_contact_age_seconds 0.3\n", "slipway_launcher_warm_slots 2\n"}) {
        INFO(sample);
        CHECK(holds_text(text, sample));
    }
}

TEST_CASE("an address for health is one of this machine unless it says otherwise", "[launcher]")
{
    const auto is = [](std::string_view text, const HealthAddress& expected) {
        const auto read = read_health_address(text);
        return read && *read == expected;
    };
    CHECK(is("9090", {"127.0.0.1", 9090}));
    CHECK(is(":9090", {"127.0.0.1", 9090}));
    CHECK(is("localhost:9090", {"127.0.0.1", 9090}));
    CHECK(is("0.0.0.0:80", {"0.0.0.0", 80}));
    CHECK(is("[::1]:80", {"::1", 80}));
    for (const auto* const wrong :
        {"", "host", "1.2.3.4", "1.2.3.4:", "::1:80", "1.2.3.4:0", "1.2.3.4:70000"}) {
        INFO(wrong);
        CHECK_FALSE(read_health_address(wrong));
    }
}

TEST_CASE("health, readiness and metrics are served, and a taken address is a failure to start", "[launcher]")
{
    const SystemClock clock;
    LogSink sink{2, LogFormat::logfmt, LogLevel::error, clock};
    std::atomic<bool> well{true};
    const auto words = [&](const char* text) { return well ? std::string{} : std::string{text}; };
    const auto server = HealthServer::listen({"127.0.0.1", 0},
        {.metrics = [] { return "slipway_launcher_up 1\n"; },
            .not_ready = [&] { return words("drained\n"); },
            .not_healthy = [&] { return words("hangs\n"); }},
        Logger{sink});
    REQUIRE(server);
    auto client
        = http::HttpClient::create({.base_url = "http://127.0.0.1:" + std::to_string(server->port())});
    REQUIRE(client);
    const auto get = [&](const std::string& path) {
        http::ClientRequest request;
        request.url = path;
        request.timeout = 20s;
        auto response = client->send(request, {});
        REQUIRE(response);
        return std::pair{response->status, response->body};
    };
    CHECK(get("/healthz") == std::pair<int, std::string>{200, "ok\n"});
    CHECK(get("/readyz").first == 200);
    CHECK(get("/metrics") == std::pair<int, std::string>{200, "slipway_launcher_up 1\n"});
    CHECK(get("/jobs").first == 404);
    well = false;
    CHECK(get("/healthz") == std::pair<int, std::string>{503, "hangs\n"});
    CHECK(get("/readyz") == std::pair<int, std::string>{503, "drained\n"});
    const auto second = HealthServer::listen({"127.0.0.1", server->port()}, {}, Logger{sink});
    REQUIRE_FALSE(second);
    CHECK(holds_text(second.error().message(), std::to_string(server->port())));
}
