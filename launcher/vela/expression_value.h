#pragma once

#include "common/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Values of the expr language and what is done to them.
namespace slipway::vela::expression {

struct Value;
using List = std::vector<Value>;

struct Value {
    std::variant<std::monostate, bool, std::int64_t, double, std::string, List> is;

    [[nodiscard]] bool is_nil() const { return std::holds_alternative<std::monostate>(is); }

    template <class T> [[nodiscard]] const T* as() const { return std::get_if<T>(&is); }
};

/// For messages: "a string".
[[nodiscard]] std::string_view kind_of(const Value& value);

/// The messages of their failures name no place: that is the caller's. `operation` is not and, or, ??.
[[nodiscard]] Result<Value> apply(std::string_view operation, const Value& left, const Value& right);
[[nodiscard]] Result<Value> negate(const Value& value);
[[nodiscard]] Result<Value> element(const Value& list, const Value& index);
/// A function of the language. `not_found`: there is none of that name.
[[nodiscard]] Result<Value> call(std::string_view function, const List& arguments);

} // namespace slipway::vela::expression
