#include "common/file.h"
#include "test/support/byte_generator.h"
#include "test/support/seed.h"
#include "test/support/world.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <sstream>

using namespace slipway;
using namespace slipway::test;

namespace {

constexpr std::uint32_t kLines = 40;
constexpr std::chrono::minutes kPatience{3};

/// Runs in slots whose PID 1 meets a fault at each of its system calls, once. A tracer is attached to a slot
/// while it is warm, so that it sees all that a stage makes it do.
class FaultySlots {
public:
    explicit FaultySlots(std::string mode)
        : mode_{std::move(mode)}
    {
        REQUIRE(make_directories(begun()));
        world_.start_launcher(
            {{"SLIPWAY_WARM_SLOTS", "1"}, {"SPACELIFT_WORKER_EXTRA_MOUNTS", begun().string() + ":/begun"}});
        world_.create_stack("web", {commands("plan")}, {commands("apply")});
        run_once(); // the first slot is made for its stage: no tracer knows it in time
    }

    /// Takes runs through until one of them met no fault any more.
    void run_until_all_is_seen()
    {
        for (std::size_t before = 1, now = 0; now != before;) {
            before = places();
            run_once();
            now = places();
        }
        std::string failed;
        for (const auto& [why, count] : failed_)
            failed += "\n" + std::to_string(count) + " x " + why;
        WARN(places() << " places, " << runs_ << " runs; failed:" << failed);
        CHECK(world_.history().report() == "");
    }

    [[nodiscard]] std::size_t places() const
    {
        const auto text = read_file_if_exists(seen_file(), 16U << 20U);
        return text && *text ? static_cast<std::size_t>(std::ranges::count(**text, '\n')) : 0;
    }

private:
    [[nodiscard]] std::string seen_file() const { return (world_.directory() / "seen").string(); }

    [[nodiscard]] std::filesystem::path begun() const { return world_.directory() / "begun"; }

    /// Tells outside of its container that it has begun, then prints its lines.
    [[nodiscard]] std::string commands(const std::string& stage) const
    {
        // What is left running holds the output open, and slot-init ends it: more of its calls, some seconds.
        return "echo " + stage + " >> /begun/$TF_VAR_spacelift_run_id; " + (long_mode() ? "sleep 60 & " : "")
            + generator_.shell(0, kLines, "0.002");
    }

    /// Attaches to the slots that are warm; whether there is one.
    bool trace_warm_slots()
    {
        const auto listed = run_program({"docker", "ps", "-q", "--no-trunc", "--filter",
            "label=io.slipway.warm", "--filter", "label=io.slipway.instance=" + instance()});
        REQUIRE(listed);
        std::istringstream ids{*listed};
        bool any = false;
        for (std::string id; ids >> id; any = true)
            if (!tracers_.contains(id))
                trace(id);
        return any;
    }

    /// Of a container's PID 1; 0: it has ended.
    static int pid_of(const std::string& id)
    {
        const auto pid = run_program({"docker", "inspect", "-f", "{{.State.Pid}}", id});
        return pid ? std::stoi(*pid) : 0;
    }

    void trace(const std::string& id)
    {
        const int pid = pid_of(id);
        if (pid == 0)
            return;
        auto tracer = Process::start(
            {.argv = {SLIPWAY_BIN_DIR "/fault_tracer", mode_, seen_file(), "--attach", std::to_string(pid)},
                .env = {},
                .directory = {},
                .log = world_.directory() / "tracer.log"});
        REQUIRE(tracer);
        if (tracer->read_until("attached", std::chrono::seconds{10}))
            tracers_.emplace(id, *std::move(tracer));
        else if (pid_of(id) != 0)
            FAIL("PID 1 of a container cannot be traced here; it takes CAP_SYS_PTRACE, and a ptrace_scope "
                 "below 3: "
                << last_words());
    }

    [[nodiscard]] std::string instance() const
    {
        auto text = read_file(world_.state_directory() / "instance", 4096);
        REQUIRE(text);
        text->erase(text->find_last_not_of(" \n") + 1);
        return *text;
    }

    void wait_traced()
    {
        REQUIRE(World::becomes_true([this] { return trace_warm_slots(); }));
    }

