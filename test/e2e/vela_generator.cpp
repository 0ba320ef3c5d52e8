#include "test/e2e/vela_generator.h"

#include <algorithm>
#include <set>

namespace slipway::test {

namespace {

class Drawing {
public:
    explicit Drawing(std::mt19937& dice)
        : dice_{dice}
    {
    }

    DrawnPipeline draw()
    {
        DrawnPipeline pipeline;
        for (std::uint32_t count = below(3); count > 0; --count)
            pipeline.services.push_back("service" + std::to_string(count));
        pipeline.of_stages = one_in(2);
        may_break_ = !pipeline.of_stages;
        // Whatever comes later finds the services up.
        DrawnStep ready;
        ready.name = "ready";
        ready.waits_for = pipeline.services;
        if (pipeline.of_stages)
            draw_stages(pipeline, ready);
        else {
            std::vector<std::string> before;
            pipeline.stages.push_back({.name = "", .needs = {}, .independent = false, .steps = {ready}});
            before.push_back(ready.name);
            draw_steps(pipeline.stages.front().steps, before, 2 + below(4), true);
        }
        return pipeline;
    }

private:
    std::uint32_t below(std::uint32_t end) { return static_cast<std::uint32_t>(dice_() % end); }

    bool one_in(std::uint32_t count) { return below(count) == 0; }

    DrawnRules draw_rules()
    {
        DrawnRules rules;
        for (const auto* status : {"success", "failure", "error"})
            if (one_in(2))
                rules.status.emplace_back(status);
        if (one_in(4))
            rules.event.emplace_back(one_in(2) ? "push" : "tag");
        if (one_in(4))
            rules.branch.emplace_back(one_in(2) ? "m*n" : "release/*");
        rules.any = one_in(3);
        return rules;
    }

    DrawnStep draw_step(bool may_fail)
    {
        DrawnStep step;
        step.name = "step" + std::to_string(++number_);
        if (one_in(3))
            step.when = draw_rules();
        if (one_in(6))
            step.unless = draw_rules();
        if (may_fail && one_in(3)) {
            const DrawnEnd ends[] = {DrawnEnd::exits, DrawnEnd::breaks_off, DrawnEnd::no_program};
            step.end = ends[below(may_break_ ? 3 : 2)];
            step.code = step.end == DrawnEnd::exits ? 2 + static_cast<int>(below(100))
                : step.end == DrawnEnd::breaks_off  ? 1
                                                    : 127;
        }
        step.continues = one_in(4);
        return step;
    }

    void draw_steps(
        std::vector<DrawnStep>& into, std::vector<std::string> before, std::uint32_t count, bool may_fail)
    {
        for (; count > 0; --count) {
            if (one_in(6)) {
                DrawnStep detached;
                detached.name = "step" + std::to_string(++number_);
                detached.end = DrawnEnd::detached;
                DrawnStep waiter;
                waiter.name = "step" + std::to_string(++number_);
                waiter.waits_for = {detached.name};
                // The two run together or not at all: neither has rules of its own.
                into.push_back(detached);
                into.push_back(waiter);
                before.insert(before.end(), {detached.name, waiter.name});
                continue;
            }
            auto step = draw_step(may_fail);
            step.before = before;
            before.push_back(step.name);
            into.push_back(std::move(step));
        }
    }

    void draw_stages(DrawnPipeline& pipeline, const DrawnStep& ready)
    {
        const std::size_t count = 2 + below(3);
        std::vector<std::set<std::size_t>> above(count); // all stages before one, by index
        std::vector<DrawnStage> stages(count);
        for (std::size_t index = 0; index < count; ++index) {
            stages[index].name = "stage" + std::to_string(index + 1);
            stages[index].needs = {"ready"};
            stages[index].independent = one_in(4);
            for (std::size_t other = 0; other < index; ++other)
                if (one_in(2)) {
                    stages[index].needs.push_back(stages[other].name);
                    above[index].insert(other);
                    above[index].insert(above[other].begin(), above[other].end());
                }
            if (one_in(4))
                stages[index].needs.emplace_back("gone");
        }
        for (std::size_t index = 0; index < count; ++index) {
            bool may_fail = true;
            for (std::size_t other = 0; other < count; ++other)
                may_fail = may_fail
                    && (other == index || stages[other].independent || above[index].contains(other)
                        || above[other].contains(index));
            std::vector<std::string> before{ready.name};
            for (const auto other : above[index])
                for (const auto& step : stages[other].steps)
                    before.push_back(step.name);
            draw_steps(stages[index].steps, before, 1 + below(2), may_fail);
        }
        std::ranges::shuffle(stages, dice_); // what is needed may be declared later
        pipeline.stages.push_back({.name = "ready", .needs = {}, .independent = false, .steps = {ready}});
        pipeline.stages.insert(pipeline.stages.end(), stages.begin(), stages.end());
    }

    std::mt19937& dice_;
    bool may_break_
        = false; ///< A step without a program ends what runs beside it, at whatever point that is.
    int number_ = 0;
};

} // namespace

DrawnPipeline draw_pipeline(std::mt19937& dice) { return Drawing{dice}.draw(); }

std::vector<std::string> commands_of(const DrawnStep& step)
{
    if (step.end == DrawnEnd::no_program)
        return {};
    std::vector<std::string> commands{"touch /vela/ran." + step.name};
    for (const auto& name : step.waits_for)
        commands.push_back("while ! test -e /vela/ran." + name + "; do sleep 0.02; done");
    if (!step.before.empty()) {
        std::string names;
        for (const auto& name : step.before)
            names += " " + name;
        commands.push_back("for n in" + names + "; do if test -e /vela/ran.$n; then echo $n ran; fi; done");
    }
    commands.push_back("echo here is " + step.name);
    if (step.end == DrawnEnd::breaks_off)
        commands.insert(commands.end(), {"false", "echo never"});
    if (step.end == DrawnEnd::exits)
        commands.push_back("exit " + std::to_string(step.code));
    if (step.end == DrawnEnd::detached)
        // What follows finds its whole log on its way.
        commands = {"echo here is " + step.name, "touch /vela/ran." + step.name + "; sleep 600"};
    return commands;
}

} // namespace slipway::test
