#include "common/http/http_client.h"
#include "test/e2e/vela_lab.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <stdexcept>

namespace slipway::test {

namespace {

// The two commands of https://go-vela.github.io/docs/installation/worker/docker/, word for word.
constexpr std::string_view kWithSecret = R"(docker run \
  --detach=true \
  --env=VELA_QUEUE_DRIVER=redis \
  --env=VELA_SERVER_ADDR=https://vela-server.example.com \
  --env=VELA_SERVER_SECRET=<shared-secret> \
  --env=VELA_WORKER_ADDR=https://vela-worker.example.com \
  --name=worker \
  --publish=80:80 \
  --publish=443:443 \
  --restart=always \
  --volume=/var/run/docker.sock:/var/run/docker.sock \
  target/vela-worker:latest)";
constexpr std::string_view kWithRegistration = R"(docker run \
  --detach=true \
  --env=VELA_QUEUE_DRIVER=redis \
  --env=VELA_SERVER_ADDR=https://vela-server.example.com \
  --env=VELA_WORKER_ADDR=https://vela-worker.example.com \
  --name=worker \
  --publish=80:80 \
  --publish=443:443 \
  --restart=always \
  --volume=/var/run/docker.sock:/var/run/docker.sock \
  target/vela-worker:latest)";
constexpr std::string_view kHost = "vela-worker.example.com";

std::string run(const std::vector<std::string>& argv)
{
    auto said = run_program(argv);
    if (!said)
        throw std::runtime_error{argv.front() + ": " + said.error().message()};
    return *std::move(said);
}

/// The image, made of the program of this build.
class WorkerImage {
public:
    WorkerImage()
        : name_{"slipway-test/vela-worker:" + std::to_string(::getpid())}
    {
        run({SLIPWAY_SOURCE_DIR "/packaging/vela-image.sh", name_, SLIPWAY_BIN_DIR "/slipway-launcher"});
    }

    WorkerImage(const WorkerImage&) = delete;
    WorkerImage& operator=(const WorkerImage&) = delete;

    ~WorkerImage() { (void)run_program({"docker", "image", "rm", name_}); }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    std::string name_;
};

/// The container that a line starts.
class WorkerContainer {
public:
    explicit WorkerContainer(const std::string& line)
    {
        if (!run({"docker", "ps", "-aq", "--filter", "name=^worker$"}).empty())
            throw std::runtime_error{"there is a container \"worker\" already, which may be somebody's"};
        id_ = run({"sh", "-c", line});
        id_.resize(id_.find('\n'));
    }

    WorkerContainer(const WorkerContainer&) = delete;
    WorkerContainer& operator=(const WorkerContainer&) = delete;

    ~WorkerContainer()
    {
        (void)run_program({"docker", "stop", id_}); // it takes away what it keeps ready
        (void)run_program({"docker", "rm", "-fv", id_});
    }

    [[nodiscard]] std::string log() const { return run({"sh", "-c", "docker logs " + id_ + " 2>&1"}); }

private:
    std::string id_;
};

std::string filled_in(
    std::string_view line, const std::vector<std::pair<std::string_view, std::string>>& values)
{
    std::string text{line};
    for (const auto& [name, value] : values) {
        const auto at = text.find(name);
        REQUIRE(at != std::string::npos);
        text.replace(at, name.size(), value);
    }
    return text;
}

/// Where a container of the engine's own network reaches this machine.
std::string bridge_address()
{
    auto address
        = run({"docker", "network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}"});
    address.resize(address.find('\n'));
    return address;
}

/// What `vela add worker` does with the token that the server gave it, at the port that the line publishes.
void add_worker(const VelaServer& server)
{
    auto client = http::HttpClient::create({.base_url = "http://127.0.0.1:80"});
    REQUIRE(client);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    // Until the worker listens: before that the engine's proxy takes the call, and hangs up.
    for (int status = 0; status != 200;) {
        const auto answer = client->send(
            {.method = "POST",
                .url = "/register",
                .headers = {{"Authorization", "Bearer " + server.register_token(std::string{kHost})}},
                .body = std::string{},
                .timeout = std::chrono::seconds{5}},
            {});
        status = answer ? answer->status : 0;
        REQUIRE(std::chrono::steady_clock::now() < end);
    }
}

void take_a_build(VelaLab& lab, const WorkerContainer& worker)
{
    const auto build = lab.push(lab.steps(
        {{.name = "one", .commands = {"echo made > file"}}, {.name = "two", .commands = {"cat file"}}}));
    const bool ended = lab.server().wait_for(
        [&] { return lab.server().build(build).number("finished") != 0; }, std::chrono::seconds{40});
    INFO(worker.log());
    REQUIRE(ended);
    CHECK(lab.server().build(build).text("status") == "success");
    CHECK(lab.server().build(build).text("host") == kHost);
    CHECK(lab.server().step_log(build, 3) == "$ cat file\nmade\n");
    CHECK(worker.log().find("checked in: this worker takes builds") != std::string::npos);
}

} // namespace

TEST_CASE("both docker run lines of Vela's installation page start a worker that takes builds")
{
    const WorkerImage image;
    const auto address = bridge_address();
    {
        VelaLab lab{"shared-secret-0001", address};
        const WorkerContainer worker{filled_in(kWithSecret,
            {{"target/vela-worker:latest", image.name()},
                {"https://vela-server.example.com", lab.server().url()},
                {"<shared-secret>", "shared-secret-0001"}})};
        take_a_build(lab, worker);
    }
    VelaLab lab{"", address};
    const WorkerContainer worker{filled_in(kWithRegistration,
        {{"target/vela-worker:latest", image.name()},
            {"https://vela-server.example.com", lab.server().url()}})};
    add_worker(lab.server());
    take_a_build(lab, worker);
    // The other port that the line publishes is served, too.
    CHECK(run({"sh", "-c", "openssl s_client -connect 127.0.0.1:443 </dev/null 2>&1 || true"})
              .find("BEGIN CERTIFICATE")
        != std::string::npos);
}

} // namespace slipway::test
