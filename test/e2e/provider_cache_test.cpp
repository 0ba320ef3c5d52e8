#include "test/e2e/person.h"

#include <sys/stat.h>

#include <algorithm>
#include <sstream>
#include <utility>

using namespace slipway;
using namespace slipway::test;
using Catch::Matchers::Contains;

namespace {

#if defined(__x86_64__)
constexpr auto kPlatform = "linux_amd64";
#else
constexpr auto kPlatform = "linux_arm64";
#endif
constexpr auto kSource = "registry.opentofu.org/acme/demo";

/// As `tofu init` does with a plugin cache, as far as this is concerned: what is there and has a hash of the
/// lock file is linked to; else the package is fetched (from the sources), checked, and put there.
constexpr auto kInit = R"sh(#!/bin/sh
set -e
h1() { (cd "$1" && find . -type f | sed 's|^\./||' | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c 1-64 | xxd -r -p | base64); }
locked() { [ -d "$1" ] && grep -qF "\"h1:$(h1 "$1")\"" .terraform.lock.hcl; }
provider=$(sed -n 's/^provider "\(.*\)" {/\1/p' .terraform.lock.hcl)
place=$provider/$(sed -n 's/^ *version *= "\(.*\)"/\1/p' .terraform.lock.hcl)/)sh";
constexpr auto kInitRest = R"sh(
mine=.terraform/providers/$place
mkdir -p "$(dirname "$mine")"
if [ -z "$TF_PLUGIN_CACHE_DIR" ]; then
    cp -r registry "$mine"
    echo downloaded
else
    cached=$TF_PLUGIN_CACHE_DIR/$place
    if locked "$cached"; then
        echo from the cache
    else
        mkdir -p "$(dirname "$cached")"
        rm -rf "$cached"
        cp -r registry "$cached"
        echo downloaded into the cache
    fi
    ln -s "$cached" "$mine"
fi
locked "$mine" || { echo "does not match the lock file"; exit 1; }
)sh";

/// A world whose launcher has a provider cache, and stacks with one provider in it.
struct Workshop {
    World world;
    Person person{world};
    std::filesystem::path cache = world.directory() / "cache";

    explicit Workshop(const std::vector<std::pair<std::string, std::string>>& extra = {})
    {
        REQUIRE(make_directories(cache));
        auto environment = extra;
        environment.emplace_back("SLIPWAY_PROVIDER_CACHE", cache);
        world.start_launcher(environment);
        const auto data = world.data_directory();
        person.must({"login", "--endpoint", world.endpoint(), "--ca", data / "ca.pem", "--key-file",
            data / "admin.key"});
    }

    /// Sources with a package: a program of this machine with `mark` behind it. Returns the package's hash.
    [[nodiscard]] std::string make_source(const std::string& mark) const
    {
        const auto source = person.directory() / "source";
        std::filesystem::remove_all(source);
        REQUIRE(make_directories(source / "registry"));
        const auto program = read_file("/bin/busybox", 1U << 26U);
        REQUIRE(program);
        write(source / "registry/terraform-provider-demo_v1", *program + mark, 0755);
        write(source / "registry/LICENSE", "free\n", 0644);
        write(source / "tofu", std::string{kInit} + kPlatform + kInitRest, 0755);
        const auto hash = run_program({"sh", "-c",
            "cd '" + (source / "registry").string()
                + "' && sha256sum LICENSE terraform-provider-demo_v1 | sha256sum | cut -c 1-64"});
        REQUIRE(hash);
        lock(hash->substr(0, 64));
        return hash->substr(0, 64);
    }

    void lock(const std::string& hash) const
    {
        const auto encoded = run_program({"sh", "-c", "printf %s " + hash + " | xxd -r -p | base64"});
        REQUIRE(encoded);
        write(person.directory() / "source/.terraform.lock.hcl",
            "# Made by \"tofu init\".\n\nprovider \"" + std::string{kSource}
                + "\" {\n  version = \"1.0.0\"\n  hashes = [\n    \"h1:"
                + encoded->substr(0, encoded->find('\n')) + "\",\n  ]\n}\n",
            0644);
    }

    static void write(const std::filesystem::path& path, const std::string& text, mode_t mode)
    {
        REQUIRE(replace_file(path, text, Durability::process, mode));
        REQUIRE(::chmod(path.c_str(), mode) == 0);
    }

