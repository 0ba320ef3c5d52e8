#include "launcher/vela/expression_value.h"

#include "launcher/vela/regexp.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace slipway::vela::expression {

namespace {

Error error(std::string text) { return {Errc::invalid_input, std::move(text)}; }

Error cannot(std::string_view operation, const Value& left, const Value& right)
{
    return error("\"" + std::string{operation} + "\" does not take " + std::string{kind_of(left)} + " and "
        + std::string{kind_of(right)});
}

std::optional<double> number(const Value& value)
{
    if (const auto* whole = value.as<std::int64_t>())
        return static_cast<double>(*whole);
    if (const auto* broken = value.as<double>())
        return *broken;
    return std::nullopt;
}

/// No value: the two are of kinds that are never equal.
std::optional<bool> equal(const Value& left, const Value& right)
{
    if (left.is_nil() || right.is_nil())
        return left.is_nil() && right.is_nil();
    if (number(left) && number(right)) {
        if (left.as<std::int64_t>() != nullptr && right.as<std::int64_t>() != nullptr)
            return *left.as<std::int64_t>() == *right.as<std::int64_t>();
        return *number(left) == *number(right);
    }
    if (left.is.index() != right.is.index())
        return std::nullopt;
    if (const auto* list = left.as<List>())
        return std::ranges::equal(*list, *right.as<List>(),
            [](const Value& a, const Value& b) { return equal(a, b).value_or(false); });
    if (const auto* text = left.as<std::string>())
        return *text == *right.as<std::string>();
    return *left.as<bool>() == *right.as<bool>();
}

template <class T> bool ordered(std::string_view operation, const T& a, const T& b)
{
    if (operation == "<")
        return a < b;
    if (operation == "<=")
        return a <= b;
    return operation == ">" ? a > b : a >= b;
}

Result<Value> compare(std::string_view operation, const Value& left, const Value& right)
{
    if (left.as<std::string>() != nullptr && right.as<std::string>() != nullptr)
        return Value{ordered(operation, *left.as<std::string>(), *right.as<std::string>())};
    if (left.as<std::int64_t>() != nullptr && right.as<std::int64_t>() != nullptr)
        return Value{ordered(operation, *left.as<std::int64_t>(), *right.as<std::int64_t>())};
    if (number(left) && number(right))
        return Value{ordered(operation, *number(left), *number(right))};
    return cannot(operation, left, right);
}

Result<Value> find(const Value& sought, const Value& list)
{
    if (list.is_nil())
        return Value{false};
    const auto* values = list.as<List>();
    if (values == nullptr)
        return error("\"in\" needs a list on its right, not " + std::string{kind_of(list)});
    return Value{std::ranges::any_of(
        *values, [&](const Value& value) { return equal(sought, value).value_or(false); })};
}

Result<Value> search(std::string_view operation, const Value& left, const Value& right)
{
    if (left.is_nil() || right.is_nil())
        return Value{false};
    const auto* text = left.as<std::string>();
    const auto* part = right.as<std::string>();
    if (text == nullptr || part == nullptr)
        return cannot(operation, left, right);
    if (operation == "contains")
        return Value{text->find(*part) != std::string::npos};
    if (operation == "startsWith")
        return Value{text->starts_with(*part)};
    if (operation == "endsWith")
        return Value{text->ends_with(*part)};
    return Value{SLIPWAY_TRY(search_regexp(*part, *text)) == Matches::yes};
}

/// Wraps around, as Go's integers do.
Value whole_result(std::string_view operation, std::int64_t left, std::int64_t right)
{
    const auto a = static_cast<std::uint64_t>(left);
    const auto b = static_cast<std::uint64_t>(right);
    return Value{static_cast<std::int64_t>(operation == "+" ? a + b : operation == "-" ? a - b : a * b)};
}

Result<Value> calculate(std::string_view operation, const Value& left, const Value& right)
{
    const auto* a = left.as<std::int64_t>();
    const auto* b = right.as<std::int64_t>();
    if (operation == "%") {
        if (a == nullptr || b == nullptr)
            return cannot(operation, left, right);
        if (*b == 0)
            return error("division by zero");
        return Value{*b == -1 ? std::int64_t{0} : *a % *b};
    }
    const auto x = number(left);
    const auto y = number(right);
    if (!x || !y)
        return cannot(operation, left, right);
    if (operation == "/")
        return Value{*x / *y};
    if (operation == "**" || operation == "^")
        return Value{std::pow(*x, *y)};
    if (a != nullptr && b != nullptr)
        return whole_result(operation, *a, *b);
    return Value{operation == "+" ? *x + *y : operation == "-" ? *x - *y : *x * *y};
}

} // namespace

std::string_view kind_of(const Value& value)
{
    switch (value.is.index()) {
    case 0:
        return "nil";
    case 1:
        return "a boolean";
    case 2:
    case 3:
        return "a number";
    case 4:
        return "a string";
    default:
        return "a list";
    }
}

Result<Value> apply(std::string_view operation, const Value& left, const Value& right)
{
    if (operation == "==" || operation == "!=") {
        const auto same = equal(left, right);
        if (!same)
            return cannot(operation, left, right);
        return Value{*same == (operation == "==")};
    }
    if (operation == "in")
        return find(left, right);
    if (operation == "matches" || operation == "contains" || operation == "startsWith"
        || operation == "endsWith")
        return search(operation, left, right);
    if (operation == "<" || operation == "<=" || operation == ">" || operation == ">=")
        return compare(operation, left, right);
    if (operation == "+" && left.as<std::string>() != nullptr && right.as<std::string>() != nullptr)
        return Value{*left.as<std::string>() + *right.as<std::string>()};
    return calculate(operation, left, right);
}

Result<Value> negate(const Value& value)
{
    if (const auto* whole = value.as<std::int64_t>())
        return whole_result("-", 0, *whole);
    if (const auto* broken = value.as<double>())
        return Value{-*broken};
    return error("a sign needs a number, not " + std::string{kind_of(value)});
}

Result<Value> element(const Value& list, const Value& index)
{
    const auto* values = list.as<List>();
    const auto* place = index.as<std::int64_t>();
    if (values == nullptr || place == nullptr)
        return error(
            "only a list has elements, and they have numbers: this is " + std::string{kind_of(list)});
    const auto size = static_cast<std::int64_t>(values->size());
    const std::int64_t at = *place < 0 ? *place + size : *place;
    if (at < 0 || at >= size)
        return error("the list has no element " + std::to_string(*place));
    return (*values)[static_cast<std::size_t>(at)];
}

} // namespace slipway::vela::expression
