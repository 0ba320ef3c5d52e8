#include "common/file.h"
#include "test/hostile/slot_fixture.h"
#include "test/support/seed.h"

#include <catch2/catch.hpp>
#include <signal.h>

#include <chrono>
#include <random>
#include <thread>

using namespace slipway;
using namespace slipway::test;
using namespace std::chrono_literals;

namespace {

/// "0 1 2 …" in lines of nine characters.
std::string numbers_from(std::uint64_t begin, std::uint64_t size)
{
    std::string text;
    for (std::uint64_t line = begin / 9; text.size() < size + 9; ++line) {
        std::string digits = std::to_string(line);
        text += std::string(8 - digits.size(), '0') + digits + "\n";
    }
    return text.substr(begin % 9, size);
}

slot::Producer bytes_of(const std::string& text)
{
    return [&text](const slot::Sink& sink) -> Result<void> {
        for (std::size_t at = 0; at < text.size(); at += 50'000)
            SLIPWAY_TRY(sink(std::string_view{text}.substr(at, 50'000)));
        return {};
    };
}

std::string get(SlotFixture& fixture, const std::string& directory, const std::string& user)
{
    std::string archive;
    must(fixture.slot().link().get({.directory = directory, .user = user},
        [&archive](std::string_view bytes) -> Result<void> {
            archive.append(bytes);
            return {};
        },
        {}));
    return archive;
}

} // namespace

TEST_CASE("a slot runs commands one after another and tells their ends")
{
    SlotFixture fixture;
    fixture.create();
    const RunEnd hello = fixture.shell("echo hello; echo to stderr >&2; exit 3");
    CHECK(hello.output == "hello\nto stderr\n");
    CHECK(hello.exit.kind == slot::ExitKind::exited);
    CHECK(hello.exit.code == 3);
    CHECK(hello.exit.cause == slot::StopCause::none);
    const RunEnd killed = fixture.shell("kill -9 $$");
    CHECK(killed.exit.kind == slot::ExitKind::signalled);
    CHECK(killed.exit.code == SIGKILL);
    CHECK(fixture.shell("cat; awk '/core/ {print $5, $6}' /proc/self/limits; cat /proc/self/oom_score_adj")
              .output
        == "1 1\n500\n");
}

TEST_CASE("a command that cannot be executed ends with 125, 126 or 127 and with words")
{
    SlotFixture fixture;
    fixture.create();
    slot::RunSpec spec{.argv = {"no-such-program"}, .env = {"PATH=/bin"}, .cwd = "", .user = ""};
    const RunEnd missing = fixture.run(spec);
    CHECK(missing.exit.code == 127);
    CHECK(missing.output.find("no-such-program: command not found in PATH") != std::string::npos);
    spec.argv = {"/etc/passwd"};
    const RunEnd denied = fixture.run(spec);
    CHECK(denied.exit.code == 126);
    CHECK(denied.output.find("/etc/passwd: cannot execute: Permission denied") != std::string::npos);
    spec.user = "nobody-knows";
    const RunEnd nobody = fixture.run(spec);
    CHECK(nobody.exit.code == 125);
    CHECK(nobody.output.find("nobody-knows: no such user") != std::string::npos);
}

TEST_CASE("a run has the user, groups, home and directory that a Dockerfile's USER means")
{
    SlotFixture fixture;
    fixture.create();
    fixture.shell("echo 'foo:x:1983:50:x:/home/foo:/bin/sh' >> /etc/passwd;"
                  "printf 'base:x:50:\\nextra:x:60:bar,foo\\nother:x:70:food\\n' > /etc/group");
    const std::string show = "echo $(id -u):$(id -g):$(id -G | tr ' ' ,):$HOME";
    CHECK(fixture.shell(show, "foo").output == "1983:50:50,60:/home/foo\n");
    CHECK(fixture.shell(show, "1983").output == "1983:50:50,60:/home/foo\n");
    CHECK(fixture.shell(show, "foo:other").output == "1983:70:70:/home/foo\n");
    CHECK(fixture.shell(show, "4711:4712").output == "4711:4712:4712:/\n");
    CHECK(fixture.shell(show, "").output.starts_with("0:0:"));
    slot::RunSpec spec{.argv = {"pwd"}, .env = {"PATH=/nowhere:/bin"}, .cwd = "/made/deep", .user = ""};
    CHECK(fixture.run(spec).output == "/made/deep\n");
}

TEST_CASE("environment and arguments of a run do not show in docker inspect")
{
    SlotFixture fixture;
    fixture.create();
    auto spec = SlotFixture::script("echo $TOKEN");
    spec.env.push_back("TOKEN=do-not-show-me");
    CHECK(fixture.run(spec).output == "do-not-show-me\n");
    CHECK(
        run_host("docker inspect " + fixture.slot().container()).find("do-not-show-me") == std::string::npos);
}

TEST_CASE("a working directory behind a link of the job is entered, and none is made there")
{
    SlotFixture fixture;
    fixture.create();
    fixture.shell(
        "mkdir -p /job/project /job/other; ln -s project /job/link; ln -s /etc /job/etc; chown -R 1983 /job");
    auto spec = SlotFixture::script("pwd -P", "1983");
    spec.cwd = "/job/link";
    CHECK(fixture.run(spec).output == "/job/project\n");
    spec.cwd = "/job/etc/made";
    CHECK(fixture.run(spec).exit.code == 125);
    CHECK(fixture.shell("ls /etc/made").exit.code != 0);
}

TEST_CASE("a job's own list of users that never ends or blocks holds up nothing")
{
    SlotFixture fixture;
    fixture.create();
    fixture.shell("rm -f /etc/passwd /etc/group; mkfifo /etc/passwd; ln -s /dev/zero /etc/group");
    // Built into the shell: id(1) itself would open the list of users.
    const std::string own_uid
        = "while read -r key uid rest; do [ $key != Uid: ] || echo $uid; done </proc/self/status";
    CHECK(fixture.shell(own_uid, "1983").output == "1983\n");
}

TEST_CASE("a repeated run frame starts nothing")
{
    SlotFixture fixture;
    fixture.create();
    const auto spec = SlotFixture::script("echo once >> /tmp/count; sleep 0.2; cat /tmp/count");
    fixture.start(spec);
    must(fixture.slot().link().run(1, spec));
    CHECK(fixture.finish().output == "once\n");
    must(fixture.slot().link().run(1, spec));
    CHECK(fixture.shell("cat /tmp/count").output == "once\n");
}

TEST_CASE("50 MB of output arrive byte for byte over any number of launcher deaths")
{
    SlotFixture fixture;
    fixture.create();
    constexpr std::uint64_t kSize = 50'000'004;
    fixture.start({.argv = {"sh", "-c", "seq -w 0 99999999 | head -c 50000004; exit 11"},
        .env = {"PATH=/bin"},
        .cwd = "/",
        .user = "1983"});
    std::mt19937 dice{seed()};
    std::uint64_t durable = 0;
    std::uint64_t expected = 0;
    std::uint64_t next_death = 100'000;
    int deaths = 0;
    std::optional<slot::Exited> exit;
    while (!exit) {
        auto event = must(fixture.slot().link().next_event(30s, {}));
        REQUIRE(event);
        if (const auto* output = std::get_if<slot::Output>(&*event)) {
            REQUIRE(output->offset == expected);
            REQUIRE(output->bytes == numbers_from(expected, output->bytes.size()));
            expected += output->bytes.size();
            if (dice() % 3 != 0)
                durable = expected;
            if (dice() % 2 == 0)
                (void)fixture.slot().link().ack(durable, 0);
            if (expected > next_death) {
                // Dies with output that was seen and not kept.
                fixture.restart_launcher(durable);
                expected = durable;
                next_death = durable + dice() % 1'000'000;
                ++deaths;
            } else {
                durable = expected;
                (void)fixture.slot().link().ack(durable, 0);
            }
        }
        if (const auto* found = std::get_if<slot::Exited>(&*event))
            exit = *found;
    }
    CHECK(deaths > 30);
    CHECK(expected == kSize);
    CHECK(exit->output_end == kSize);
    CHECK(exit->code == 11);
}

TEST_CASE("an exit that was not acknowledged is told again")
{
    SlotFixture fixture;
    fixture.create();
    fixture.start(SlotFixture::script("echo x; exit 9"));
    CHECK(fixture.wait_for<slot::Exited>().code == 9);
    fixture.restart_launcher(0);
    const RunEnd again = fixture.finish();
    CHECK(again.exit.code == 9);
    fixture.restart_launcher(fixture.have);
    CHECK(fixture.wait_for<slot::Ready>().last_seq == 1);
    must(fixture.slot().link().run(1, SlotFixture::script("echo twice")));
    CHECK_FALSE(must(fixture.slot().link().next_event(300ms, {})));
}

TEST_CASE("stop interrupts first and kills what does not heed it")
{
    SlotFixture fixture;
    fixture.create();
    fixture.start(
        SlotFixture::script("trap 'echo saved; exit 4' INT; echo up; while :; do sleep 0.05; done"));
    fixture.wait_output("up\n");
    must(fixture.slot().link().stop(10s));
    const RunEnd polite = fixture.finish();
    CHECK(polite.output.find("saved") != std::string::npos);
    CHECK(polite.exit.code == 4);
    CHECK(polite.exit.cause == slot::StopCause::stopped);
    fixture.start(SlotFixture::script("trap '' INT TERM; echo up; while :; do sleep 0.05; done"));
    fixture.wait_output("up\n");
    must(fixture.slot().link().stop(100ms));
    const RunEnd stubborn = fixture.finish();
    CHECK(stubborn.exit.kind == slot::ExitKind::signalled);
    CHECK(stubborn.exit.code == SIGKILL);
}

TEST_CASE("a stage that reads ends with its lease while the launcher is away, one that writes does not")
{
    SlotFixture fixture;
    fixture.create();
    fixture.start(SlotFixture::script("trap '' INT; echo up; while :; do sleep 0.05; done"));
    fixture.wait_output("up\n");
    must(fixture.slot().link().lease(1s));
    fixture.leave();
    const auto begin = std::chrono::steady_clock::now();
    while (fixture.processes().find("sh -c") != std::string::npos)
        REQUIRE(std::chrono::steady_clock::now() - begin < 10s);
    fixture.come_back(fixture.have);
    const RunEnd ended = fixture.finish();
    CHECK(ended.exit.cause == slot::StopCause::lease);
    CHECK(ended.exit.kind == slot::ExitKind::signalled);
    // Nothing starts on a lease that is over.
    const RunEnd late = fixture.shell("echo started");
    CHECK(late.exit.code == 125);
    CHECK(late.exit.cause == slot::StopCause::lease);
    CHECK(late.output.empty());
    must(fixture.slot().link().lease(slot::kNoLease));
    CHECK(fixture.shell("echo done").output == "done\n");
}

TEST_CASE("a lease ends at its time also for a slot that was frozen when it came")
{
    SlotFixture fixture;
    fixture.create();
    fixture.start(SlotFixture::script("trap '' INT; echo up; while :; do sleep 0.05; done"));
    fixture.wait_output("up\n");
    run_host("docker pause " + fixture.container());
    // Waits in the socket, over before it is read.
    must(fixture.slot().link().lease(10ms));
    const auto sent = std::chrono::steady_clock::now();
    run_host("docker unpause " + fixture.container());
    const RunEnd ended = fixture.finish();
    CHECK(std::chrono::steady_clock::now() - sent < 10s);
    CHECK(ended.exit.cause == slot::StopCause::lease);
    // As for one that would still run if it counted from its receipt.
    run_host("docker pause " + fixture.container());
    must(fixture.slot().link().lease(200ms));
    const auto late = std::chrono::steady_clock::now() + 200ms;
    must(fixture.slot().link().run(2, SlotFixture::script("echo started")));
    while (std::chrono::steady_clock::now() < late)
        REQUIRE_FALSE(must(fixture.slot().link().next_event(10ms, {})));
    run_host("docker unpause " + fixture.container());
    const auto refused = fixture.wait_for<slot::Exited>();
    CHECK(refused.code == 125);
    CHECK(refused.cause == slot::StopCause::lease);
    CHECK(fixture.collected.empty());
}

TEST_CASE("what a read stage left behind ends with its lease while the launcher is away")
{
    SlotFixture fixture;
    fixture.create();
    CHECK(fixture.shell("setsid sleep 1000 >/dev/null 2>&1 &").exit.code == 0);
    REQUIRE(fixture.processes().find("sleep 1000") != std::string::npos);
    must(fixture.slot().link().lease(1s));
    fixture.leave();
    const auto begin = std::chrono::steady_clock::now();
    while (fixture.processes().find("sleep 1000") != std::string::npos)
        REQUIRE(std::chrono::steady_clock::now() - begin < 10s);
}

TEST_CASE("a slot whose launcher is away waits without working")
{
    SlotFixture fixture;
    fixture.create();
    fixture.leave();
    const auto cpu = [&] {
        // Fields 14 and 15 of proc(5)'s stat, in hundredths of a second.
        return std::stoi(run_host("awk '{print $14 + $15}' /proc/$(docker inspect -f '{{.State.Pid}}' "
            + fixture.container() + ")/stat"));
    };
    const int before = cpu();
    const auto end = std::chrono::steady_clock::now() + 2s;
    while (std::chrono::steady_clock::now() < end)
        REQUIRE_FALSE(fixture.processes().empty());
    CHECK(cpu() - before < 20);
}

TEST_CASE("docker stop interrupts the job first and leaves it the grace, whatever the image asks for")
{
    SlotFixture fixture;
    fixture.create([](slot::SlotSpec& spec) { spec.grace = 20s; });
    fixture.start(
        SlotFixture::script("trap 'echo saved; exit 4' INT; echo up; while :; do sleep 0.05; done"));
    fixture.wait_output("up\n");
    run_host("docker stop " + fixture.container() + " > /dev/null 2>&1 &");
    const RunEnd end = fixture.finish();
    CHECK(end.output.ends_with("saved\n"));
    CHECK(end.exit.code == 4);
    CHECK(end.exit.cause == slot::StopCause::stopped);
    CHECK(
        run_host("docker inspect -f '{{.Config.StopSignal}} {{.Config.StopTimeout}}' " + fixture.container())
        == "SIGTERM 35\n");
}

TEST_CASE("the run limit and the silence limit warn at 80 % and end the run with their cause")
{
    SlotFixture fixture;
    fixture.create();
    must(fixture.slot().link().limits({.total = 0ms, .silence = 5s, .grace = 5s}));
    const RunEnd silent = fixture.shell("sleep 0.3; echo word; sleep 60");
    CHECK(silent.exit.cause == slot::StopCause::silence);
    CHECK(silent.output == "word\n");
    REQUIRE(silent.notices.size() == 1);
    CHECK(silent.notices[0].kind == slot::NoticeKind::silence);
    CHECK(silent.notices[0].limit == 5s);
    CHECK(silent.notices[0].elapsed >= 4s);
    must(fixture.slot().link().limits({.total = 60s, .silence = 0ms, .grace = 5s}));
    CHECK(fixture.shell("echo in time").exit.cause == slot::StopCause::none);
    fixture.start(SlotFixture::script("while :; do echo busy; sleep 0.05; done"));
    fixture.wait_for<slot::Output>();
    fixture.restart_launcher(fixture.have);
    // From the slot's first run, which has passed more than this.
    fixture.wait_for<slot::Ready>();
    must(fixture.slot().link().limits({.total = 5s, .silence = 0ms, .grace = 5s}));
    const RunEnd total = fixture.finish();
    CHECK(total.exit.cause == slot::StopCause::deadline);
    REQUIRE(total.notices.size() == 1);
    CHECK(total.notices[0].kind == slot::NoticeKind::total);
}

TEST_CASE("output that nobody takes is back-pressure and not silence")
{
    SlotFixture fixture;
    fixture.create();
    must(fixture.slot().link().limits({.total = 0ms, .silence = 3s, .grace = 5s}));
    fixture.start(
        {.argv = {"head", "-c", "4000000", "/dev/zero"}, .env = {"PATH=/bin"}, .cwd = "/", .user = ""});
    std::uint64_t seen = 0;
    while (seen < slot::kOutputWindow) {
        auto event = must(fixture.slot().link().next_event(10s, {}));
        REQUIRE(event);
        if (const auto* output = std::get_if<slot::Output>(&*event))
            seen += output->bytes.size();
    }
    // Longer than the limit.
    CHECK_FALSE(must(fixture.slot().link().next_event(5s, {})));
    fixture.have = seen;
    must(fixture.slot().link().ack(seen, 0));
    const RunEnd end = fixture.finish();
    CHECK(end.exit.cause == slot::StopCause::none);
    CHECK(fixture.have == 4'000'000);
}

TEST_CASE("a tree goes into a slot and comes back with contents, modes, times and links")
{
    const std::string user = GENERATE("", "1983:1983");
    SlotFixture fixture;
    fixture.create();
    const TempDir tree;
    run_host("cd " + tree.path().string()
        + " && mkdir -p a/b 'with space' && echo one > a/one && chmod 640 a/one && ln a/one a/b/same"
          " && ln -s ../a/one 'with space/link' && ln -s /nowhere/at/all outside && : > empty && chmod 750 a"
          " && head -c 3000000 /dev/urandom > big && long=$(printf 'l%.0s' $(seq 120)) && mkdir -p "
          "$long/$long"
          " && echo deep > $long/$long/$long && touch -d 2020-01-02T03:04:05 a/one a/b a && chmod 555 a/b");
    const std::string archive = run_host("tar --format=pax -C " + tree.path().string() + " -c .");
    must(fixture.slot().link().put({.directory = "/job/tree", .user = user}, bytes_of(archive), {}));
    const std::string gnu = run_host("tar --format=gnu -C " + tree.path().string() + " -c .");
    must(fixture.slot().link().put({.directory = "/job/gnu", .user = user}, bytes_of(gnu), {}));
    CHECK(fixture
              .shell(
                  "stat -c '%a %u %Y' /job/tree/a/one; stat -c '%a %Y' /job/tree/a; stat -c %a /job/tree/a/b;"
                  "[ /job/tree/a/one -ef /job/tree/a/b/same ] && echo same; stat -c %u /job/tree")
              .output
        == "640 " + std::string{user.empty() ? "0" : "1983"} + " 1577934245\n750 1577934245\n555\nsame\n"
            + (user.empty() ? "0" : "1983") + "\n");
    for (const std::string from : {"/job/tree", "/job/gnu"}) {
        const std::string back = get(fixture, from, user);
        const TempDir out;
        must(replace_file(out.path() / "back.tar", back));
        run_host("mkdir " + out.path().string() + "/x && tar -C " + out.path().string() + "/x -xf "
            + out.path().string() + "/back.tar && diff -r --no-dereference " + tree.path().string() + " "
            + out.path().string() + "/x");
        CHECK(run_host("stat -c '%a %Y' " + out.path().string() + "/x/a/one") == "640 1577934245\n");
    }
}

TEST_CASE("an archive that leaves its directory or brings devices is refused")
{
    SlotFixture fixture;
    fixture.create();
    const TempDir work;
    const std::string in = "cd " + work.path().string() + " && ";
    run_host(in
        + "mkdir d && echo x > d/f && ln -s /etc link && mkfifo fifo && mkdir -p two/link && echo y > "
          "two/link/f");

    struct Case {
        std::string tar;
        std::string words;
    };

    const auto made = GENERATE(values<Case>({{"tar -P -c --transform 's,d/f,/etc/f,' d/f", "absolute"},
        {"tar -P -c --transform 's,d/f,../f,' d/f", ".."}, {"tar -c fifo", "fifo"},
        {"tar -c link --transform 's,two/,,' two/link/f", "no directory"},
        {"tar -c d | head -c 600", "ends early"}, {"head -c 2048 /dev/urandom", "no tar archive"}}));
    const std::string archive = run_host(in + made.tar);
    const auto put = fixture.slot().link().put({.directory = "/job", .user = "1983"}, bytes_of(archive), {});
    REQUIRE_FALSE(put);
    INFO(put.error().message());
    CHECK(put.error().code() == Errc::rejected);
    CHECK(put.error().message().find(made.words) != std::string::npos);
    CHECK(fixture.shell("ls /etc/f; ls /f").exit.code != 0);
}

TEST_CASE("files move while a command runs, and what is no file is left out with a note")
{
    SlotFixture fixture;
    fixture.create();
    fixture.start(
        SlotFixture::script("mkdir /w; mkfifo /w/pipe; head -c 20000000 /dev/zero > /w/zeroes; echo ready;"
                            "while [ ! -e /w/stop ]; do sleep 0.05; done; echo bye"));
    fixture.wait_output("ready\n");
    std::uint64_t bytes = 0;
    const auto notes = must(fixture.slot().link().get({.directory = "/w", .user = ""},
        [&bytes](std::string_view part) -> Result<void> {
            bytes += part.size();
            return {};
        },
        {}));
    CHECK(bytes > 20'000'000);
    CHECK(notes.find("pipe: is left out") != std::string::npos);
    const auto failed = fixture.slot().link().get({.directory = "/w", .user = ""},
        [](std::string_view) -> Result<void> {
            return Error{Errc::exhausted, "disk full"};
        },
        {});
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code() == Errc::exhausted);
    const TempDir work;
    run_host("touch " + work.path().string() + "/stop");
    must(fixture.slot().link().put({.directory = "/w", .user = ""},
        bytes_of(run_host("tar -C " + work.path().string() + " -c stop")), {}));
    CHECK(fixture.finish().output.ends_with("bye\n"));
    CHECK_FALSE(fixture.slot().link().get(
        {.directory = "/missing", .user = ""}, [](std::string_view) -> Result<void> { return {}; }, {}));
}

TEST_CASE("after bye the container has the last run's code")
{
    SlotFixture fixture;
    fixture.create();
    fixture.shell(GENERATE("exit 42", "kill -15 $$"));
    must(fixture.slot().link().bye());
    const auto code = must(fixture.docker().wait_container(fixture.container(),
        {.condition = docker::WaitCondition::not_running, .timeout = 30s, .on_armed = {}}, {}));
    CHECK((code == 42 || code == 143));
    must(fixture.slot().destroy(fixture.docker(), {}));
    CHECK_FALSE(std::filesystem::exists(fixture.place()));
    must(fixture.slot().destroy(fixture.docker(), {}));
}

TEST_CASE("a process that the kernel kills for memory is reported")
{
    SlotFixture fixture;
    fixture.create([](slot::SlotSpec& spec) { spec.memory_bytes = 32 * 1024 * 1024; });
    const RunEnd end = fixture.shell("tail /dev/zero; exit $?");
    CHECK(end.exit.oom_kills >= 1);
    CHECK(end.exit.shell_code() == 137);
    CHECK(fixture.shell("echo alive").output == "alive\n");
}

TEST_CASE("a warm slot answers at once")
{
    SlotFixture fixture;
    const auto cold_begin = std::chrono::steady_clock::now();
    fixture.create();
    fixture.start(SlotFixture::script("echo x"));
    fixture.wait_output("x\n");
    const auto cold = std::chrono::steady_clock::now() - cold_begin;
    fixture.finish();
    std::vector<std::chrono::nanoseconds> warm;
    for (int i = 0; i < 50; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        fixture.start({.argv = {"/bin/echo", "x"}, .env = {}, .cwd = "/", .user = ""});
        fixture.wait_output("x\n");
        warm.push_back(std::chrono::steady_clock::now() - begin);
        fixture.finish();
    }
    std::sort(warm.begin(), warm.end());
    const auto us
        = [](auto time) { return std::chrono::duration_cast<std::chrono::microseconds>(time).count(); };
    std::printf("cold create to first byte %ld us; run frame to first byte: median %ld us, p90 %ld us\n",
        us(cold), us(warm[25]), us(warm[45]));
    CHECK(warm[25] < 50ms);
}