    void make_stack(const std::string& name, const std::string& init, const std::string& plan,
        const std::string& apply = "true")
    {
        person.must({"stack", "create", name, "--pool", "demo", "--image", world.image(), "--init", init,
            "--plan", plan, "--apply", apply});
        person.must({"stack", "push", name, "source"});
    }

    /// The log of a run that only plans.
    std::string preview(const std::string& stack)
    {
        const auto run = world.start_run(stack, "PROPOSED");
        world.wait_state(run, "FINISHED");
        return world.log(run);
    }

    /// What the launcher said of packages that it did not take.
    [[nodiscard]] std::vector<std::string> refusals() const
    {
        std::istringstream log{read_file(world.directory() / "launcher.log", 1U << 26U).value_or("")};
        std::vector<std::string> lines;
        for (std::string line; std::getline(log, line);)
            if (line.find("was not taken into the cache") != std::string::npos)
                lines.push_back(line);
        return lines;
    }

    [[nodiscard]] std::vector<std::string> kept() const
    {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator{cache / "h1"})
            names.push_back(entry.path().filename());
        CHECK(std::filesystem::is_empty(cache / "incoming"));
        return names;
    }
};

const std::string kPlugin = ".terraform/providers/" + std::string{kSource} + "/1.0.0/" + kPlatform;

/// It says that busybox has no applet of that name: it ran.
const std::string kRunPlugin = kPlugin + "/terraform-provider-demo_v1 2>&1 | grep -o 'applet not found'";

} // namespace

TEST_CASE("a provider is downloaded once, later inits find it read-only, and an apply has it as files")
{
    Workshop shop;
    const auto hash = shop.make_source("one");
    shop.make_stack("infra", "./tofu init",
        "readlink -f " + kPlugin + "; touch " + kPlugin
            + "/x 2>&1 | grep -o 'Read-only.*'; rm -rf "
              "/mnt/slipway/providers/* 2>&1 | grep -c 'Read-only'; "
            + kRunPlugin,
        "test ! -L " + kPlugin + " && test ! -e /mnt/slipway/plugins && " + kRunPlugin);
    CHECK_THAT(shop.preview("infra"),
        Contains("provider cache: 0 of 1 providers are here")
            && Contains("\ndownloaded\n[slipway] provider cache: kept " + std::string{kSource} + " 1.0.0\n")
            && Contains("applet not found"));
    CHECK(shop.kept() == std::vector<std::string>{hash});

    const auto run = shop.world.start_run("infra");
    shop.world.wait_state(run, "UNCONFIRMED");
    shop.world.confirm(run);
    shop.world.wait_state(run, "FINISHED");
    const auto log = shop.world.log(run);
    CHECK_THAT(log,
        Contains("provider cache: 1 of 1 providers are here") && Contains("\nfrom the cache\n")
            && Contains("\n/mnt/slipway/providers/" + hash + "\nRead-only file system\n")
            && Contains("applet not found"));
    CHECK_THAT(log.substr(log.find("[slipway] apply")), Contains("applet not found"));

    // A stack with a place of its own for plugins keeps it.
    shop.person.must({"stack", "set", "infra", "--env", "TF_PLUGIN_CACHE_DIR=/tmp", "--plan", kRunPlugin});
    CHECK_THAT(shop.preview("infra"), Contains("\ndownloaded into the cache\n"));

    // Also after a restart.
    shop.world.kill_launcher();
    shop.world.start_launcher({{"SLIPWAY_PROVIDER_CACHE", shop.cache}});
    shop.person.must({"stack", "set", "infra", "--unset-env", "TF_PLUGIN_CACHE_DIR"});
    CHECK_THAT(shop.preview("infra"), Contains("\nfrom the cache\n"));
}

