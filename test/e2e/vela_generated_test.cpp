#include "common/json.h"
#include "test/e2e/vela_generator.h"
#include "test/e2e/vela_lab.h"
#include "test/e2e/vela_oracle.h"
#include "test/support/seed.h"

#include <catch2/catch.hpp>

namespace slipway::test {

namespace {

void write_rules(JsonWriter& json, std::string_view name, const DrawnRules& rules)
{
    json.key(name).begin_object();
    for (const auto& [field, list] :
        {std::pair{"status", &rules.status}, {"event", &rules.event}, {"branch", &rules.branch}})
        if (!list->empty())
            json.string_list(field, *list);
    if (!rules.empty())
        json.field("operator", rules.any ? "or" : "and").field("matcher", "filepath");
    json.end_object();
}

VelaStep lab_step(const DrawnStep& step)
{
    JsonWriter json;
    json.begin_object();
    write_rules(json, "if", step.when);
    write_rules(json, "unless", step.unless);
    if (step.continues)
        json.flag("continue", true);
    json.end_object();
    std::string more = "\"ruleset\":" + json.take() + ",";
    if (step.end == DrawnEnd::detached)
        more += R"("detach":true,)";
    if (step.end == DrawnEnd::no_program)
        more += R"("entrypoint":["/no/such/program"],)";
    return {.name = step.name, .commands = commands_of(step), .image = {}, .more = more};
}

std::string services_json(const VelaLab& lab, const DrawnPipeline& pipeline)
{
    std::string list;
    int number = 0;
    for (const auto& name : pipeline.services) {
        const std::string command = "echo up; touch /vela/ran." + name + "; exec sleep 600";
        list += (list.empty() ? "" : ",")
            + lab.container(
                {.name = name,
                    .commands = {},
                    .image = {},
                    .more = R"("detach":true,"entrypoint":["/bin/sh","-c",")" + command + R"("],)"},
                ++number);
    }
    return list.empty() ? "" : "\"services\":[" + list + "],";
}

std::string pipeline_json(const VelaLab& lab, const DrawnPipeline& pipeline)
{
    std::vector<VelaLab::StageShape> stages;
    for (const auto& stage : pipeline.stages) {
        JsonWriter needs;
        needs.begin_object().string_list("needs", stage.needs).end_object();
        std::string more = needs.take();
        more = more.substr(1, more.size() - 2) + ",";
        if (stage.independent)
            more += R"("independent":true,)";
        VelaLab::StageShape shape{.name = stage.name, .more = more, .steps = {}};
        for (const auto& step : stage.steps)
            shape.steps.push_back(lab_step(step));
        stages.push_back(std::move(shape));
    }
    const auto services = services_json(lab, pipeline);
    return pipeline.of_stages ? lab.stages(stages, services) : lab.steps(stages.front().steps, services);
}

void check(VelaLab& lab, const std::string& build, const DrawnPipeline& pipeline)
{
    const auto foretold = foretell(pipeline);
    CHECK(lab.ended(build, std::chrono::seconds{90}).text("status") == foretold.status);
    CHECK(lab.step(build, 1) == "success");
    int number = 1;
    for (const auto& stage : pipeline.stages)
        for (const auto& step : stage.steps) {
            const auto& told = foretold.steps.at(step.name);
            ++number;
            INFO(stage.name << " " << step.name);
            CHECK(lab.step(build, number) == told.row);
            if (told.log)
                CHECK(lab.server().step_log(build, number) == *told.log);
        }
    for (std::size_t index = 1; index <= pipeline.services.size(); ++index) {
        const auto row = lab.server().service(build, static_cast<std::int64_t>(index));
        CHECK(row.text("status") == "success");
        CHECK(row.number("exit_code") == 0);
        CHECK(lab.server().service_log(build, static_cast<std::int64_t>(index)) == "up\n");
    }
}

} // namespace

TEST_CASE("drawn pipelines of a Vela server end as the rules of the original say")
{
    const int builds = long_mode() ? 150 : 4;
    VelaLab lab;
    std::mt19937 dice{seed()};
    lab.start({{"VELA_BUILD_LIMIT", "3"}});
    std::vector<std::tuple<std::string, std::string, DrawnPipeline>> drawn;
    for (int count = 0; count < builds; ++count) {
        auto pipeline = draw_pipeline(dice);
        auto json = pipeline_json(lab, pipeline);
        auto build = lab.push(json);
        drawn.emplace_back(std::move(build), std::move(json), std::move(pipeline));
    }
    for (const auto& [build, json, pipeline] : drawn) {
        INFO(build << ": " << json);
        check(lab, build, pipeline);
    }
    CHECK(lab.left_after_end() == "");
}

} // namespace slipway::test
