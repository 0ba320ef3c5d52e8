#include "test/e2e/person.h"

using namespace slipway;
using namespace slipway::test;
using Catch::Matchers::Contains;

namespace {

/// A person who is logged in to a world with a launcher.
struct Office {
    World world;
    Person person{world};

    Office()
    {
        world.start_launcher();
        const auto data = world.data_directory();
        person.must({"login", "--endpoint", world.endpoint(), "--ca", data / "ca.pem", "--key-file",
            data / "admin.key"});
        REQUIRE(make_directories(person.directory() / "source"));
    }

    [[nodiscard]] std::string key() const { return (world.directory() / "spacelift.key").string(); }

    void write(const std::string& name, std::string_view text, mode_t mode = 0600)
    {
        REQUIRE(replace_file(person.directory() / name, text));
        std::filesystem::permissions(person.directory() / name, static_cast<std::filesystem::perms>(mode));
    }

    /// A run of the stack to its end, through a confirmation; its log.
    std::string deploy(const std::string& stack, const std::string& end = "FINISHED")
    {
        std::string run = person.must({"run", "start", "-q", stack});
        run.pop_back();
        world.wait_state(run, "UNCONFIRMED");
        person.must({"run", "confirm", run});
        world.wait_state(run, end);
        return world.log(run);
    }