TEST_CASE("what a job plants in the place of a provider reaches no other job")
{
    Workshop shop;
    const auto good = shop.make_source("good");
    shop.make_stack("victim", "./tofu init", kRunPlugin);
    const std::string install = "mkdir -p " + kPlugin + " && cp -r registry/. " + kPlugin + " && ";
    const auto in_place = "mkdir -p $(dirname " + kPlugin + ") && ";
    const std::vector<std::pair<std::string, std::string>> plants{
        {install + "echo evil >>" + kPlugin + "/terraform-provider-demo_v1", "does not name its hash"},
        {install + "ln -s /nowhere " + kPlugin + "/link",
            "has link, which is neither a file nor a directory"},
        {install + "truncate -s 3G " + kPlugin + "/huge", "is larger than 2147483648 bytes"},
        {in_place + "ln -s / " + kPlugin, "which is neither a file nor a directory"},
        {in_place + "mkfifo " + kPlugin, "Not a directory"}};
    shop.make_stack("evil", "true", "true");
    for (std::size_t i = 0; i < plants.size(); ++i) {
        INFO(plants[i].first);
        shop.person.must({"stack", "set", "evil", "--init", plants[i].first});
        CHECK_THAT(shop.preview("evil"), Contains("0 of 1 providers are here") && !Contains("kept"));
        REQUIRE(World::becomes_true([&] { return shop.refusals().size() == i + 1; }));
        CHECK_THAT(shop.refusals().back(), Contains(plants[i].second));
        CHECK(shop.kept().empty());
    }
    // One that vouches for its own has it kept, and under the name of what it is.
    const auto evil = shop.make_source("evil");
    shop.person.must({"stack", "set", "evil", "--init", "./tofu init"});
    shop.person.must({"stack", "push", "evil", "source"});
    CHECK_THAT(shop.preview("evil"), Contains("provider cache: kept"));
    CHECK(shop.kept() == std::vector<std::string>{evil});
    CHECK_THAT(shop.preview("victim"),
        Contains("0 of 1 providers are here") && Contains("\ndownloaded\n")
            && Contains("provider cache: kept"));
    auto kept = shop.kept();
    std::ranges::sort(kept);
    std::vector<std::string> both{good, evil};
    std::ranges::sort(both);
    CHECK(kept == both);
    const auto program = shop.cache / "h1" / good / "terraform-provider-demo_v1";
    CHECK(read_file(program, 1U << 26U).value_or("").ends_with("good"));
    // A lock file that is none costs the cache, and not the run.
    Workshop::write(shop.person.directory() / "source/.terraform.lock.hcl", "provider \"x\" {\n", 0644);
    shop.make_stack("broken", "true", "true");
    CHECK_THAT(shop.preview("broken"),
        Contains("the provider cache is not used: .terraform.lock.hcl: line 1: a provider's address"));
}

TEST_CASE("inits that end at once bring one package, whole, and need not be root's")
{
    Workshop shop{{{"SLIPWAY_CAPACITY", "2"}, {"SLIPWAY_JOB_USER", "1983"}}};
    const auto hash = shop.make_source("both");
    for (const auto* name : {"one", "two"})
        shop.make_stack(name, "./tofu init && echo ready && " + std::string{World::kGate}, kRunPlugin);
    const std::vector<std::string> runs{
        shop.world.start_run("one", "PROPOSED"), shop.world.start_run("two", "PROPOSED")};
    for (const auto& run : runs)
        REQUIRE(
            World::becomes_true([&] { return shop.world.log(run).find("\nready\n") != std::string::npos; }));
    shop.world.open_gate();
    std::string logs;
    for (const auto& run : runs) {
        shop.world.wait_state(run, "FINISHED");
        logs += shop.world.log(run);
    }
    CHECK_THAT(logs, Contains("provider cache: kept"));
    CHECK(shop.kept() == std::vector<std::string>{hash});
    shop.person.must({"stack", "set", "one", "--init", "./tofu init && ls /mnt/slipway/providers || true"});
    CHECK_THAT(shop.preview("one"), Contains("\nfrom the cache\n") && Contains("Permission denied"));
}

TEST_CASE("a launcher does not start with a provider cache that it cannot use, and says which")
{
    World world;
    CHECK_FALSE(world.try_launcher({{"SLIPWAY_PROVIDER_CACHE", "/no/such/directory"}}));
    world.wait_launcher_says("SLIPWAY_PROVIDER_CACHE: /no/such/directory cannot be used");
    CHECK_FALSE(world.try_launcher({{"SLIPWAY_PROVIDER_CACHE", "/proc/self"}}));
    world.wait_launcher_says("SLIPWAY_PROVIDER_CACHE: /proc/self holds");
}
