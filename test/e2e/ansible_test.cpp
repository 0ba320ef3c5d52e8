#include "test/e2e/person.h"
#include "test/support/canaries.h"
#include "test/support/neighbour.h"

#include <catch2/catch.hpp>
#include <signal.h>
#include <sys/stat.h>

using namespace slipway;
using namespace slipway::test;
using Catch::Matchers::Contains;

namespace {

constexpr const char* kPassword = "site-password-\"31415926\"";
constexpr const char* kVaultPassword = "vault-password-of-the-test\n"; // Of ansible/group_vars/all/vault.yml.

std::string ansible_image()
{
    // The first time, it is made from Debian's packages.
    auto made = Process::start({.argv = {SLIPWAY_SOURCE_DIR "/test/support/ansible_image.sh"},
        .env = {},
        .directory = {},
        .log = {}});
    REQUIRE(made);
    const auto ended = made->finish(std::chrono::minutes{8});
    REQUIRE(ended);
    REQUIRE(ended->first == 0);
    return ended->second.substr(0, ended->second.find('\n'));
}

std::string start(Person& person)
{
    auto run = person.must({"run", "start", "-q", "site"});
    run.pop_back();
    return run;
}

} // namespace

TEST_CASE("a playbook is planned with --check --diff by one worker and applied by another")
{
    const auto image = ansible_image();
    World world;
    Person person{world};
    const auto target = world.directory() / "target";
    REQUIRE(make_directories(target, 0755));
    // A plan sees the target and cannot change it.
    const std::vector<std::pair<std::string, std::string>> settings{
        {"SPACELIFT_DEFAULT_ANSIBLE_RUNNER_IMAGE", image},
        {"SPACELIFT_WORKER_RO_EXTRA_MOUNTS", target.string() + ":/target:ro"},
        {"SPACELIFT_WORKER_WO_EXTRA_MOUNTS", target.string() + ":/target"}};
    world.start_launcher(settings);
    person.must({"login", "--endpoint", world.endpoint(), "--ca", world.data_directory() / "ca.pem",
        "--key-file", world.data_directory() / "admin.key"});
    REQUIRE(replace_file(person.directory() / "password", kPassword));
    REQUIRE(replace_file(person.directory() / "vault-pass", kVaultPassword));
    person.must({"stack", "create", "site", "--pool", "demo", "--workflow", "ansible", "--init",
        "ansible-playbook --syntax-check site.yml", "--plan", "ansible-playbook --check --diff site.yml",
        "--apply", "ansible-playbook --diff site.yml", "--secret-env", "SITE_PASSWORD=@password"});
    person.must({"stack", "file", "set", "site", "vault-pass", "vault-pass", "--secret"});
    person.must({"stack", "push", "site", SLIPWAY_SOURCE_DIR "/test/e2e/ansible"});

    const auto run = start(person);
    world.wait_state(run, "UNCONFIRMED");
    const auto plan = world.log(run);
    INFO(plan);
    CHECK_THAT(plan, Contains("+host = here\n+password = *****\n") && Contains("+kept in the vault\n"));
    CHECK_THAT(plan, Contains("changed=2 ") && Contains("failed=0 "));
    CHECK(std::filesystem::is_empty(target));

    // The worker that has planned leaves; another one has the workspace from the control plane, sealed.
    world.launcher().signal(SIGTERM);
    const auto left = world.launcher().wait(std::chrono::seconds{30});
    REQUIRE(left);
    const Neighbour other{world, settings};
    world.confirm(run);
    world.wait_state(run, "FINISHED");
    const auto log = world.log(run);
    INFO(log);
    CHECK_THAT(log, Contains("planned-on-") && Contains(", applied on "));
    CHECK_THAT(log, Contains("RUNNING HANDLER [site : reload the site]"));
    CHECK(whole_file(target / "site.conf") == std::string{"host = here\npassword = "} + kPassword + "\n");
    CHECK(whole_file(target / "index.html") == "kept in the vault\n");
    CHECK(whole_file(target / "reloads") == "reloaded\n");

    Canaries canaries;
    canaries.plant("the password", kPassword);
    canaries.plant("the vault's password", std::string_view{kVaultPassword}.substr(0, 26));
    canaries.plant("the workspace", "planned-on-" + log.substr(log.find("planned-on-") + 11, 12));
    CHECK(canaries.without({"the workspace"}).in_text(log, "the log") == "");
    CHECK(canaries.in_files(world.data_directory(), [](const auto& path) {
        return path.filename().string().starts_with("slipway.db"); // the log, which names the host
    }) == "");
    CHECK(canaries.without({"the workspace"}).in_files(world.data_directory()) == "");

    // Nothing is left to do, and the next plan says so.
    const auto again = start(person);
    world.wait_state(again, "UNCONFIRMED");
    CHECK_THAT(world.log(again), Contains("changed=0 ") && Contains("failed=0 "));
}
