#include "common/file.h"
#include "test/hostile/slot_fixture.h"

#include <catch2/catch.hpp>

#include <chrono>

using namespace slipway;
using namespace slipway::test;
using namespace std::chrono_literals;

namespace {

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
