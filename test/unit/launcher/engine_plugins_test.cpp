#include "common/base64.h"
#include "launcher/file_tar.h"
#include "launcher/provider_cache/provider_store.h"
#include "test/unit/launcher/engine_sealing.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using Catch::Matchers::Contains;
using protocol::Outcome;
using protocol::StageKind;

namespace {

constexpr auto kLock = "/mnt/workspace/source/.terraform.lock.hcl";
constexpr auto kPlace = "/mnt/slipway/plugins/registry.opentofu.org/acme/demo/1.0.0:";
constexpr auto kInstalled
    = "/mnt/workspace/source/.terraform/providers/registry.opentofu.org/acme/demo/1.0.0/";

/// A supervisor with a provider cache, in which there is one package.
struct PluginHouse : EngineHouse {
    TempDir cache;
    std::unique_ptr<ProviderStore> store;
    std::string hash;

    PluginHouse()
    {
        auto opened = ProviderStore::open({.directory = cache.path()}, clock, random);
        REQUIRE(opened);
        store = *std::move(opened);
        auto program = read_file("/proc/self/exe", 1U << 31U).value_or("").substr(0, 64);
        program[7] = 0;
        const auto tar = make_tar({{.path = "terraform-provider-demo", .content = program}});
        REQUIRE(tar);
        hash = h1_hash({{"terraform-provider-demo", crypto::sha256(program)}});
        const auto intake = store->receive();
        REQUIRE((intake && *intake));
        REQUIRE((*intake)->push(*tar));
        REQUIRE((*intake)->keep({hash}));
        services.providers = store.get();
    }

    ~PluginHouse() { leave(); }

    void lock(std::string_view hashes)
    {
        host.set_file(kLock,
            "provider \"registry.opentofu.org/acme/demo\" {\n  version = \"1.0.0\"\n  hashes = ["
                + std::string{hashes} + "]\n}\n");
    }

    void lock_it()
    {
        std::string bytes;
        for (std::size_t i = 0; i < hash.size(); i += 2)
            bytes += static_cast<char>(std::stoi(hash.substr(i, 2), nullptr, 16));
        lock("\"h1:" + base64_encode(bytes) + "\"");
    }

    [[nodiscard]] std::ptrdiff_t offers() const
    {
        const auto puts = host.puts();
        return std::ranges::count_if(puts, [](const auto& put) { return put.starts_with(kPlace); });
    }

    std::string run(
        const std::function<void(protocol::Assignment&)>& change = {}, StageKind kind = StageKind::read)
    {
        const auto id = add(kind, change);
        CHECK(finished(id).outcome == Outcome::succeeded);
        return backend.log(id);
    }
};

} // namespace

TEST_CASE("a job is offered what the lock file of its own sources names, and its phases look there")
{
    PluginHouse house;
    house.lock_it();
    CHECK_THAT(house.run(), Contains("provider cache: 1 of 1 providers are here"));
    CHECK(house.offers() == 1);
    CHECK_THAT(house.host.puts().back(), Contains("/mnt/slipway/providers/" + house.hash));
    for (const auto& command : house.host.started())
        CHECK_THAT(command.run.argv.back(), Contains("|| export TF_PLUGIN_CACHE_DIR=/mnt/slipway/plugins\n"));
    // Another hash of the same provider, one of the archive, and none.
    for (const auto* hashes : {"\"h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"", "\"zh:00\"", ""}) {
        house.lock(hashes);
        CHECK_THAT(house.run(), Contains("provider cache: 0 of 1 providers are here"));
    }
    CHECK(house.offers() == 1);
}

TEST_CASE(
    "sources in git are looked at when they are there, a later stage has its providers in its workspace")
{
    PluginHouse house;
    house.lock_it();
    house.host.set_file("/dev/shm/.slipway-commit", std::string(40, 'c') + "\n");
    CHECK_THAT(house.run([](auto& a) { a.git_url = "https://git.example/web"; }),
        Contains("[slipway] prepare\n[slipway] provider cache: 1 of 1 providers are here\n[slipway] init\n"));
    CHECK(house.offers() == 1);
    const auto log = house.run(
        [&](auto& a) {
            a.workspace_in = "workspace-1";
            a.workspace_maker = "01ARZ3NDEKTSV4RRFFQ69G5APL";
            a.workspace_fence = protocol::Fence::from_integer(2);
            house.backend.add_blob("workspace-1",
                sealed({.pool = a.pool_id,
                           .run = a.run_id,
                           .stage = a.workspace_maker,
                           .fence = 2,
                           .object = "workspace-1"},
                    compressed("a workspace").value_or("")));
        },
        StageKind::write);
    CHECK_THAT(log, !Contains("provider cache"));
    CHECK(house.offers() == 1);
}

TEST_CASE("a provider cache that fails costs a download and not the run")
{
    PluginHouse house;
    house.host.set_file(kLock, "provider {");
    CHECK_THAT(house.run(), Contains("the provider cache is not used: .terraform.lock.hcl: line 1: "));
    house.host.fail_get(Error{Errc::unreachable, "the slot left"});
    CHECK_THAT(house.run(), Contains("the provider cache is not used: .terraform.lock.hcl: the slot left"));
    house.host.fail_get(std::nullopt);
    // What is installed in its place is another's, and named as little.
    house.lock("\"h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"");
    house.host.set_file(kInstalled + std::string{this_platform()}, "a program");
    CHECK_THAT(house.run(), !Contains("provider cache: kept"));
    CHECK_THAT(house.log_text(), Contains("a provider was not taken into the cache"));
    CHECK(std::filesystem::is_empty(house.cache.path() / "incoming"));
}

TEST_CASE("while a job's providers are taken its lease goes on, for what it has left in the background")
{
    PluginHouse house;
    house.lock("\"h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"");
    const auto path = kInstalled + std::string{this_platform()};
    house.host.set_file(path, "a program");
    std::vector<int> leases;
    house.host.while_getting(path, [&] {
        if (leases.empty())
            CHECK(house.wait_polls(2)); // each answer renews the lease
        leases.push_back(house.host.leases());
    });
    house.run();
    REQUIRE(leases.size() == 2);
    CHECK(leases[1] > leases[0]);
}
