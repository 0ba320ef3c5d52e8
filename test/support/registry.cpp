#include "test/support/registry.h"

#include "common/base64.h"
#include "common/file.h"
#include "common/http/http_client.h"
#include "test/support/free_port.h"

#include <chrono>
#include <stdexcept>
#include <thread>

namespace slipway::test {

namespace {

using namespace std::chrono_literals;

// htpasswd -Bbn ci secret; htpasswd -Bbn ci changed
constexpr std::string_view kSecret = "ci:$2y$05$1/nC1rgg/7i6lqAeuugYoeAQ39OteARA5oeU5o/waQW5jVGZKSaZi\n";
constexpr std::string_view kChanged = "ci:$2y$05$ha/v.s07W3lRHrWT6QXsZufYp4sVIj.Sc3OEdDXIrkTJSnYOwzHW6\n";
constexpr auto kPatience = 30s;

template <class T> T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
    return *std::move(result);
}

void must(const Result<void>& result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
}

Result<http::ClientResponse> call(const std::string& host, std::string method, const std::string& path,
    std::vector<std::pair<std::string, std::string>> headers)
{
    auto client = SLIPWAY_TRY(http::HttpClient::create({.base_url = "http://" + host, .direct = true}));
    http::ClientRequest request;
    request.method = std::move(method);
    request.url = path;
    request.timeout = kPatience;
    request.headers = std::move(headers);
    request.headers.emplace_back("Authorization", "Basic " + base64_encode("ci:secret"));
    return client.send(request, {});
}

} // namespace

OwnRegistry::OwnRegistry()
    : host_{"127.0.0.1:" + std::to_string(free_port())}
{
    must(replace_file(directory_.path() / "htpasswd", kSecret));
    must(replace_file(directory_.path() / "config.yml",
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: "
        "{rootdirectory: "
            + (directory_.path() / "data").string() + "}, delete: {enabled: true}}\nhttp: {addr: '" + host_
            + "'}\nauth: {htpasswd: {realm: test, path: " + (directory_.path() / "htpasswd").string()
            + "}}\n"));
    start();
}

void OwnRegistry::start()
{
    process_.emplace(must(
        Process::start({.argv = {"docker-registry", "serve", (directory_.path() / "config.yml").string()},
            .env = {{"OTEL_TRACES_EXPORTER", "none"}},
            .directory = {},
            .log = directory_.path() / "log"})));
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!call(host_, "GET", "/v2/", {})) {
        if (std::chrono::steady_clock::now() > until)
            throw std::runtime_error{"the registry does not answer: "
                + read_file(directory_.path() / "log", 1U << 20U).value_or("")};
        std::this_thread::sleep_for(5ms);
    }
}

void OwnRegistry::stop() { process_.reset(); }

void OwnRegistry::change_password() const { change_login(std::string{kChanged}); }

void OwnRegistry::change_login(const std::string& htpasswd_line) const
{
    must(replace_file(directory_.path() / "htpasswd", htpasswd_line));
}

std::string OwnRegistry::take(const std::string& local, const std::string& name)
{
    const TempDir login;
    write_login(login.path());
    must(run_program({"docker", "tag", local, name}));
    must(run_program({"docker", "--config", login.path().string(), "push", "--quiet", name}));
    must(run_program({"docker", "rmi", name}));
    const auto colon = name.rfind(':');
    const auto response = must(call(host_, "HEAD",
        "/v2" + name.substr(host_.size(), colon - host_.size()) + "/manifests/" + name.substr(colon + 1),
        {{"Accept", "application/vnd.docker.distribution.manifest.v2+json"}}));
    return std::string{response.header("Docker-Content-Digest").value_or("")};
}

void OwnRegistry::drop(const std::string& what) const
{
    if (std::filesystem::remove_all(directory_.path() / "data/docker/registry/v2/repositories" / what) == 0)
        throw std::runtime_error{"the registry has no " + what};
}

void OwnRegistry::write_login(const std::filesystem::path& directory, const std::string& password) const
{
    must(replace_file(directory / "config.json",
        R"({"auths":{")" + host_ + R"(":{"auth":")" + base64_encode("ci:" + password) + R"("}}})"));
}

} // namespace slipway::test
