#include "common/file.h"
#include "test/support/byte_generator.h"
#include "test/support/seed.h"
#include "test/support/world.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>

using namespace slipway;
using namespace slipway::test;

namespace {

constexpr std::uint32_t kLines = 40;

/// A launcher that meets a fault at each system call of a kind, once: a tracer starts it.
class FaultyWorld {
public:
    explicit FaultyWorld(std::string mode)
        : mode_{std::move(mode)}
    {
        world_.start_launchers_by({SLIPWAY_BIN_DIR "/fault_tracer", mode_, seen_file()});
        world_.history().let_starts_repeat(); // a slot that a fault spoilt is made anew
        const auto lines = generator_.shell(0, kLines, "0.002");
        world_.create_stack("web", {lines}, {lines});
    }

    /// Takes runs through until one of them met no fault any more; checks each.
    void run_until_all_is_seen()
    {
        for (std::size_t before = 1, now = 0; now != before;) {
            before = places();
            run_once();
            now = places();
        }
        WARN(places() << " places, " << starts_ << " starts of the launcher");
    }

    [[nodiscard]] std::size_t places() const
    {
        const auto text = read_file_if_exists(seen_file(), 16U << 20U);
        return text && *text ? static_cast<std::size_t>(std::ranges::count(**text, '\n')) : 0;
    }

private:
    [[nodiscard]] std::string seen_file() const { return (world_.directory() / "seen").string(); }

    void start()
    {
        ++starts_;
        started_ = std::chrono::steady_clock::now();
        met_ = places();
        // LeakSanitizer cannot look at a process that is traced.
        ready_ = world_.try_launcher({{"ASAN_OPTIONS", "detect_leaks=0"}});
    }

    /// Until the run is at a rest: it waits for a person, or it is over.
    RunView follow(const std::string& id, std::string_view rest)
    {
        const auto until = std::chrono::steady_clock::now() + std::chrono::minutes{10};
        for (;;) {
            if (!ready_ || world_.launcher().wait(std::chrono::milliseconds{20}))
                start();
            auto view = world_.run(id);
            if (view.terminal || std::ranges::count(view.history, rest) > 0)
                return view;
            // After several failures a launcher waits long before it tries again: a new one at once.
            if (places() > met_ && std::chrono::steady_clock::now() - started_ > std::chrono::seconds{2}) {
                world_.kill_launcher();
                ready_ = false;
            }
            if (std::chrono::steady_clock::now() > until)
                FAIL("the run does not come to its rest: " << view.json << '\n' << last_words());
        }
    }

    /// The end of what the launchers said, and where the last faults were.
    [[nodiscard]] std::string last_words() const
    {
        std::string text;
        for (const char* name : {"launcher.log", "seen"})
            if (const auto file = read_file_if_exists(world_.directory() / name, 64U << 20U); file && *file)
                text
                    += (*file)->substr((*file)->size() - std::min<std::size_t>((*file)->size(), 6000)) + "\n";
        return text;
    }

    void run_once()
    {
        const auto id = world_.start_run("web");
        follow(id, "UNCONFIRMED");
        world_.confirm(id);
        const auto view = follow(id, "FINISHED");
        INFO(view.json << '\n' << world_.log(id) << '\n' << last_words());
        CHECK(view.state == "FINISHED");
        while (!world_.containers().empty())
            follow(id, "FINISHED");
        const auto expected = generator_.lines(0, kLines);
        world_.record(id, expected + expected);
        CHECK(world_.history().report() == "");
    }

    std::string mode_;
    ByteGenerator generator_{seed()};
    World world_;
    bool ready_ = false;
    int starts_ = 0;
    std::size_t met_ = 0; ///< Places, when the launcher was started.
    std::chrono::steady_clock::time_point started_;
};

} // namespace

TEST_CASE("a launcher killed at each system call that changes something loses and repeats nothing")
{
    FaultyWorld{"kill"}.run_until_all_is_seen();
}

TEST_CASE("a failure of each system call, once, is repeated or told, and loses and repeats nothing")
{
    // Of those that take longer, some places by the seed; all in the long mode.
    static constexpr std::array<std::pair<const char*, int>, 5> kFailures{
        {{"EINTR", 1}, {"EMFILE", 3}, {"ENOMEM", 6}, {"EIO", 12}, {"ENOSPC", 12}}};
    const auto& [failure, every] = kFailures.at(GENERATE(range(std::size_t{0}, kFailures.size())));
    CAPTURE(failure);
    const std::string sample = "/" + std::to_string(every) + ":" + std::to_string(seed());
    FaultyWorld{long_mode() ? failure : failure + sample}.run_until_all_is_seen();
}
