#include "test/e2e/person.h"
#include "test/support/free_port.h"

using namespace slipway;
using namespace slipway::test;
using Catch::Matchers::Contains;

namespace {

std::string must_run(const std::vector<std::string>& argv, const std::filesystem::path& directory = {})
{
    const auto done = run_program(argv, directory);
    INFO((done ? "" : done.error().message()));
    REQUIRE(done);
    return done->substr(0, done->find_last_not_of('\n') + 1);
}

/// git's own server behind busybox's, with two repositories: one for everybody, one for bob with his
/// password; a runner image that has git; and a person.
class Forge {
public:
    World world;
    Person person{world};
    std::string image = world.image() + "-git";

    Forge()
    {
        must_run({"sh", SLIPWAY_SOURCE_DIR "/test/support/make_git_image.sh", image, world.image()});
        const auto script = root_ / "www/cgi-bin/git";
        REQUIRE(make_directories(script.parent_path()));
        REQUIRE(make_directories(root_ / "repos/private"));
        REQUIRE(replace_file(script,
            "#!/bin/sh\nexport GIT_PROJECT_ROOT=" + (root_ / "repos").string()
                + " GIT_HTTP_EXPORT_ALL=1\nexec git http-backend\n"));
        std::filesystem::permissions(script, std::filesystem::perms::owner_all);
        REQUIRE(replace_file(root_ / "httpd.conf", "/cgi-bin/git/private:bob:correct-horse\n"));
        for (const std::string name : {"open.git", "private/closed.git"})
            must_run({"git", "init", "-q", "--bare", "-b", "main", root_ / "repos" / name});
        must_run({"git", "init", "-q", "-b", "main", work_});
        commit("first");
        must_run({"git", "tag", "v1"}, work_);
        must_run({"git", "push", "-q", root_ / "repos/open.git", "v1"}, work_);

        const auto host = must_run(
            {"docker", "run", "--rm", world.image(), "sh", "-c", "ip route | awk '/^default/ {print $3}'"});
        auto server = Process::start({.argv = {"busybox", "httpd", "-f", "-p", host + ":" + port_, "-h",
                                          root_ / "www", "-c", root_ / "httpd.conf"},
            .env = {},
            .directory = root_,
            .log = root_ / "httpd.log"});
        REQUIRE(server);
        server_.emplace(*std::move(server));
        url_ = "http://" + host + ":" + port_ + "/cgi-bin/git/";
        REQUIRE(World::becomes_true([&] {
            return run_program({"git", "ls-remote", url("open.git")}).has_value();
        }));
        world.start_launcher();
        const auto data = world.data_directory();
        person.must({"login", "--endpoint", world.endpoint(), "--ca", data / "ca.pem", "--key-file",
            data / "admin.key"});
    }

    Forge(const Forge&) = delete;
    Forge& operator=(const Forge&) = delete;

    ~Forge()
    {
        world.kill_launcher();
        for (const auto& id : world.containers())
            (void)run_program({"docker", "rm", "-f", "-v", id});
        (void)run_program({"docker", "image", "rm", "-f", image});
    }

    [[nodiscard]] std::string url(const std::string& repository) const { return url_ + repository; }

    /// A new commit on main of both repositories, whose infra/text says `text`; its name.
    std::string commit(const std::string& text)
    {
        REQUIRE(make_directories(work_ / "infra"));
        REQUIRE(replace_file(work_ / "infra/text", text + " of the repository\n"));
        REQUIRE(replace_file(work_ / "infra/mounted", "of the repository\n"));
        must_run({"git", "add", "."}, work_);
        must_run({"git", "-c", "user.name=a", "-c", "user.email=a@b.invalid", "commit", "-qm", text}, work_);
        for (const std::string name : {"open.git", "private/closed.git"})
            must_run({"git", "push", "-q", root_ / "repos" / name, "main"}, work_);
        return must_run({"git", "rev-parse", "HEAD"}, work_);
    }

    void create(const std::string& name, std::vector<std::string> more)
    {
        std::vector<std::string> arguments{"stack", "create", name, "--pool", "demo", "--plan",
            "cat text; echo commit=$SPACELIFT_COMMIT_SHA", "--apply",
            "cat text; echo commit=$SPACELIFT_COMMIT_SHA"};
        if (std::ranges::find(more, "--image") == more.end())
            arguments.insert(arguments.end(), {"--image", image});
        arguments.insert(arguments.end(), more.begin(), more.end());
        person.must(arguments);
    }

