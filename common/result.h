#pragma once

#include "common/error.h"

#include <cassert>
#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace slipway {

/// A value or the reason why there is none. Named like `std::expected`, which C++20 lacks.
/// "Nothing there" is no error: that is `Result<std::optional<T>>`.
template <class T> class [[nodiscard]] Result {
    static_assert(!std::is_same_v<T, bool>, "if (check()) would mean 'no error', not 'yes': return an enum");

public:
    using value_type = T;

    template <class U = T>
        requires std::constructible_from<T, U&&>
        && (!std::same_as<std::remove_cvref_t<U>, Result>) && (!std::same_as<std::remove_cvref_t<U>, Error>)
    Result(U&& value) // NOLINT(google-explicit-constructor): `return value;`
        : state_{std::in_place_index<0>, std::forward<U>(value)}
    {
    }

    Result(Error error) // NOLINT(google-explicit-constructor): `return error;`
        : state_{std::in_place_index<1>, std::move(error)}
    {
    }

    [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }

    explicit operator bool() const noexcept { return has_value(); }

    [[nodiscard]] T& operator*() & noexcept { return *value(); }

    [[nodiscard]] const T& operator*() const& noexcept { return *value(); }

    /// May be ignored: of an action that succeeded, the value is not always wanted (SLIPWAY_TRY).
    T&& operator*() && noexcept { return std::move(*value()); }

    [[nodiscard]] T* operator->() noexcept { return value(); }

    [[nodiscard]] const T* operator->() const noexcept { return value(); }

    [[nodiscard]] const Error& error() const& noexcept
    {
        assert(!has_value());
        return *std::get_if<1>(&state_);
    }

    [[nodiscard]] Error&& error() && noexcept
    {
        assert(!has_value());
        return std::move(*std::get_if<1>(&state_));
    }

    template <class U> [[nodiscard]] T value_or(U&& fallback) &&
    {
        return has_value() ? std::move(*value()) : static_cast<T>(std::forward<U>(fallback));
    }

private:
    [[nodiscard]] T* value() noexcept
    {
        assert(has_value());
        return std::get_if<0>(&state_);
    }

    [[nodiscard]] const T* value() const noexcept
    {
        assert(has_value());
        return std::get_if<0>(&state_);
    }

    std::variant<T, Error> state_;
};

template <> class [[nodiscard]] Result<void> {
public:
    Result() = default;

    Result(Error error) // NOLINT(google-explicit-constructor): `return error;`
        : error_{std::move(error)}
    {
    }

    [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }

    explicit operator bool() const noexcept { return has_value(); }

    void operator*() const noexcept { assert(has_value()); }

    [[nodiscard]] const Error& error() const& noexcept
    {
        assert(error_);
        return *error_;
    }

    [[nodiscard]] Error&& error() && noexcept
    {
        assert(error_);
        return std::move(*error_);
    }

private:
    std::optional<Error> error_;
};

/// Adds context to the failure of a call: `in("pulling image", docker.pull(name))`.
template <class T> [[nodiscard]] Result<T> in(std::string_view action, Result<T> result)
{
    if (result)
        return result;
    return std::move(result).error().in(action);
}

} // namespace slipway

/// The value of a `Result`, or an early return of its error. One a statement.
#define SLIPWAY_TRY(expr)                                                                                    \
    __extension__({                                                                                          \
        auto slipway_try_ = (expr);                                                                          \
        if (!slipway_try_)                                                                                   \
            return std::move(slipway_try_).error();                                                          \
        *std::move(slipway_try_);                                                                            \
    })
