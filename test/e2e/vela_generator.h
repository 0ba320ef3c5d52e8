#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace slipway::test {

/// One half of a ruleset, as far as it is drawn.
struct DrawnRules {
    std::vector<std::string> status;
    std::vector<std::string> event;
    std::vector<std::string> branch;
    bool any = false; ///< One of them is enough.

    [[nodiscard]] bool empty() const { return status.empty() && event.empty() && branch.empty(); }
};

enum class DrawnEnd : std::uint8_t {
    well,
    exits, ///< With `code`, after its last command.
    breaks_off, ///< A command in the middle fails.
    no_program, ///< Its entrypoint is not there: the build ends with an error.
    detached, ///< Goes on to the end of the build.
};

struct DrawnStep {
    std::string name;
    DrawnEnd end = DrawnEnd::well;
    int code = 0;
    bool continues = false; ///< The build does not fail with it.
    DrawnRules when;
    DrawnRules unless;
    /// Names of steps and services that it waits for, by the files they leave.
    std::vector<std::string> waits_for;
    /// Names of steps that are over when it begins, those that were skipped too: it tells who of them ran.
    std::vector<std::string> before;
};

struct DrawnStage {
    std::string name;
    std::vector<std::string> needs; ///< Also one that is not there.
    bool independent = false;
    std::vector<DrawnStep> steps;
};

/// A pipeline whose end is the same however its parts run beside each other: a stage that may fail is before
/// or after every other one, but for the independent ones.
struct DrawnPipeline {
    std::vector<std::string> services;
    std::vector<DrawnStage> stages; ///< As declared. A pipeline of steps has one without a name.
    bool of_stages = false;
};

[[nodiscard]] DrawnPipeline draw_pipeline(std::mt19937& dice);

/// The commands of a step; none for one without a program.
[[nodiscard]] std::vector<std::string> commands_of(const DrawnStep& step);

} // namespace slipway::test
