#include "test/support/world.h"

#include "common/file.h"
#include "test/support/free_port.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace slipway::test {

namespace {

constexpr std::chrono::seconds kStart{30};

template <class T> T must(Result<T> result, const std::string& action)
{
    if (!result)
        throw std::runtime_error{action + ": " + result.error().message()};
    if constexpr (!std::is_void_v<T>)
        return *std::move(result);
}

std::string program(const char* name) { return std::string{SLIPWAY_BIN_DIR} + "/" + name; }

std::string commands(const std::vector<std::string>& list)
{
    JsonWriter json;
    json.begin_array();
    for (const auto& command : list)
        json.value(command);
    json.end_array();
    return json.take();
}

/// Looks again and again; throws after 30 s.
void wait_until(const std::string& what, const std::function<bool()>& done)
{
    const auto until = std::chrono::steady_clock::now() + kStart;
    while (!done()) {
        if (std::chrono::steady_clock::now() > until)
            throw std::runtime_error{"waited in vain: " + what};
        ::poll(nullptr, 0, 20);
    }
}

RunView read_run(const std::string& text)
{
    const auto document = must(JsonDocument::parse(text), "reading a run");
    const JsonValue root = document.root();
    std::vector<std::string> history;
    const auto entries = must(root.at("history"), "run");
    for (const auto& entry : must(entries.elements(), "run"))
        history.push_back(must(entry.string("state"), "run"));
    return {.id = must(root.string("id"), "run"),
        .state = must(root.string("state"), "run"),
        .terminal = must(root.boolean("terminal"), "run") == JsonValue::Boolean::yes,
        .version = must(root.integer("version"), "run"),
        .history = std::move(history),
        .json = text};
}

} // namespace

World::World(std::string docker_host)
    : World{WorldShape{.docker_host = std::move(docker_host)}}
{
}

World::World(WorldShape shape)
    : shape_{std::move(shape)}
    , watch_{shape_.docker_host}
{
    const auto& directory = directory_.path();
    image_ = "slipway-test/world-" + std::to_string(::getpid()) + ":1";
    must(run_program(
             {"env", shape_.docker_host.empty() ? "-uDOCKER_HOST" : "DOCKER_HOST=" + shape_.docker_host, "sh",
                 SLIPWAY_SOURCE_DIR "/packaging/make-runner-image.sh", image_,
                 "io.slipway.test=" + std::to_string(::getpid())}),
        "making the image");
    endpoint_ = "https://" + shape_.address + ":" + std::to_string(free_port());
    must(run_program({program("slipway-mothership"), "init", "--data-dir", data_directory(), "--endpoint",
             endpoint_}),
        "init");
    api_key_ = must(read_file(data_directory() / "admin.key", 4096), "admin key");
    api_key_.erase(api_key_.find_last_not_of(" \n") + 1);
    client_ = must(
        http::HttpClient::create({.base_url = endpoint_,
            .tls = http::TlsOptions{.ca_pem = must(read_file(data_directory() / "ca.pem", 65536), "ca"),
                .client_certificate_pem = {},
                .client_key = {}}}),
        "client");
    start_mothership();

    must(run_program({"sh", "-c",
                         "yes '' | openssl req -new -newkey rsa:4096 -nodes -keyout spacelift.key -out "
                         "spacelift.csr 2>&1"},
             directory),
        "openssl");
    JsonWriter pool;
    pool.begin_object().field("name", "demo");
    pool.field("csr", must(read_file(directory / "spacelift.csr", 65536), "csr")).end_object();
    const auto created = must(JsonDocument::parse(call("POST", "/api/v1/pools", pool.text())), "pool");
    token_ = must(created.root().string("token"), "pool");
}

World::~World()
{
    if (launcher_ && !std::filesystem::exists(state_directory() / "transport")) {
        launcher_->signal(SIGUSR2); // no list shows the container that the engine may be making for its check
        (void)launcher_->wait(std::chrono::seconds{15});
    }
    for (auto* const process : {&launcher_, &mothership_})
        if (*process)
            (*process)->kill();
    remove_containers_of(state_directory());
    (void)docker({"image", "rm", "-f", image_});
}

Result<std::string> World::docker(const std::vector<std::string>& arguments) const
{
    std::vector<std::string> argv{"docker"};
    if (!shape_.docker_host.empty())
        argv.insert(argv.end(), {"-H", shape_.docker_host});
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return run_program(argv);
}

void World::start_mothership(const std::vector<std::pair<std::string, std::string>>& extra)
{
    std::vector<std::string> argv{program("slipway-mothership"), "serve", "--data-dir", data_directory()};
    if (shape_.lease_seconds > 0)
        argv.insert(argv.end(), {"--lease", std::to_string(shape_.lease_seconds)});
    mothership_ = must(Process::start({.argv = std::move(argv),
                           .env = extra,
                           .directory = {},
                           .log = directory_.path() / "mothership.log"}),
        "mothership");
    must(mothership_->read_until("is ready", kStart), "mothership");
}

