#include "test/support/vela_row.h"

#include <algorithm>
#include <stdexcept>

namespace slipway::test {

namespace {

constexpr JsonLimits kLimits{.max_bytes = 64UL * 1024 * 1024, .max_depth = 64};

} // namespace

VelaRow::VelaRow(std::string_view json)
{
    const auto document = JsonDocument::parse(json, kLimits);
    if (!document)
        throw std::runtime_error{document.error().message()};
    const auto members = document->root().members();
    if (!members)
        throw std::runtime_error{members.error().message()};
    for (const auto& [name, value] : *members)
        members_.emplace_back(name, value.dump());
}

VelaRow& VelaRow::set(std::string_view name, std::string json)
{
    const auto found = std::ranges::find(members_, name, &std::pair<std::string, std::string>::first);
    if (found == members_.end())
        members_.emplace_back(name, std::move(json));
    else
        found->second = std::move(json);
    return *this;
}

VelaRow& VelaRow::set(std::string_view name, std::int64_t number)
{
    return set(name, std::to_string(number));
}

VelaRow& VelaRow::set_text(std::string_view name, std::string_view text)
{
    JsonWriter json;
    json.value(text);
    return set(name, json.take());
}

void VelaRow::take(const JsonValue& update, const std::vector<std::string_view>& names)
{
    for (const auto name : names) {
        const auto value = update.find(name);
        if (!value || !*value)
            continue;
        auto json = (*value)->dump();
        if (json != "0" && json != "\"\"" && json != "null")
            set(name, std::move(json));
    }
}

std::string VelaRow::json(std::string_view name) const
{
    const auto found = std::ranges::find(members_, name, &std::pair<std::string, std::string>::first);
    return found == members_.end() ? "null" : found->second;
}

std::string VelaRow::text(std::string_view name) const
{
    const auto document = JsonDocument::parse("[" + json(name) + "]", kLimits);
    const auto value = document ? document->root().elements() : document.error();
    return value ? value->front().string().value_or("") : "";
}

std::int64_t VelaRow::number(std::string_view name) const
{
    const auto document = JsonDocument::parse("[" + json(name) + "]", kLimits);
    const auto value = document ? document->root().elements() : document.error();
    return value ? value->front().integer().value_or(0) : 0;
}

std::string VelaRow::dump() const
{
    JsonWriter json;
    json.begin_object();
    for (const auto& [name, value] : members_)
        json.key(name).raw(value);
    json.end_object();
    return json.take();
}

} // namespace slipway::test