    /// Whether a file of the control plane's directory holds the text.
    [[nodiscard]] bool stored(const std::string& text) const
    {
        for (const auto& entry : std::filesystem::recursive_directory_iterator{world.data_directory()})
            if (entry.is_regular_file()
                && read_file(entry.path(), 1U << 30U).value_or("").find(text) != std::string::npos)
                return true;
        return false;
    }
};

Outcome decrypt(const Office& office, const std::vector<std::string>& arguments)
{
    std::vector<std::string> argv{SLIPWAY_BIN_DIR "/slipway-launcher", "decrypt"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const auto log = office.person.directory() / "decrypt.log";
    std::filesystem::remove(log);
    auto process
        = Process::start({.argv = argv, .env = {}, .directory = office.person.directory(), .log = log});
    REQUIRE(process);
    const auto ended = process->finish(std::chrono::minutes{1});
    REQUIRE(ended);
    return {.code = ended->first,
        .out = ended->second,
        .err = read_file_if_exists(log, 65536).value_or(std::nullopt).value_or("")};
}

} // namespace

TEST_CASE("hooks, secrets and files of a stack reach its jobs, and the control plane cannot read the secrets")
{
    Office office;
    auto& person = office.person;
    office.write("token", "correct horse battery\n");
    office.write("deploy-key", "staple of a private key\n");
    office.write("plain.txt", "everyone may read this\n");
    CHECK_THAT(person
                   .run({"stack", "create", "web", "--plan", "true", "--apply", "true", "--secret-env",
                       "TOKEN=@token"})
                   .err,
        Contains("has no pool"));
    person.must({"stack", "create", "web", "--pool", "demo", "--image", office.world.image(), "--init",
        "export FROM_INIT=two", "--plan", "echo plan $FROM_HOOK $FROM_INIT", "--apply", "exit 3",
        "--before-init", "FROM_HOOK=one; export FROM_HOOK", "--after-run",
        "echo final=$TF_VAR_spacelift_final_run_state hook=$FROM_HOOK", "--secret-env", "TOKEN=@token"});
    person.must({"stack", "file", "set", "web", "keys/deploy", "deploy-key", "--secret"});
    person.must({"stack", "file", "set", "web", "plain.txt", "plain.txt", "--mode", "640"});
    CHECK_THAT(
        person.must({"stack", "file", "list", "web"}), Contains("keys/deploy") && Contains("plain.txt"));

    const auto log = office.deploy("web", "FAILED");
    CHECK_THAT(log, Contains("plan one two\n") && Contains("final=UNCONFIRMED hook=one\n"));
    CHECK_THAT(log, Contains("final=FAILED")); // also after a failure

    const auto task = person.run({"task", "run", "-f", "web",
        "echo length=${#TOKEN} mode=$(stat -c %a ../keys/deploy) key=$(wc -c <../keys/deploy); cat "
        "../plain.txt"});
    CHECK(task.code == 0);
    CHECK_THAT(task.out, Contains("length=21 mode=600 key=24\n") && Contains("everyone may read this\n"));
    CHECK_FALSE(office.stored("correct horse battery"));
    CHECK_FALSE(office.stored("staple of a private key"));

    // The stack's secrets hold it in its pool.
    person.must({"pool", "create", "--name", "second", "--csr", office.world.directory() / "spacelift.csr",
        "--out", "second.token"});
    const auto moved = person.run({"stack", "attach", "web", "--pool", "second"});
    CHECK(moved.code == 1);
    CHECK_THAT(moved.err, Contains("TOKEN, keys/deploy"));
    person.must({"stack", "set", "web", "--unset-env", "TOKEN"});
    person.must({"stack", "file", "remove", "web", "keys/deploy"});
    person.must({"stack", "attach", "web", "--pool", "second"});
}

TEST_CASE("a control plane cannot put another key in the place of a pool's")
{
    Office office;
    office.write("token", "secret");
    office.person.must({"stack", "create", "web", "--pool", "demo", "--plan", "true", "--apply", "true",
        "--secret-env", "TOKEN=@token"});
    const auto pins = office.person.directory() / "slipway" / "pins.json";
    auto text = read_file(pins, 65536).value_or("");
    const auto at = text.find(":\"", text.find("pools") + 10) + 2;
    text[at] = text[at] == '0' ? '1' : '0';
    REQUIRE(replace_file(pins, text));
    const auto refused = office.person.run({"stack", "set", "web", "--secret-env", "TOKEN=@token"});
    CHECK(refused.code == 1);
    CHECK_THAT(refused.err, Contains("when it was seen first") && Contains("slipway pool pin"));

    const auto shown = office.person.run({"pool", "pin", "demo"});
    CHECK(shown.code == 0);
    CHECK_THAT(shown.err, Contains("they differ"));
    const auto der = run_program(
        {"sh", "-c", "openssl pkey -in '" + office.key() + "' -pubout -outform DER | sha256sum"});
    REQUIRE(der);
    CHECK_THAT(office.person.run({"pool", "pin", "demo", "SHA256:12"}).err, Contains("64 hexadecimal"));
    CHECK_THAT(office.person.must({"pool", "pin", "demo", der->substr(0, 64)}),
        Contains("pinned:            SHA256:" + der->substr(0, 64)));
    office.person.must({"stack", "set", "web", "--secret-env", "TOKEN=@token"});
}

TEST_CASE("a stack's state is kept in versions, also of a failed apply, pulled with the key and rolled back")
{
    Office office;
    auto& person = office.person;
    // What `tofu` does with its state, as far as this is concerned.
    REQUIRE(replace_file(person.directory() / "source/tofu",
        "#!/bin/sh\nserial=$(sed -n 's/.*\"serial\":\\([0-9]*\\).*/\\1/p' terraform.tfstate 2>/dev/null)\n"
        "echo \"$1 from serial ${serial:-none}\"\n[ \"$1\" = apply ] || exit 0\n"
        "echo \"{\\\"version\\\":4,\\\"serial\\\":$((${serial:-0} + "
        "1)),\\\"password\\\":\\\"hunter2${half:-hunter2}\\\"}\""
        " >terraform.tfstate\n[ ! -e ../fail ] || exit 1\n"));
    std::filesystem::permissions(person.directory() / "source/tofu", std::filesystem::perms::all);
    person.must({"stack", "create", "infra", "--pool", "demo", "--image", office.world.image(), "--workflow",
        "opentofu", "--manage-state", "--plan", "./tofu plan", "--apply", "./tofu apply"});
    person.must({"stack", "push", "infra", "source"});
    CHECK_THAT(office.deploy("infra"), Contains("plan from serial none") && Contains("the state is kept"));
    person.must({"stack", "set", "infra", "--before-apply", "touch ../fail"});
    CHECK_THAT(office.deploy("infra", "FAILED"), Contains("apply from serial 1"));
    CHECK_THAT(person.must({"stack", "state", "list", "infra"}), Contains("VERSION") && Contains("2  "));
    CHECK(person.must({"stack", "state", "pull", "infra", "--private-key-file", office.key()})
        == "{\"version\":4,\"serial\":2,\"password\":\"hunter2hunter2\"}\n");
    CHECK_FALSE(office.stored("hunter2hunter2"));

    CHECK_THAT(person.must({"stack", "state", "rollback", "infra", "1"}), Contains("as version 3 now"));
    person.must({"stack", "state", "pull", "infra", "--private-key-file", office.key(), "--out", "pulled"});
    CHECK_THAT(read_file(person.directory() / "pulled", 65536).value_or(""), Contains("\"serial\":1"));
    std::string run = person.must({"run", "start", "-q", "infra"});
    run.pop_back();
    office.world.wait_state(run, "UNCONFIRMED");
    CHECK_THAT(office.world.log(run), Contains("plan from serial 1"));
    // The stack's lock is its state's.
    CHECK_THAT(
        person.run({"stack", "state", "rollback", "infra", "2"}).err, Contains("has the stack's lock"));

    office.write("sealed", office.world.call("GET", "/api/v1/stacks/infra/states/2"));
    CHECK_THAT(decrypt(office, {"sealed"}).err, Contains("object  state") && Contains("run     infra"));
    const auto opened = decrypt(office, {"sealed", "--private-key-file", office.key(), "--out", "-"});
    CHECK(opened.code == 0);
    CHECK_THAT(opened.out, Contains("\"serial\":2"));
}

TEST_CASE("what a link of the workspace leads to goes along, and the launcher opens a workspace by hand")
{
    Office office;
    office.person.must({"stack", "create", "web", "--pool", "demo", "--image", office.world.image(), "--plan",
        "mkdir -p /root/cache && echo a plugin >/root/cache/provider && ln -s /root/cache providers",
        "--apply", "cat providers/provider"});
    std::string run = office.person.must({"run", "start", "-q", "web"});
    run.pop_back();
    office.world.wait_state(run, "UNCONFIRMED");
    std::filesystem::path envelope;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{office.world.data_directory()})
        if (entry.is_regular_file() && read_file(entry.path(), 1U << 30U).value_or("").starts_with("SLIPENV"))
            envelope = entry.path();
    REQUIRE_FALSE(envelope.empty());
    const auto opened = decrypt(office, {envelope, "--private-key-file", office.key(), "--out", "tree"});
    INFO(opened.err);
    CHECK(opened.code == 0);
    CHECK_THAT(opened.err, Contains("object  workspace") && Contains("run     " + run));
    CHECK(read_file(office.person.directory() / "tree/source/providers/provider", 100).value_or("")
        == "a plugin\n");

