#include "test/e2e/vela_lab.h"

#include "common/base64.h"
#include "common/file.h"
#include "common/json.h"
#include "crypto/ed25519.h"
#include "test/support/free_port.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <sstream>
#include <stdexcept>

namespace slipway::test {

namespace {

/// The secret and the public key of RFC 8032, section 7.1, test 1, in NaCl's form.
constexpr std::string_view kKey
    = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg==";
constexpr std::string_view kPublicKey = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
constexpr std::string_view kHost = "127.0.0.2";

template <class T> T must(Result<T> result, const std::string& what)
{
    if (!result)
        throw std::runtime_error{what + ": " + result.error().message()};
    if constexpr (!std::is_void_v<T>)
        return *std::move(result);
}

Secret key()
{
    auto bytes = must(base64_decode(kKey), "the key");
    return Secret::take(bytes);
}

VelaServerOptions server_options(
    const std::string& secret, const std::string& address, const Secret& key, const RedisServer& redis)
{
    return {.secret = secret,
        .queue_public_key = std::string{kPublicKey},
        .queue_address = "redis://" + address + ":" + std::to_string(redis.port()),
        .sign
        = [key](std::string_view message) { return must(crypto::sign_ed25519(message, key), "signing"); },
        .address = address};
}

docker::Engine the_engine()
{
    return must(docker::connect(must(docker::Endpoint::parse(""), "the engine's address"), {}), "the engine");
}

std::string docker(const std::vector<std::string>& words)
{
    std::vector<std::string> argv{"docker"};
    argv.insert(argv.end(), words.begin(), words.end());
    return must(run_program(argv), "docker");
}

} // namespace

VelaLab::VelaLab(const std::string& secret, const std::string& address)
    : signing_key_{key()}
    , redis_{"bind " + address}
    , server_{server_options(secret, address, signing_key_, redis_)}
    , images_{the_engine()}
    , image_{images_.busybox()}
    , port_{free_port()}
    , secret_{secret}
    , repo_{"hello-" + std::to_string(::getpid()) + "-" + std::to_string(port_)}
{
}

/// A worker that is killed leaves what it held, and what stood ready.
VelaLab::~VelaLab()
{
    if (worker_)
        worker_->kill();
    (void)run_program({"sh", "-c",
        "docker ps -aq --filter " + label() + " | xargs -r docker rm -fv; docker network ls -q --filter "
            + label() + " | xargs -r docker network rm; docker volume ls -q --filter " + label()
            + " | xargs -r docker volume rm"});
}

/// Of everything of this worker in the engine.
std::string VelaLab::label() const
{
    const auto instance = read_file(directory_.path() / "state" / "vela" / "instance", 100);
    return "label=io.slipway.vela=" + (instance ? instance->substr(0, instance->find('\n')) : "none");
}

std::string VelaLab::address() const { return "http://" + std::string{kHost} + ":" + std::to_string(port_); }

void VelaLab::start(const std::vector<std::pair<std::string, std::string>>& more)
{
    std::vector<std::pair<std::string, std::string>> env{{"VELA_SERVER_ADDR", server_.url()},
        {"VELA_QUEUE_DRIVER", "redis"}, {"VELA_WORKER_ADDR", address()},
        {"SLIPWAY_STATE_DIR", (directory_.path() / "state").string()}};
    if (!secret_.empty())
        env.emplace_back("VELA_SERVER_SECRET", secret_);
    env.insert(env.end(), more.begin(), more.end());
    worker_ = must(Process::start({.argv = {SLIPWAY_BIN_DIR "/slipway-launcher"},
                       .env = env,
                       .directory = directory_.path(),
                       .log = directory_.path() / "worker.log"}),
        "starting the worker");
}

http::ClientResponse VelaLab::call(
    const std::string& method, const std::string& path, const std::string& token) const
{
    auto client = must(http::HttpClient::create({.base_url = address()}), "a client");
    http::ClientRequest request{.method = method,
        .url = path,
        .headers = {{"Authorization", "Bearer " + token}},
        .body = {},
        .timeout = std::chrono::seconds{30}};
    if (method == "POST")
        request.body = std::string{};
    return must(client.send(request, {}), "calling the worker");
}

void VelaLab::wait_listening() const
{
    auto client = must(http::HttpClient::create({.base_url = address()}), "a client");
    for (int tries = 0; tries < 300; ++tries) {
        if (client.send(
                {.url = "/health", .headers = {}, .body = {}, .timeout = std::chrono::seconds{5}}, {}))
            return;
        ::poll(nullptr, 0, 50); // it begins to listen
    }
    throw std::runtime_error{"the worker does not listen:\n" + log()};
}

int VelaLab::wait_end() { return must(worker_->wait(std::chrono::seconds{30}), "waiting for the worker"); }

std::string VelaLab::log() const
{
    return read_file(directory_.path() / "worker.log", 16U << 20U).value_or(std::string{});
}

std::string VelaLab::container(const VelaStep& step, int number) const
{
    JsonWriter json;
    json.begin_object().field("name", step.name).field("image", step.image.empty() ? image_ : step.image);
    json.field("number", std::int64_t{number});
    if (!step.commands.empty())
        json.string_list("commands", step.commands);
    if (step.more.find("\"environment\"") == std::string::npos)
        json.string_map("environment", {{"VELA_BUILD_EVENT", "push"}, {"VELA_WORKSPACE", "/vela/src/hello"}});
    json.end_object();
    std::string text = json.take();
    text.insert(1, step.more);
    return text;
}

std::string VelaLab::steps(const std::vector<VelaStep>& steps, const std::string& more) const
{
    std::string text = "{" + more + R"("version":"1","steps":[)"
        + container({.name = "init", .commands = {}, .image = "#init", .more = {}}, 1);
    int number = 1;
    for (const auto& step : steps)
        text += "," + container(step, ++number);
    return text + "]}";
}

std::string VelaLab::stages(const std::vector<StageShape>& stages, const std::string& more) const
{
    std::string text = "{" + more + R"("version":"1","stages":[{"name":"init","steps":[)"
        + container({.name = "init", .commands = {}, .image = "#init", .more = {}}, 1) + "]}";
    int number = 1;
    for (const auto& stage : stages) {
        text += R"(,{"name":")" + stage.name + "\"," + stage.more + R"("steps":[)";
        for (std::size_t i = 0; i < stage.steps.size(); ++i)
            text += (i == 0 ? "" : ",") + container(stage.steps[i], ++number);
        text += "]}";
    }
    return text + "]}";
}