    RunView follow(const std::string& id, std::string_view rest)
    {
        const auto until = std::chrono::steady_clock::now() + kPatience;
        for (;;) {
            auto view = world_.run(id);
            if (view.terminal || std::ranges::count(view.history, rest) > 0)
                return view;
            if (std::chrono::steady_clock::now() > until)
                FAIL("the run does not come to its rest: " << view.json << '\n' << last_words());
            (void)trace_warm_slots(); // one of those takes the place of a slot that was killed
        }
    }

    [[nodiscard]] std::string last_words() const
    {
        std::string text;
        for (const char* name : {"launcher.log", "seen", "tracer.log"})
            if (const auto file = read_file_if_exists(world_.directory() / name, 64U << 20U); file && *file)
                text
                    += (*file)->substr((*file)->size() - std::min<std::size_t>((*file)->size(), 6000)) + "\n";
        return text;
    }

    void run_once()
    {
        const auto before = places();
        if (runs_++ > 0)
            wait_traced();
        const auto id = world_.start_run("web");
        auto view = follow(id, "UNCONFIRMED");
        if (!view.terminal) {
            wait_traced();
            world_.confirm(id);
            view = follow(id, "FINISHED");
        }
        view = world_.run(id);
        INFO(view.json << '\n' << world_.log(id) << '\n' << last_words());
        check(view, places() > before);
    }

    /// A run that met no fault is whole. One that met some may have failed, for a cause that is told.
    void check(const RunView& view, bool met)
    {
        CHECK(view.terminal);
        CHECK(world_.history().run(view.json));
        const auto applied = count_of(view.id, "apply");
        CHECK(applied <= 1);
        CHECK(count_of(view.id, "plan") <= 3);
        if (view.state == "FINISHED") {
            CHECK(applied == 1);
            if (!met)
                world_.history().generated_log(
                    view.id, world_.log(view.id), generator_.lines(0, kLines) + generator_.lines(0, kLines));
        } else {
            CHECK(met);
            CHECK(view.state == "FAILED");
            const auto why = cause_of(view);
            CHECK(why != "");
            ++failed_[why];
        }
        CHECK(generator_.first_break(world_.log(view.id)) == "");
    }

    /// What is said of the stage that failed the run.
    static std::string cause_of(const RunView& view)
    {
        const auto document = JsonDocument::parse(view.json);
        REQUIRE(document);
        const auto stages = document->root().at("stages");
        REQUIRE(stages);
        const auto elements = stages->elements();
        REQUIRE(elements);
        std::string text;
        for (const auto& stage : *elements) {
            const auto name = stage.string("name");
            const auto cause = stage.string("cause");
            const auto message = stage.string("message");
            REQUIRE((name && cause && message));
            if (!message->empty())
                text = *name + ": " + *cause + ": " + *message;
        }
        return text;
    }

    /// How often a stage of the run began.
    [[nodiscard]] std::ptrdiff_t count_of(const std::string& run, const std::string& stage) const
    {
        const auto text = read_file_if_exists(begun() / run, 4096);
        REQUIRE(text);
        std::istringstream lines{text->value_or("")};
        std::ptrdiff_t count = 0;
        for (std::string line; lines >> line;)
            count += line == stage ? 1 : 0;
        return count;
    }

    std::string mode_;
    ByteGenerator generator_{seed()};
    World world_;
    std::map<std::string, Process> tracers_; ///< By container.
    int runs_ = 0;
    std::map<std::string, int> failed_; ///< Runs, by what is said of them.
};

/// One of so many places, but all in the long mode.
std::string sampled(const std::string& mode, int every)
{
    return long_mode() ? mode : mode + "/" + std::to_string(every) + ":" + std::to_string(seed());
}

} // namespace

TEST_CASE("a slot whose PID 1 is killed at each system call that changes something ends its stage once")
{
    FaultySlots{sampled("kill", 4)}.run_until_all_is_seen();
}

TEST_CASE("a failure of each system call of a slot's PID 1, once, is repeated or told")
{
    const auto* mode = GENERATE("EINTR", "EMFILE", "ENOMEM", "EIO", "ENOSPC");
    CAPTURE(mode);
    FaultySlots{mode}.run_until_all_is_seen();
}