void World::kill_mothership() { mothership_->kill(); }

void World::start_launcher(const std::vector<std::pair<std::string, std::string>>& extra)
{
    if (!try_launcher(extra))
        throw std::runtime_error{"the launcher did not become ready"};
}

std::vector<std::pair<std::string, std::string>> World::launcher_environment(
    const std::filesystem::path& state, const std::vector<std::pair<std::string, std::string>>& extra) const
{
    auto env = extra;
    // A warm slot bears no stage's name, by which containers are watched and waited for here.
    std::vector<std::pair<std::string, std::string>> others{{"SPACELIFT_TOKEN", token_},
        {"SPACELIFT_POOL_PRIVATE_KEY", private_key_base64()}, {"SLIPWAY_STATE_DIR", state},
        {"SPACELIFT_DEFAULT_RUNNER_IMAGE", image_}, {"SLIPWAY_WARM_SLOTS", "0"}};
    if (!shape_.docker_host.empty())
        others.insert(
            others.end(), {{"DOCKER_HOST", shape_.docker_host}, {"SPACELIFT_WORKER_NETWORK", "none"}});
    for (auto& pair : others)
        if (std::ranges::none_of(extra, [&](const auto& given) { return given.first == pair.first; }))
            env.push_back(std::move(pair));
    return env;
}

bool World::try_launcher(const std::vector<std::pair<std::string, std::string>>& extra)
{
    auto argv = starter_;
    argv.push_back(launcher_program_.empty() ? program("slipway-launcher") : launcher_program_.string());
    launcher_ = must(Process::start({.argv = std::move(argv),
                         .env = launcher_environment(state_directory(), extra),
                         .directory = {},
                         .log = directory_.path() / "launcher.log"}),
        "launcher");
    return static_cast<bool>(launcher_->read_until("is ready", kStart));
}

void World::kill_launcher()
{
    watch_.look();
    launcher_->kill();
}

void World::hand_over()
{
    launcher_->signal(SIGUSR2);
    if (const int code = must(launcher_->wait(kStart), "handing over"); code != 0)
        throw std::runtime_error{"a launcher that hands over exited with " + std::to_string(code)};
}

std::string World::private_key_base64() const
{
    return must(run_program({"base64", directory_.path() / "spacelift.key"}), "base64");
}

Result<std::vector<std::string>> World::list_containers(
    const std::filesystem::path& state, const std::string& status) const
{
    std::vector<std::string> ids;
    const auto instance = SLIPWAY_TRY(read_file_if_exists(state / "instance", 4096));
    if (!instance)
        return ids;
    std::vector<std::string> arguments{"ps", "-aq", "--no-trunc", "--filter",
        "label=io.slipway.instance=" + instance->substr(0, instance->find_last_not_of(" \n") + 1)};
    if (status != "all")
        arguments.insert(arguments.end(), {"--filter", "status=" + status});
    std::istringstream lines{SLIPWAY_TRY(docker(arguments))};
    for (std::string line; std::getline(lines, line);)
        ids.push_back(line);
    return ids;
}

std::vector<std::string> World::containers() const { return containers_of(state_directory()); }

std::vector<std::string> World::containers_of(const std::filesystem::path& state) const
{
    return must(list_containers(state, "all"), "docker ps");
}

void World::remove_containers_of(const std::filesystem::path& state) const
{
    if (const auto left = list_containers(state, "all"))
        for (const auto& id : *left)
            (void)docker({"rm", "-f", "-v", id});
}

void World::open_gate() const
{
    const auto running = [&] { return must(list_containers(state_directory(), "running"), "docker ps"); };
    for (const auto& id : running()) // one that ends meanwhile needs no gate
        wait_until("the gate is open", [&] {
            return docker({"exec", id, "touch", "/tmp/gate-is-open"})
                || std::ranges::count(running(), id) == 0;
        });
}

void World::wait_commands_over() const
{
    // What `docker top` shows then is its heading and PID 1.
    for (const auto& id : must(list_containers(state_directory(), "running"), "docker ps"))
        wait_until("the commands in the container are over", [&] {
            const auto processes = must(docker({"top", id}), "docker top");
            return std::ranges::count(processes, '\n') <= 2;
        });
}

void World::record(const std::string& run, std::string_view expected)
{
    wait_no_containers();
    watch_.record(this->run(run).json, history_);
    history_.generated_log(run, log(run), expected);
}

void World::wait_no_containers() const
{
    wait_until("no container is left", [this] { return containers().empty(); });
}

void World::wait_launcher_says(std::string_view text) const
{
    wait_until("the launcher says " + std::string{text}, [this, text] {
        const auto log = read_file_if_exists(directory_.path() / "launcher.log", 64U << 20U);
        return log && log->has_value() && (*log)->find(text) != std::string::npos;
    });
}

