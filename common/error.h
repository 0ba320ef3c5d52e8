#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slipway {

/// What the caller of a failed operation can do about it.
enum class Errc : std::uint8_t {
    invalid_input, ///< The bytes or values that were given are wrong; repeating will not help.
    not_found, ///< The thing that was named does not exist.
    conflict, ///< It exists already, or its state does not allow the operation now.
    rejected, ///< A check said no: signature, certificate, permission, fence.
    unreachable, ///< The other side could not be reached or broke off; worth repeating.
    timed_out, ///< A deadline passed; whether the operation took effect is unknown.
    cancelled, ///< A stop was requested while waiting.
    exhausted, ///< A limit was reached: size, disk, places.
    internal, ///< A bug of ours or an unexpected failure of the system.
};

[[nodiscard]] std::string_view to_string(Errc code) noexcept;

/// A failure that someone can act on: a code for programs and a sentence for people. Context is added on
/// the way up with `in`, so that the whole text reads from the outermost action to the cause:
/// "starting job 7: pulling image: connection refused". Never holds a secret.
class [[nodiscard]] Error {
public:
    Error(Errc code, std::string message)
        : code_{code}
        , message_{std::move(message)}
    {
    }

    /// From `errno`; `action` says what failed, e.g. "opening /etc/x".
    static Error from_errno(std::string_view action, int error_number);

    [[nodiscard]] Errc code() const noexcept { return code_; }

    [[nodiscard]] const std::string& message() const noexcept { return message_; }

    /// The same failure seen from one level further out.
    [[nodiscard]] Error in(std::string_view action) const&;
    [[nodiscard]] Error in(std::string_view action) &&;

private:
    Errc code_;
    std::string message_;
};

} // namespace slipway
