#include "common/file.h"
#include "test/fault/cut_network.h"
#include "test/support/byte_generator.h"
#include "test/support/seed.h"
#include "test/support/world.h"

#include <catch2/catch.hpp>
#include <sys/mount.h>

using namespace slipway;
using namespace slipway::test;

namespace {

constexpr std::uint32_t kLines = 800;
constexpr std::chrono::duration<int> kShortLease{6};

const ByteGenerator& generator()
{
    static const ByteGenerator lines{seed()};
    return lines;
}

std::string lines(std::uint32_t count) { return generator().lines(0, count); }

/// As many lines, the last ten when the gate was opened.
std::vector<std::string> counting(std::uint32_t count = kLines)
{
    return {generator().shell(0, count - 10, "0.01"), World::kGate, generator().shell(count - 10, 10)};
}

/// The most that the records of a stage on this worker have come to.
std::uintmax_t journal_bytes(const World& world)
{
    std::uintmax_t bytes = 0;
    std::error_code none;
    for (std::filesystem::recursive_directory_iterator it{world.state_directory() / "jobs", none}, end;
         !none && it != end; it.increment(none))
        if (std::error_code gone; it->is_regular_file(gone))
            bytes += it->file_size(gone);
    return none ? 0 : bytes;
}

/// Output comes from the job meanwhile.
void wait_output(const World& world, std::uintmax_t bytes)
{
    const auto before = journal_bytes(world);
    REQUIRE(World::becomes_true([&] { return journal_bytes(world) > before + bytes; }));
}

/// How often the launchers say so.
std::size_t said(const World& world, std::string_view words)
{
    const auto text = read_file(world.directory() / "launcher.log", 64U << 20U);
    REQUIRE(text);
    std::size_t count = 0;
    for (auto at = text->find(words); at != std::string::npos; at = text->find(words, at + 1))
        ++count;
    return count;
}

/// Something that is mounted on a directory; unmounted when destroyed.
class Mounted {
public:
    Mounted(std::filesystem::path target, const std::string& type, const std::string& options)
        : target_{std::move(target)}
    {
        REQUIRE(make_directories(target_));
        REQUIRE(::mount(type.c_str(), target_.c_str(), type.c_str(), 0, options.c_str()) == 0);
    }

    /// The directory itself once more, for reading: what is opened anew there cannot be written.
    explicit Mounted(std::filesystem::path target)
        : target_{std::move(target)}
    {
        // Made somewhere else: between its making and its closing somebody might begin to write through it.
        const auto side = target_.string() + ".reading";
        REQUIRE(make_directories(side));
        REQUIRE(::mount(target_.c_str(), side.c_str(), nullptr, MS_BIND, nullptr) == 0);
        REQUIRE(::mount(nullptr, side.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0);
        REQUIRE(::mount(side.c_str(), target_.c_str(), nullptr, MS_BIND, nullptr) == 0);
        ::umount2(side.c_str(), MNT_DETACH);
    }

    Mounted(const Mounted&) = delete;
    Mounted& operator=(const Mounted&) = delete;

    ~Mounted() { ::umount2(target_.c_str(), MNT_DETACH); }

private:
    std::filesystem::path target_;
};

/// Takes a run that is under way to its end, and checks that its log is whole.
void finish(World& world, const std::string& run)
{
    world.open_gate();
    world.wait_state(run, "UNCONFIRMED");
    world.confirm(run);
    world.wait_state(run, "FINISHED");
    world.record(run, lines(kLines));
    CHECK(world.history().report() == "");
}

} // namespace

TEST_CASE("a network that is cut for less than a lease changes nothing")
{
    CutNetwork network;
    World world{WorldShape{.docker_host = {}, .address = network.address()}};
    world.start_launchers_by(network.inside());
    world.start_launcher();
    world.create_stack("web", counting(), {"true"});
    const auto run = world.start_run("web");
    world.wait_log(run, 3000);
    network.cut();
    wait_output(world, 10'000);
    network.heal();
    world.wait_log(run, world.log(run).size() + 3000);
    finish(world, run);
}

TEST_CASE("a network that is cut for longer than a lease ends what reads, and what writes goes on")
{
    CutNetwork network;
    World world{
        WorldShape{.docker_host = {}, .address = network.address(), .lease_seconds = kShortLease.count()}};
    world.start_launchers_by(network.inside());
    world.start_launcher();
    constexpr std::uint32_t kApplied = 1500;
    world.create_stack("web", counting(), counting(kApplied));
    const auto run = world.start_run("web");
    world.wait_log(run, 3000);
    network.cut();
    world.wait_commands_over();
    world.wait_run(run, [](const RunView& view) { return view.state == "READY"; }); // for anyone, again
    network.heal();
    const auto granted_again
        = [&] { return world.run(run).json.find("\"attempts\":2") != std::string::npos; };
    REQUIRE(World::becomes_true(granted_again, std::chrono::minutes{1}));
    const auto planned_whole = [&] {
        world.open_gate();
        return world.run(run).state == "UNCONFIRMED";
    };
    REQUIRE(World::becomes_true(planned_whole, std::chrono::minutes{1}));
    world.wait_no_containers();
    const auto planned = world.log(run).size();

    world.confirm(run);
    world.wait_log(run, planned + 3000);
    network.cut();
    const auto cut_at = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - cut_at < 2 * kShortLease)
        wait_output(world, 1000);
    world.open_gate();
    world.wait_commands_over();
    CHECK(world.run(run).state == "APPLYING");
    network.heal();
    world.wait_state(run, "FINISHED");
    world.wait_no_containers();
    CHECK(world.history().run(world.run(run).json));
    const auto log = world.log(run);
    CHECK(generator().first_break(log) == "");
    world.history().generated_log(run, std::string_view{log}.substr(planned), lines(kApplied));
    CHECK(world.history().report() == "");
}

TEST_CASE("a disk of the state directory that fills up in mid-run holds the run up and loses nothing")
{
    World world;
    const Mounted disk{world.state_directory() / "jobs", "tmpfs", "size=16m"}; // not what containers see
    world.start_launcher();
    world.create_stack("web", counting(), {"true"});
    const auto run = world.start_run("web");
    world.wait_log(run, 3000);
    const auto filler = world.state_directory() / "jobs" / "filler";
    (void)run_program({"dd", "if=/dev/zero", "of=" + filler.string(), "bs=64k"}); // ends with a full disk
    world.wait_launcher_says("No space left on device");
    std::filesystem::remove(filler);
    world.wait_log(run, world.log(run).size() + 3000);
    finish(world, run);
}

TEST_CASE("a journal that cannot be written in mid-run holds the run up and loses nothing")
{
    World world;
    world.start_launcher();
    world.create_stack("web", counting(), {"true"});
    const auto run = world.start_run("web");
    world.wait_log(run, 3000);
    {
        const Mounted reading{world.state_directory() / "jobs"};
        world.open_gate();
        world.wait_commands_over();
        world.wait_launcher_says("Read-only file system");
        CHECK(world.run(run).state == "PLANNING");
    }
    finish(world, run);
    // A file that says no is no control plane that does.
    CHECK(said(world, "msg=registered") == 1);
}