bool World::becomes_true(const std::function<bool()>& condition, std::chrono::milliseconds deadline)
{
    const auto until = std::chrono::steady_clock::now() + deadline;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until)
            return false;
        ::poll(nullptr, 0, 20);
    }
    return true;
}

void World::wait_worker(std::string_view status)
{
    const std::string shown = "\"" + std::string{status} + "\"";
    wait_until("a worker is " + shown,
        [&] { return call("GET", "/api/v1/workers").find(shown) != std::string::npos; });
}

Result<http::ClientResponse> World::send(
    const std::string& method, const std::string& path, const std::string& body)
{
    http::ClientRequest request{.method = method, .url = path, .timeout = std::chrono::seconds{40}};
    request.headers = {{"Authorization", "Bearer " + api_key_}};
    if (!body.empty()) {
        request.headers.emplace_back(
            "Content-Type", path.ends_with("/source") ? "application/x-tar" : "application/json");
        request.body = body;
    }
    request.max_response_bytes = 256 * 1024 * 1024;
    return client_->send(request, {});
}

std::string World::call(const std::string& method, const std::string& path, const std::string& body)
{
    const std::string what = method + " " + path;
    auto response = must(send(method, path, body), what);
    if (!response.ok())
        throw std::runtime_error{what + ": " + std::to_string(response.status) + " " + response.body};
    return response.body;
}

void World::create_stack(
    std::string_view name, const std::vector<std::string>& plan, const std::vector<std::string>& apply)
{
    JsonWriter json;
    json.begin_object().field("name", name).field("pool", "demo").field("runner_image", image_);
    json.key("phases")
        .begin_object()
        .key("plan")
        .raw(commands(plan))
        .key("apply")
        .raw(commands(apply))
        .end_object();
    json.end_object();
    call("POST", "/api/v1/stacks", json.text());
    const auto source = directory_.path() / ("source-" + std::string{name});
    must(make_directories(source), "source");
    must(replace_file(source / "main.conf", "greeting = hello\n"), "source");
    const std::string tar = must(run_program({"tar", "-C", source, "-c", "."}), "tar");
    call("PUT", "/api/v1/stacks/" + std::string{name} + "/source", tar);
}

std::string World::start_run(std::string_view stack, std::string_view type)
{
    return read_run(call("POST", "/api/v1/stacks/" + std::string{stack} + "/runs",
                        R"({"type":")" + std::string{type} + R"("})"))
        .id;
}

void World::confirm(const std::string& run) { call("POST", "/api/v1/runs/" + run + "/confirm", "{}"); }

RunView World::run(const std::string& id) { return read_run(call("GET", "/api/v1/runs/" + id)); }

RunView World::wait_run(const std::string& id, const std::function<bool(const RunView&)>& done,
    std::chrono::milliseconds deadline)
{
    const auto until = std::chrono::steady_clock::now() + deadline;
    RunView view = run(id);
    while (!done(view)) {
        if (std::chrono::steady_clock::now() > until)
            throw std::runtime_error{"the run did not get there in time; it is: " + view.json};
        const auto answer
            = send("GET", "/api/v1/runs/" + id + "?wait_ms=2000&version=" + std::to_string(view.version), {});
        if (answer && answer->ok())
            view = read_run(answer->body);
    }
    return view;
}

RunView World::wait_state(const std::string& id, std::string_view state)
{
    const auto was_there = [state](const RunView& now) { return std::ranges::count(now.history, state) > 0; };
    auto view = wait_run(id, [&](const RunView& now) { return was_there(now) || now.terminal; });
    if (!was_there(view))
        throw std::runtime_error{"the run ended as " + view.state + ": " + view.json + "\n" + log(id)};
    return view;
}

std::string World::log(const std::string& run, std::uint64_t offset, bool wait)
{
    const auto from = [&](std::uint64_t begin) {
        return call("GET",
            "/api/v1/runs/" + run + "/logs?offset=" + std::to_string(begin) + (wait ? "&wait_ms=20000" : ""));
    };
    std::string text = from(offset);
    // An answer is cut at a few megabytes; a short one has it all.
    constexpr std::size_t cut = 1U << 20U;
    for (std::size_t got = text.size(); !wait && got >= cut;) {
        const auto more = from(offset + text.size());
        got = more.size();
        text += more;
    }
    return text;
}

void World::wait_log(const std::string& run, std::uint64_t bytes)
{
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes{1};
    std::uint64_t have = 0;
    while (have <= bytes) {
        if (std::chrono::steady_clock::now() > until)
            throw std::runtime_error{"the log stays at " + std::to_string(have) + " bytes"};
        have += log(run, have, true).size();
    }
}

} // namespace slipway::test
