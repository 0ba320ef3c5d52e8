#pragma once

#include "common/file.h"
#include "test/support/world.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace slipway::test {

struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
};

/// `slipway` as a person runs it, with an account of its own.
class Person {
public:
    explicit Person(const World& world)
        : directory_{world.directory() / "person"}
    {
        REQUIRE(make_directories(directory_));
        // cpprestsdk's thread pool outlives main and is reported now and then.
        REQUIRE(replace_file(directory_ / "suppressions", "leak:libcpprest\nleak:pplx\n"));
    }

    Outcome run(std::vector<std::string> arguments)
    {
        arguments.insert(arguments.begin(), SLIPWAY_BIN_DIR "/slipway");
        const auto log = directory_ / ("err-" + std::to_string(++runs_));
        auto process = Process::start({.argv = arguments,
            .env = {{"XDG_CONFIG_HOME", directory_.string()},
                {"LSAN_OPTIONS",
                    "print_suppressions=0:suppressions=" + (directory_ / "suppressions").string()}},
            .directory = directory_,
            .log = log});
        REQUIRE(process);
        auto ended = process->finish(std::chrono::minutes{1});
        REQUIRE(ended);
        return {.code = ended->first,
            .out = ended->second,
            .err = read_file_if_exists(log, 65536).value_or(std::nullopt).value_or("")};
    }

    /// Its output, when it succeeds.
    std::string must(const std::vector<std::string>& arguments)
    {
        const auto outcome = run(arguments);
        INFO(outcome.err);
        REQUIRE(outcome.code == 0);
        return outcome.out;
    }

    [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

private:
    std::filesystem::path directory_;
    int runs_ = 0;
};

} // namespace slipway::test
