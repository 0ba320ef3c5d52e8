#include "launcher/vela/expression_value.h"
#include "launcher/vela/glob.h"
#include "launcher/vela/substitute_functions.h"

#include <array>
#include <charconv>
#include <cmath>

namespace slipway::vela::expression {

namespace {

constexpr std::string_view kBlank = " \t\n\v\f\r";
constexpr std::size_t kMaxText = 1024 * 1024;

Error error(std::string text) { return {Errc::invalid_input, std::move(text)}; }

Result<std::string> text_of(const Value& value)
{
    if (const auto* text = value.as<std::string>())
        return *text;
    return error("a string is needed here, not " + std::string{kind_of(value)});
}

std::string show(double number)
{
    std::array<char, 64> buffer{};
    const auto [end, failure] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
    return failure == std::errc{} ? std::string{buffer.data(), end} : std::string{};
}

Result<Value> length(const List& arguments)
{
    if (const auto* list = arguments[0].as<List>())
        return Value{static_cast<std::int64_t>(list->size())};
    return Value{static_cast<std::int64_t>(to_characters(SLIPWAY_TRY(text_of(arguments[0]))).size())};
}

Result<Value> upper(const List& arguments)
{
    return Value{to_upper(SLIPWAY_TRY(text_of(arguments[0])), Extent::all)};
}

Result<Value> lower(const List& arguments)
{
    return Value{to_lower(SLIPWAY_TRY(text_of(arguments[0])), Extent::all)};
}

Result<Value> trim(const List& arguments)
{
    const auto text = SLIPWAY_TRY(text_of(arguments[0]));
    std::string of{kBlank};
    if (arguments.size() > 1)
        of = SLIPWAY_TRY(text_of(arguments[1]));
    const auto first = text.find_first_not_of(of);
    if (first == std::string::npos)
        return Value{std::string{}};
    return Value{text.substr(first, text.find_last_not_of(of) + 1 - first)};
}

Result<Value> trim_prefix(const List& arguments)
{
    const auto text = SLIPWAY_TRY(text_of(arguments[0]));
    const auto part = SLIPWAY_TRY(text_of(arguments[1]));
    return Value{text.starts_with(part) ? text.substr(part.size()) : text};
}

Result<Value> trim_suffix(const List& arguments)
{
    const auto text = SLIPWAY_TRY(text_of(arguments[0]));
    const auto part = SLIPWAY_TRY(text_of(arguments[1]));
    return Value{text.ends_with(part) ? text.substr(0, text.size() - part.size()) : text};
}

Result<Value> has_prefix(const List& arguments) { return apply("startsWith", arguments[0], arguments[1]); }

Result<Value> has_suffix(const List& arguments) { return apply("endsWith", arguments[0], arguments[1]); }

Result<Value> index_of(const List& arguments)
{
    const auto text = SLIPWAY_TRY(text_of(arguments[0]));
    const auto found = text.find(SLIPWAY_TRY(text_of(arguments[1])));
    return Value{found == std::string::npos ? std::int64_t{-1} : static_cast<std::int64_t>(found)};
}

Result<Value> replaced(const List& arguments)
{
    const auto text = SLIPWAY_TRY(text_of(arguments[0]));
    const auto part = SLIPWAY_TRY(text_of(arguments[1]));
    const auto with = SLIPWAY_TRY(text_of(arguments[2]));
    if (text.size() + 1 > kMaxText / (with.size() + 1))
        return error("the result may be larger than 1 MiB");
    return Value{replace(text, part, with, Extent::all)};
}

Result<Value> split(const List& arguments)
{
    const auto text = SLIPWAY_TRY(text_of(arguments[0]));
    const auto by = SLIPWAY_TRY(text_of(arguments[1]));
    if (by.empty())
        return error("split by an empty string is not supported");
    List parts;
    std::size_t from = 0;
    for (auto found = text.find(by); found != std::string::npos; found = text.find(by, from)) {
        parts.push_back({text.substr(from, found - from)});
        from = found + by.size();
    }
    parts.push_back({text.substr(from)});
    return Value{std::move(parts)};
}

Result<Value> to_integer(const List& arguments)
{
    const auto& value = arguments[0];
    if (value.as<std::int64_t>() != nullptr)
        return value;
    if (const auto* broken = value.as<double>()) {
        if (!(std::abs(*broken) < 9e18))
            return error("the number is too large for an integer");
        return Value{static_cast<std::int64_t>(*broken)};
    }
    const auto* const given = value.as<std::string>();
    if (given == nullptr)
        return text_of(value).error();
    const std::string_view text = *given;
    const char* begin = text.data() + (text.starts_with('+') && !text.starts_with("+-") ? 1 : 0);
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(begin, text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size())
        return error("the string is no integer");
    return Value{number};
}

Result<Value> to_float(const List& arguments)
{
    const auto& value = arguments[0];
    if (const auto* whole = value.as<std::int64_t>())
        return Value{static_cast<double>(*whole)};
    if (value.as<double>() != nullptr)
        return value;
    const auto text = SLIPWAY_TRY(text_of(value));
    double number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size())
        return error("the string is no number");
    return Value{number};
}

Result<Value> to_string(const List& arguments)
{
    const auto& value = arguments[0];
    if (value.is_nil())
        return Value{std::string{"<nil>"}};
    if (const auto* boolean = value.as<bool>())
        return Value{std::string{*boolean ? "true" : "false"}};
    if (const auto* whole = value.as<std::int64_t>())
        return Value{std::to_string(*whole)};
    if (const auto* broken = value.as<double>())
        return Value{show(*broken)};
    return Value{SLIPWAY_TRY(text_of(value))};
}

struct Function {
    std::string_view name;
    std::size_t least;
    std::size_t most;
    Result<Value> (*run)(const List&);
};

constexpr std::array<Function, 14> kFunctions{{{"len", 1, 1, length}, {"upper", 1, 1, upper},
    {"lower", 1, 1, lower}, {"trim", 1, 2, trim}, {"trimPrefix", 2, 2, trim_prefix},
    {"trimSuffix", 2, 2, trim_suffix}, {"hasPrefix", 2, 2, has_prefix}, {"hasSuffix", 2, 2, has_suffix},
    {"indexOf", 2, 2, index_of}, {"replace", 3, 3, replaced}, {"split", 2, 2, split},
    {"int", 1, 1, to_integer}, {"float", 1, 1, to_float}, {"string", 1, 1, to_string}}};

} // namespace

Result<Value> call(std::string_view function, const List& arguments)
{
    for (const auto& known : kFunctions) {
        if (known.name != function)
            continue;
        if (arguments.size() < known.least || arguments.size() > known.most)
            return error(std::string{function} + "() does not take " + std::to_string(arguments.size())
                + (arguments.size() == 1 ? " argument" : " arguments"));
        return known.run(arguments);
    }
    return Error{Errc::not_found, "the function " + std::string{function} + "() is not known"};
}

} // namespace slipway::vela::expression