    /// A run of the stack that plans only; what it logged.
    Outcome plan(const std::string& stack)
    {
        return person.run({"run", "start", "-f", "--type", "PROPOSED", stack});
    }

private:
    std::filesystem::path root_ = world.directory() / "forge";
    std::filesystem::path work_ = world.directory() / "work";
    std::string port_ = std::to_string(free_port());
    std::string url_;
    std::optional<Process> server_;
};

} // namespace

TEST_CASE("a stack's sources come from git: one commit from plan to apply, whatever is pushed meanwhile")
{
    Forge forge;
    auto& person = forge.person;
    const auto first = forge.commit("second");
    forge.create("web", {"--git", forge.url("open.git"), "--ref", "main", "--path", "infra"});
    REQUIRE(replace_file(person.directory() / "mine", "of the stack\n"));
    person.must({"stack", "file", "set", "web", "source/infra/mounted", "mine"});
    person.must({"stack", "set", "web", "--after-plan", "cat mounted"});
    std::string run = person.must({"run", "start", "-q", "web"});
    run.pop_back();
    forge.world.wait_state(run, "UNCONFIRMED");
    const auto second = forge.commit("third");
    person.must({"run", "confirm", run});
    forge.world.wait_state(run, "FINISHED");
    const auto log = forge.world.log(run);
    CHECK_THAT(log, Contains("[slipway] prepare\n") && Contains("sources: commit " + first));
    CHECK_THAT(log, Contains("[slipway] apply\nsecond of the repository\ncommit=" + first + "\n"));
    CHECK_THAT(log, Contains("\nof the stack\n") && !Contains("third"));
    CHECK_THAT(person.must({"run", "show", run}), Contains("sources: commit " + first));
    CHECK_THAT(person.must({"stack", "list"}), Contains(forge.url("open.git") + " at main"));

    CHECK_THAT(forge.plan("web").out, Contains("third of the repository\ncommit=" + second));
    for (const auto& [ref, text] : std::vector<std::pair<std::string, std::string>>{
             {"v1", "first of"}, {first, "second of"}, {"refs/heads/main", "third of"}}) {
        person.must({"stack", "set", "web", "--ref", ref});
        CHECK_THAT(forge.plan("web").out, Contains(text));
    }
    CHECK_THAT(person.run({"stack", "push", "web", "."}).err, Contains("are in git"));
}

TEST_CASE("sources that cannot be fetched from git are told with the cause, and nothing of the stack runs")
{
    Forge forge;
    auto& person = forge.person;
    const auto refused = [&](const std::vector<std::string>& change, const std::string& words) {
        person.must([&] {
            std::vector<std::string> all{"stack", "set", "web"};
            all.insert(all.end(), change.begin(), change.end());
            return all;
        }());
        const auto ended = forge.plan("web");
        CHECK(ended.code == 2);
        CHECK_THAT(ended.out, Contains(words) && !Contains("[slipway] plan"));
    };
    forge.create("web", {"--git", forge.url("open.git")});
    refused(
        {"--ref", "no-such-branch"}, "has no ref no-such-branch: give a branch, a tag, or a whole commit");
    refused({"--ref", std::string(40, 'a')}, "has no ref aaaa");
    refused({"--ref", "v1", "--path", "elsewhere"}, "has no directory elsewhere at ref v1");
    refused({"--path", "infra", "--git", forge.url("private/closed.git")}, "asks for credentials");
    refused({"--git", "http://127.0.0.1:1/web.git"},
        "could not be fetched from http://127.0.0.1:1/web.git: the host");
    refused({"--image", forge.world.image(), "--git", forge.url("open.git")},
        "the image " + forge.world.image() + " has no git");
}

TEST_CASE("a password for git is a secret of the stack: it reaches the server, and no log, URL or option")
{
    Forge forge;
    auto& person = forge.person;
    REQUIRE(replace_file(person.directory() / "password", "correct-horse\n"));
    forge.create("web",
        {"--git", forge.url("private/closed.git"), "--path", "infra", "--env", "GIT_USERNAME=bob",
            "--secret-env", "GIT_PASSWORD=@password", "--env", "GIT_TRACE_CURL=1", "--before-init",
            "cat ../.git/config; env"});
    const auto ended = forge.plan("web");
    CHECK(ended.code == 0);
    CHECK_THAT(ended.out, Contains("first of the repository") && !Contains("correct-horse"));
    const auto url = forge.url("private/closed.git");
    const auto given = person.run({"stack", "set", "web", "--git", "http://bob:hunter2@" + url.substr(7)});
    CHECK(given.code == 1);
    CHECK_THAT(given.err, Contains("--secret-env GIT_PASSWORD") && !Contains("hunter2"));
}
