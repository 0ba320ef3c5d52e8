#include "common/base64.h"
#include "common/file.h"
#include "common/json.h"
#include "test/support/world.h"

#include <catch2/catch.hpp>
#include <signal.h>

using namespace slipway;
using namespace slipway::test;

namespace {

bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// The files under a directory that hold `part`.
std::vector<std::string> files_with(const std::filesystem::path& directory, std::string_view part)
{
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{directory}) {
        if (!entry.is_regular_file())
            continue;
        const auto content = read_file(entry.path(), 1U << 30U);
        if (content && holds(*content, part))
            found.push_back(entry.path());
    }
    return found;
}

} // namespace

TEST_CASE("a masked value is nowhere: in the run's log, the control plane's directory, the launcher's output")
{
    const std::string value = "launcher-value-31415926";
    const std::string word = "added-word-27182818";
    World world;
    world.start_launcher({{"SPACELIFT_MASK_ENVS", "MASKED,STACK_SET"}, {"MASKED", value},
        {"SPACELIFT_RUN_LOGS_ON_STANDARD_OUTPUT_ENABLED", "true"}});
    // Slowly, so that it comes in pieces; and made anew from parts, so that no command holds the word.
    world.create_stack("web",
        {"echo begin $MASKED end", "printf %s \"$MASKED\" | base64", "printf %s \"x$MASKED\" | base64",
            "printf %s \"$MASKED\" | sed 's/./&\\n/g' | while read -r c; do printf %s \"$c\"; done; echo",
            "w=added-word-; w=${w}27182818; echo ::add-mask $w; echo word $w end",
            "echo key AKIAIOSFODNN7EXAMPLE end", "echo missing/$MASKED >&2; exit 3"},
        {"true"});
    const auto run = world.start_run("web");
    world.wait_run(run, [](const RunView& view) { return view.terminal; });

    const std::string log = world.log(run);
    CHECK(holds(log, "begin ***** end\n*****"));
    CHECK(holds(log, "\n::add-mask *****\nword ***** end\n"));
    CHECK(holds(log, "key ***** end\n"));
    CHECK(holds(log, "missing/*****\n"));
    world.launcher().signal(SIGTERM); // it ends when nothing of the run is left to do
    const auto ended = world.launcher().finish(std::chrono::seconds{20});
    REQUIRE(ended);
    CHECK(ended->first == 0);
    CHECK(holds(ended->second, R"("msg":"begin ***** end"})"));
    for (const auto& secret : {value, base64_encode(value), base64_encode("x" + value).substr(4, 28), word}) {
        INFO(secret);
        CHECK_FALSE(holds(log, secret));
        CHECK_FALSE(holds(ended->second, secret));
        CHECK(files_with(world.data_directory(), secret).empty());
        CHECK(files_with(world.directory(), secret).empty()); // the launcher's state and logs, too
    }
}

TEST_CASE("run logs are copied to the launcher's standard output, a line of JSON for each of theirs")
{
    World world;
    world.start_launcher({{"SPACELIFT_RUN_LOGS_ON_STANDARD_OUTPUT_ENABLED", "true"}});
    world.create_stack("web", {"echo one; echo two"}, {"true"});
    const auto run = world.start_run("web");
    world.wait_state(run, "UNCONFIRMED");
    const auto copied = world.launcher().read_until(R"("msg":"two"})", std::chrono::seconds{20});
    REQUIRE(copied);
    CHECK(holds(*copied, R"("run_ulid":")" + run + R"(","stack_id":")"));
    CHECK(holds(*copied, R"("msg":"[slipway] plan"})"));
    CHECK(holds(*copied, R"("msg":"one"})"));
}
