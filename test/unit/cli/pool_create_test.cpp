#include "common/file.h"
#include "common/json.h"
#include "crypto/csr.h"
#include "test/support/process.h"
#include "test/unit/cli/command_world.h"

#include <catch2/catch.hpp>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

using namespace slipway;
using namespace slipway::cli::test;
using namespace slipway::test;
using Catch::Matchers::Contains;

namespace {

/// Made once: pool.key and pool.csr.
const std::filesystem::path& key_directory()
{
    static const TempDir directory;
    static const bool made = [] {
        return run_program({"sh", "-c",
                               "openssl req -new -newkey rsa:2048 -nodes -subj /CN=pool -keyout pool.key "
                               "-out pool.csr 2>&1"},
            directory.path())
            .has_value();
    }();
    if (!made)
        throw std::runtime_error{"openssl req"};
    return directory.path();
}

std::string content(const std::filesystem::path& path) { return read_file(path, 65536).value_or(""); }

crypto::Csr request()
{
    auto csr = crypto::Csr::from_text(content(key_directory() / "pool.csr"));
    REQUIRE(csr);
    return *std::move(csr);
}

std::string created(const std::string& fingerprint)
{
    return http_response(
        201, R"({"id":"01POOL","name":"demo","fingerprint":")" + fingerprint + R"(","token":"dG9rZW4="})");
}

/// A control plane that makes every pool, for the right key.
class Pools : public CommandWorld {
public:
    explicit Pools(std::string fingerprint = request().fingerprint().hex())
        : CommandWorld{
            [fingerprint = std::move(fingerprint)](const std::string&) { return created(fingerprint); }}
    {
    }

    Outcome create(const std::string& csr)
    {
        return run({"pool", "create", "--name", "demo", "--csr", csr, "--out", token()});
    }

    [[nodiscard]] std::filesystem::path token() const { return directory() / "pool.token"; }

    /// The text of the request that was sent.
    std::string sent()
    {
        const auto requests = server().requests();
        REQUIRE(requests.size() == 1);
        const auto document = JsonDocument::parse(requests[0].substr(requests[0].find("\r\n\r\n") + 4));
        REQUIRE(document);
        return document->root().string("csr").value_or("");
    }
};

/// No file of this process can grow while it lives.
class FullDisk {
public:
    FullDisk()
    {
        std::signal(SIGXFSZ, SIG_IGN); // NOLINT(cert-err33-c)
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit none{.rlim_cur = 0, .rlim_max = before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &none);
    }

    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;

    ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

private:
    rlimit before_{};
};

} // namespace

TEST_CASE("a private key given for the request never leaves the machine")
{
    Pools world;
    const auto outcome = world.create(key_directory() / "pool.key");
    CHECK(outcome.code == 1);
    CHECK_THAT(outcome.err, Contains("--csr") && Contains("a private key was given"));
    CHECK(world.server().connections() == 0);
    CHECK_FALSE(std::filesystem::exists(world.token()));
}

TEST_CASE("of a file with a request only the request is sent")
{
    Pools world;
    const auto file = world.directory() / "mixed.csr";
    REQUIRE(replace_file(file, "secret words\n" + content(key_directory() / "pool.csr")));
    CHECK(world.create(file).code == 0);
    CHECK(world.sent() == request().pem());
}

TEST_CASE(
    "a new pool's token is kept for its owner, and the next commands are printed as they are to be typed")
{
    Pools world;
    const auto outcome = world.create(key_directory() / "pool.csr");
    CHECK(outcome.err == "");
    REQUIRE(outcome.code == 0);
    CHECK(world.sent() == content(key_directory() / "pool.csr"));
    CHECK(content(world.token()) == "dG9rZW4=\n");

    struct stat info { };

    REQUIRE(::stat(world.token().c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0600U);
    CHECK_THAT(outcome.out, Contains("SHA256:" + request().fingerprint().hex()));
    CHECK_THAT(outcome.out,
        Contains("  export SPACELIFT_TOKEN=\"$(cat " + world.token().string() + ")\"\n")
            && Contains("  export SPACELIFT_POOL_PRIVATE_KEY=\"$(cat "
                + (key_directory() / "pool.key").string() + " | base64)\"\n"));
}

TEST_CASE("the next commands name no key that is not the request's, and quote what a shell would split")
{
    Pools world;
    const auto strange = world.directory() / "my pool";
    REQUIRE(make_directories(strange));
    REQUIRE(replace_file(strange / "it's.csr", content(key_directory() / "pool.csr")));
    const auto absent = world.create(strange / "it's.csr");
    CHECK_THAT(absent.out, Contains("$(cat FILE | base64)") && Contains("-keyout"));
    REQUIRE(remove_tree(world.token()));

    REQUIRE(run_program({"sh", "-c", "openssl genrsa -out \"it's.key\" 2048 2>&1"}, strange));
    CHECK_THAT(world.create(strange / "it's.csr").out, Contains("$(cat FILE | base64)"));
    REQUIRE(remove_tree(world.token()));

    REQUIRE(replace_file(strange / "it's.key", content(key_directory() / "pool.key")));
    CHECK_THAT(world.create(strange / "it's.csr").out, Contains("/my pool/it'\\''s.key' | base64)"));
}

TEST_CASE("a pool that was made for another key is refused and leaves no token")
{
    Pools world{std::string(64, '0')};
    const auto outcome = world.create(key_directory() / "pool.csr");
    CHECK(outcome.code == 1);
    CHECK_THAT(outcome.err, Contains("another key"));
    CHECK_FALSE(std::filesystem::exists(world.token()));
}

TEST_CASE("no pool is made while its token has no place")
{
    Pools world;
    REQUIRE(replace_file(world.token(), "older\n"));
    const auto outcome = world.create(key_directory() / "pool.csr");
    CHECK(outcome.code == 1);
    CHECK_THAT(outcome.err, Contains("--out") && Contains("never overwritten"));
    CHECK(content(world.token()) == "older\n");
    CHECK_THAT(world
                   .run({"pool", "create", "--name", "demo", "--csr", key_directory() / "pool.csr", "--out",
                       world.directory() / "nowhere" / "token"})
                   .err,
        Contains("--out"));
    CHECK(world.server().connections() == 0);
}

TEST_CASE("a pool that is refused leaves no file for its token")
{
    CommandWorld world{
        [](const std::string&) { return http_response(409, R"({"detail":"exists already"})"); }};
    const auto token = world.directory() / "pool.token";
    const auto outcome = world.run(
        {"pool", "create", "--name", "demo", "--csr", key_directory() / "pool.csr", "--out", token});
    CHECK(outcome.code == 1);
    CHECK_THAT(outcome.err, Contains("exists already"));
    CHECK_FALSE(std::filesystem::exists(token));
}

TEST_CASE("a token that cannot be written is printed, since it comes once")
{
    Pools world;
    const auto csr = key_directory() / "pool.csr";
    const auto outcome = [&] {
        const FullDisk full;
        return world.create(csr);
    }();
    CHECK(outcome.code == 1);
    CHECK_THAT(outcome.out, Contains("dG9rZW4=\n"));
    CHECK_THAT(outcome.err, Contains("--out") && Contains("printed above"));
    CHECK_FALSE(std::filesystem::exists(world.token()));
}
