#include "test/e2e/vela_oracle.h"

#include <algorithm>
#include <set>

namespace slipway::test {

namespace {

/// What a list of a rule says; nothing: it is not there.
std::optional<bool> says(const std::vector<std::string>& list, const std::string& value)
{
    if (list.empty())
        return std::nullopt;
    return std::ranges::find(list, value) != list.end();
}

bool matches(const DrawnRules& rules, const std::string& status)
{
    // The two patterns that are drawn: the first one matches "main", the second one does not.
    const auto branch = says(rules.branch, "m*n");
    bool all = true;
    bool one = false;
    for (const auto& part : {says(rules.status, status), says(rules.event, "push"), branch})
        if (part) {
            all = all && *part;
            one = one || *part;
        }
    return rules.any ? one : all;
}

bool runs(const DrawnStep& step, bool failed)
{
    if (step.when.status.empty() && step.unless.status.empty())
        return !failed;
    const std::string status = failed ? "failure" : "success";
    if (!step.unless.empty() && matches(step.unless, status))
        return false;
    return step.when.empty() || matches(step.when, status);
}

std::string log_of(const DrawnStep& step, const std::set<std::string>& ran)
{
    std::string log;
    for (const auto& command : commands_of(step)) {
        log += "$ " + command + "\n";
        if (command.starts_with("for n in"))
            for (const auto& name : step.before)
                if (ran.contains(name))
                    log += name + " ran\n";
        if (command.starts_with("echo "))
            log += command.substr(5) + "\n";
        if (command == "false")
            break;
    }
    return log;
}

class Oracle {
public:
    void run(const DrawnStage& stage)
    {
        bool stage_failed = false;
        for (const auto& step : stage.steps) {
            if (broken_ || !runs(step, stage.independent ? stage_failed : failed_)) {
                build_.steps[step.name] = {.row = "killed 137", .log = ""};
                continue;
            }
            auto& told = build_.steps[step.name];
            told.row = step.code == 0 ? "success" : "failure " + std::to_string(step.code);
            broken_ = step.end == DrawnEnd::no_program; // whatever its rules say
            if (!broken_) {
                told.log = log_of(step, ran_);
                ran_.insert(step.name);
            }
            if (step.code != 0 && !step.continues)
                stage_failed = failed_ = true;
        }
    }

    ForetoldBuild take()
    {
        build_.status = broken_ ? "error" : failed_ ? "failure" : "success";
        return std::move(build_);
    }

private:
    bool failed_ = false;
    bool broken_ = false;
    std::set<std::string> ran_;
    ForetoldBuild build_;
};

} // namespace

ForetoldBuild foretell(const DrawnPipeline& pipeline)
{
    Oracle oracle;
    std::set<std::string> over;
    const auto is_there = [&](const std::string& name) {
        return std::ranges::any_of(
            pipeline.stages, [&](const DrawnStage& stage) { return stage.name == name; });
    };
    // One order of all that the needs allow.
    while (over.size() < pipeline.stages.size())
        for (const auto& stage : pipeline.stages) {
            const bool may = std::ranges::all_of(
                stage.needs, [&](const std::string& need) { return over.contains(need) || !is_there(need); });
            if (may && !over.contains(stage.name)) {
                oracle.run(stage);
                over.insert(stage.name);
            }
        }
    return oracle.take();
}

} // namespace slipway::test
