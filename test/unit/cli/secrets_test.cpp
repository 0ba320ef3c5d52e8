#include "common/base64.h"
#include "common/file.h"
#include "common/json.h"
#include "crypto/envelope.h"
#include "test/unit/cli/command_world.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::cli::test;
using namespace slipway::test;
using Catch::Matchers::Contains;

namespace {

constexpr auto kPool = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

const crypto::PrivateKey& pool_key()
{
    static const auto key = crypto::PrivateKey::generate(2048);
    REQUIRE(key);
    return *key;
}

std::string pools_json(const crypto::PublicKey& key)
{
    const auto pem = key.to_pem();
    REQUIRE(pem);
    JsonWriter json;
    json.begin_object().key("pools").begin_array().begin_object();
    json.field("id", kPool).field("name", "demo").field("public_key", *pem);
    return json.end_object().end_array().end_object().take();
}

/// A control plane with one pool and one stack in it; the pool's key is what the test says.
class Vaults : public CommandWorld {
public:
    explicit Vaults(const crypto::PrivateKey& key = pool_key())
        : CommandWorld{[pools = pools_json(key.public_key())](const std::string& request) {
            if (request.starts_with("GET /api/v1/pools"))
                return http_response(200, pools);
            return http_response(request.starts_with("POST") ? 201 : 200,
                R"({"id":"web","pool_id":")" + std::string{kPool}
                    + R"(","phases":{},"environment":{"TOKEN":"plain"}})");
        }}
    {
    }

    void write(const std::string& name, std::string_view text)
    {
        REQUIRE(replace_file(directory() / name, text));
    }

    [[nodiscard]] std::string last_body()
    {
        const auto requests = server().requests();
        REQUIRE_FALSE(requests.empty());
        return requests.back().substr(requests.back().find("\r\n\r\n") + 4);
    }

    [[nodiscard]] bool was_sent(const std::string& text)
    {
        for (const auto& request : server().requests())
            if (request.find(text) != std::string::npos)
                return true;
        return false;
    }
};

std::string opened(const std::string& envelope, const std::string& name)
{
    crypto::EnvelopeContext context;
    context.pool = kPool;
    context.object = name;
    const auto plain = crypto::open_small(envelope,
        {.context = context,
            .keys = {pool_key()},
            .policy = crypto::SignaturePolicy::unsigned_allowed,
            .makers = {}});
    return plain ? std::string{plain->reveal()} : plain.error().message();
}

} // namespace

TEST_CASE("a secret variable leaves the machine sealed to the pool, and replaces a plain one")
{
    Vaults world;
    world.write("token", "correct horse battery\n");
    const auto outcome = world.run(
        {"stack", "set", "web", "--secret-env", "TOKEN=@" + (world.directory() / "token").string()});
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    CHECK_THAT(outcome.err, Contains("SHA256:" + pool_key().fingerprint().hex()));
    CHECK_FALSE(world.was_sent("correct horse"));
    const auto document = JsonDocument::parse(world.last_body());
    REQUIRE(document);
    CHECK(document->root().string_map("environment")->empty());
    CHECK(document->root().string("sealed_for").value_or("") == kPool);
    const auto sealed = document->root().string_map("sealed_environment");
    REQUIRE(sealed);
    REQUIRE(sealed->size() == 1);
    CHECK(opened(base64_decode((*sealed)[0].second).value_or(""), "TOKEN") == "correct horse battery");
}

TEST_CASE("a secret on the command line is taken, with a warning")
{
    Vaults world;
    const auto outcome = world.run({"stack", "set", "web", "--secret-env", "TOKEN=on the line"});
    CHECK(outcome.code == 0);
    CHECK_THAT(outcome.err, Contains("others of this machine can see it"));
    CHECK_FALSE(world.was_sent("on the line"));
}

TEST_CASE("a secret file leaves the machine sealed to the pool under its path")
{
    Vaults world;
    world.write("key", "staple");
    const auto outcome = world.run(
        {"stack", "file", "set", "web", "keys/a", (world.directory() / "key").string(), "--secret"});
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    CHECK(world.server().requests().back().starts_with(
        "PUT /api/v1/stacks/web/files?path=keys%2Fa&mode=600&sealed=true "));
    CHECK(opened(world.last_body(), "keys/a") == "staple");
    CHECK_FALSE(world.was_sent("staple"));
}

TEST_CASE("nothing is sealed to another key than the one that was seen first")
{
    const auto foreign = crypto::PrivateKey::generate(2048);
    REQUIRE(foreign);
    Vaults world{*foreign};
    world.write("token", "x");
    const auto pem = pool_key().public_key().to_pem();
    REQUIRE(pem);
    world.write("pool.pem", *pem);
    const std::string secret = "TOKEN=@" + (world.directory() / "token").string();
    // The owner's own copy of the key is pinned first.
    REQUIRE(world
                .run({"stack", "set", "web", "--secret-env", secret, "--pool-key",
                    (world.directory() / "pool.pem").string()})
                .code
        == 0);
    const auto sent = world.server().requests().size();
    const auto refused = world.run({"stack", "set", "web", "--secret-env", secret});
    CHECK(refused.code == 1);
    CHECK_THAT(refused.err, Contains("somebody wants to read your secrets"));
    for (auto i = sent; i < world.server().requests().size(); ++i)
        CHECK(world.server().requests()[i].starts_with("GET "));
}