    // One that nobody signed is not opened by accident.
    office.write("token", "secret");
    office.person.must({"stack", "file", "set", "web", "key", "token", "--secret"});
    std::filesystem::path unsigned_one;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{office.world.data_directory()})
        if (entry.is_regular_file() && entry.path() != envelope
            && read_file(entry.path(), 1U << 30U).value_or("").starts_with("SLIPENV"))
            unsigned_one = entry.path();
    REQUIRE_FALSE(unsigned_one.empty());
    const auto refused = decrypt(office, {unsigned_one, "--private-key-file", office.key(), "--out", "-"});
    CHECK(refused.code == 1);
    CHECK(refused.out.empty());
    CHECK_THAT(refused.err, Contains("--insecure-unsigned"));
    CHECK(decrypt(
              office, {unsigned_one, "--private-key-file", office.key(), "--out", "-", "--insecure-unsigned"})
              .out
        == "secret");

    office.person.must({"run", "confirm", run});
    office.world.wait_state(run, "FINISHED");
    CHECK_THAT(office.world.log(run), Contains("a plugin\n"));
}

TEST_CASE("a module's test plans, applies and destroys in one container, also when the apply fails")
{
    Office office;
    auto& person = office.person;
    CHECK_THAT(person.run({"module", "test", "web"}).err, Contains("there is no"));
    person.must({"module", "create", "vpc", "--pool", "demo", "--image", office.world.image(), "--plan",
        "echo made >thing", "--apply", "cat thing; exit 3", "--destroy",
        "echo $SPACELIFT_RUN_STATE; rm thing"});
    CHECK_THAT(person.must({"module", "list"}), Contains("vpc"));
    CHECK_THAT(person.run({"stack", "list"}).out, !Contains("vpc"));
    CHECK_THAT(person.run({"run", "start", "vpc"}).err, Contains("slipway module test vpc"));
    const auto failed = person.run({"module", "test", "-f", "vpc"});
    CHECK(failed.code == 2);
    CHECK_THAT(
        failed.out, Contains("[slipway] apply\nmade\n") && Contains("[slipway] destroy\nDESTROYING\n"));
    person.must({"module", "set", "vpc", "--apply", "true"});
    const auto good = person.run({"module", "test", "-f", "vpc"});
    CHECK(good.code == 0);
    CHECK_THAT(good.out, Contains("[slipway] destroy\nDESTROYING\n"));
    CHECK_THAT(person.must({"run", "list"}), Contains("TESTING"));
}

TEST_CASE(
    "a run's outputs are shown, sensitive ones are opened with the pool's key, and by nobody without it")
{
    Office office;
    auto& person = office.person;
    office.world.kill_launcher();
    office.world.start_launcher({{"SPACELIFT_SENSITIVE_OUTPUT_UPLOAD_ENABLED", "true"}});
    person.must({"stack", "create", "web", "--pool", "demo", "--image", office.world.image(), "--plan",
        "true", "--apply",
        R"(echo "{\"url\":{\"value\":\"https://a\"},\"db\":{\"value\":\"hunter2${half:-hunter2}\",\"sensitive\":true}}" )"
        ">/mnt/workspace/outputs.json"});
    std::string run = person.must({"run", "start", "-q", "web"});
    run.pop_back();
    office.world.wait_state(run, "UNCONFIRMED");
    CHECK_THAT(person.run({"run", "outputs", run}).err, Contains("/mnt/workspace/outputs.json"));
    person.must({"run", "confirm", run});
    office.world.wait_state(run, "FINISHED");
    CHECK(person.must({"run", "outputs", run})
        == R"({"url":{"sensitive":false,"value":"https://a"},"db":{"sensitive":true}})"
           "\n");
    person.must({"run", "outputs", run, "--sealed-out", "sealed"});
    const auto opened = decrypt(office, {"sealed", "--private-key-file", office.key(), "--out", "-"});
    CHECK(opened.code == 0);
    CHECK(opened.out == R"({"db":{"sensitive":true,"value":"hunter2hunter2"}})");
    CHECK_FALSE(office.stored("hunter2hunter2"));
}