std::string VelaLab::push(const std::string& pipeline, const VelaBuildOptions& options)
{
    auto numbered = options;
    numbered.number = ++number_;
    numbered.repo = repo_;
    return push_as(pipeline, numbered);
}

std::string VelaLab::push_as(const std::string& pipeline, const VelaBuildOptions& options)
{
    const auto number = std::to_string(options.number);
    const auto element = server_.add_build(pipeline, options);
    const auto file = directory_.path() / "element";
    must(replace_file(file, element), "writing an element");
    // An element is binary: it does not fit into an argument.
    must(run_program(
             {"sh", "-c", "redis-cli -s " + redis_.socket().string() + " -x RPUSH vela < " + file.string()}),
        "pushing an element");
    return options.org + "/" + options.repo + "/" + number;
}

void VelaLab::wait(
    const std::function<bool()>& condition, const std::string& what, std::chrono::seconds at_most)
{
    const auto end = std::chrono::steady_clock::now() + at_most;
    // The condition may be about the engine, of which the server hears nothing.
    while (!server_.wait_for(condition, std::chrono::milliseconds{200}))
        if (std::chrono::steady_clock::now() > end)
            throw std::runtime_error{
                "waiting for " + what + "; the worker says:\n" + log() + "asked last:\n" + asked()};
}

std::string VelaLab::asked() const
{
    constexpr std::size_t kLast = 12;
    const auto requests = server_.requests();
    std::string text;
    for (std::size_t i = requests.size() - std::min(requests.size(), kLast); i < requests.size(); ++i)
        text += requests[i].method + " " + requests[i].path + " " + std::to_string(requests[i].status) + "\n";
    return text;
}

VelaRow VelaLab::ended(const std::string& build, std::chrono::seconds at_most)
{
    wait([&] { return server_.build(build).number("finished") != 0; }, "the end of " + build, at_most);
    return server_.build(build);
}

std::string VelaLab::step(const std::string& build, int number) const
{
    const auto row = server_.step(build, number);
    std::string text = row.text("status");
    if (const auto code = row.number("exit_code"); code != 0)
        text += " " + std::to_string(code);
    if (row.number("started") == 0)
        text += " unstarted";
    if (row.number("finished") == 0)
        text += " unfinished";
    return text;
}

bool VelaLab::workspace_has(const std::string& file) const
{
    for (int tries = 0; tries < 100; ++tries) {
        std::istringstream volumes{docker({"volume", "ls", "-q", "--filter", label()})};
        for (std::string volume; std::getline(volumes, volume);)
            if (run_program({"docker", "run", "--rm", "-v", volume + ":/vela", image_, "test", "-e",
                    "/vela/" + file}))
                return true;
        ::poll(nullptr, 0, 100); // until a step has made it
    }
    return false;
}

std::pair<int, std::string> VelaLab::command(const std::vector<std::string>& words) const
{
    std::vector<std::string> argv{SLIPWAY_BIN_DIR "/slipway-launcher"};
    argv.insert(argv.end(), words.begin(), words.end());
    auto program = must(Process::start({.argv = argv,
                            .env = {{"VELA_SERVER_ADDR", server_.url()}, {"VELA_QUEUE_DRIVER", "redis"},
                                {"SLIPWAY_STATE_DIR", (directory_.path() / "state").string()}},
                            .directory = directory_.path()}),
        "starting " + words.front());
    return must(program.finish(std::chrono::seconds{30}), words.front());
}

std::vector<std::string> VelaLab::containers(const std::string& filter) const
{
    std::vector<std::string> ids;
    std::istringstream lines{docker({"ps", "-q", "--filter", label(), "--filter", filter})};
    for (std::string id; std::getline(lines, id);)
        ids.push_back(id);
    return ids;
}

void VelaLab::remove_container(const std::string& id) { docker({"rm", "-f", id}); }

std::string VelaLab::left_after_end()
{
    worker_->signal(SIGTERM);
    if (const auto code = wait_end(); code != 0)
        return "the worker ended with code " + std::to_string(code);
    return docker({"ps", "-aq", "--filter", label()}) + docker({"network", "ls", "-q", "--filter", label()})
        + docker({"volume", "ls", "-q", "--filter", label()});
}

} // namespace slipway::test
