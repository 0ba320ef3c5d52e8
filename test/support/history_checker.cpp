#include "test/support/history_checker.h"

#include "common/json.h"
#include "test/support/byte_generator.h"

#include <algorithm>
#include <map>
#include <utility>

namespace slipway::test {

namespace {

constexpr std::size_t kContext = 40;

/// Bytes around `place`, escaped as in JSON.
std::string around(std::string_view text, std::size_t place)
{
    const std::size_t from = place - std::min(place, kContext);
    JsonWriter json;
    json.value(text.substr(from, place - from + kContext));
    return json.take();
}

std::string generated_lines(std::string_view log)
{
    std::string lines;
    while (!log.empty()) {
        const std::size_t end = std::min(log.find('\n'), log.size() - 1);
        const auto line = log.substr(0, end + 1);
        // Anywhere in the line: a repeated half of a line must not hide behind the other half.
        if (line.find(ByteGenerator::kPrefix) != std::string_view::npos)
            lines += line;
        log.remove_prefix(end + 1);
    }
    return lines;
}

} // namespace

std::string first_difference(std::string_view actual, std::string_view expected)
{
    const auto [a, e] = std::ranges::mismatch(actual, expected);
    if (a == actual.end() && e == expected.end())
        return {};
    const auto place = static_cast<std::size_t>(a - actual.begin());
    const auto line = std::count(actual.begin(), a, '\n') + 1;
    std::string what = a == actual.end() ? "ends early" : e == expected.end() ? "goes on" : "differs";
    return what + " at byte " + std::to_string(place) + " (line " + std::to_string(line) + "; "
        + std::to_string(actual.size()) + " bytes, " + std::to_string(expected.size()) + " expected): got "
        + around(actual, place) + ", expected " + around(expected, place);
}

void History::started(std::string stage, Kind kind, std::string container, std::int64_t at)
{
    executions_.push_back({std::move(stage), kind, std::move(container), at, std::nullopt});
}

void History::exited(const std::string& container, std::int64_t at)
{
    for (auto& execution : executions_)
        if (execution.container == container && !execution.to)
            execution.to = at;
}

Result<void> History::run(std::string_view json)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(json));
    const auto root = document.root();
    const std::string id = SLIPWAY_TRY(root.string("id"));
    if (SLIPWAY_TRY(root.boolean("terminal")) == JsonValue::Boolean::no)
        noted_.push_back(
            "run " + id + " ended in no final state, but in " + SLIPWAY_TRY(root.string("state")));
    const auto stages = SLIPWAY_TRY(root.at("stages"));
    for (const auto& stage : SLIPWAY_TRY(stages.elements())) {
        const std::string name = "stage " + SLIPWAY_TRY(stage.string("id")) + " of run " + id;
        const std::string phase = SLIPWAY_TRY(stage.string("phase"));
        const bool holds = phase == "offered" || phase == "accepted" || phase == "started";
        if (SLIPWAY_TRY(root.boolean("terminal")) == JsonValue::Boolean::yes && holds)
            noted_.push_back(name + " is left in the hands of a worker");
        const auto attempts = SLIPWAY_TRY(stage.integer_or("attempts", 0));
        if (SLIPWAY_TRY(stage.string("kind")) == "write" && attempts > 1)
            noted_.push_back(
                name + " changes infrastructure and was started " + std::to_string(attempts) + " times");
    }
    return {};
}

void History::log(const std::string& stage, std::string_view actual, std::string_view expected)
{
    if (const auto difference = first_difference(actual, expected); !difference.empty())
        noted_.push_back("the log of stage " + stage + " " + difference);
}

void History::generated_log(const std::string& stage, std::string_view log, std::string_view expected)
{
    this->log(stage, generated_lines(log), expected);
}

void History::check_started_once(std::vector<std::string>& found) const
{
    if (starts_may_repeat_)
        return;
    std::map<std::string, int> starts;
    for (const auto& execution : executions_)
        if (execution.kind == Kind::write)
            ++starts[execution.stage];
    for (const auto& [stage, count] : starts)
        if (count > 1)
            found.push_back("stage " + stage + " changes infrastructure and was started "
                + std::to_string(count) + " times");
}

void History::check_overlap(std::vector<std::string>& found) const
{
    for (std::size_t i = 0; i < executions_.size(); ++i) {
        for (std::size_t k = i + 1; k < executions_.size(); ++k) {
            const auto* first = &executions_[i];
            const auto* second = &executions_[k];
            if (second->from < first->from)
                std::swap(first, second);
            if (first->stage == second->stage && (!first->to || *first->to > second->from))
                found.push_back("stage " + first->stage + " ran twice at once: in " + second->container
                    + " from " + std::to_string(second->from) + " on, in " + first->container + " until "
                    + (first->to ? std::to_string(*first->to) : "the end of the test"));
        }
    }
    for (const auto& execution : executions_)
        if (!execution.to)
            found.push_back(
                "container " + execution.container + " of stage " + execution.stage + " never stopped");
}

std::vector<std::string> History::problems() const
{
    std::vector<std::string> found;
    check_started_once(found);
    check_overlap(found);
    found.insert(found.end(), noted_.begin(), noted_.end());
    return found;
}

std::string History::report() const
{
    std::string text;
    for (const auto& problem : problems())
        text += problem + "\n";
    return text;
}

} // namespace slipway::test
