#include "common/error.h"

#include <cerrno>
#include <system_error>

namespace slipway {

std::string_view to_string(Errc code) noexcept
{
    switch (code) {
    case Errc::invalid_input:
        return "invalid_input";
    case Errc::not_found:
        return "not_found";
    case Errc::conflict:
        return "conflict";
    case Errc::rejected:
        return "rejected";
    case Errc::unreachable:
        return "unreachable";
    case Errc::timed_out:
        return "timed_out";
    case Errc::cancelled:
        return "cancelled";
    case Errc::exhausted:
        return "exhausted";
    case Errc::internal:
        return "internal";
    }
    return "internal";
}

namespace {

Errc code_of(int error_number) noexcept
{
    switch (error_number) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH:
        return Errc::not_found;
    case EEXIST:
    case EBUSY:
    case ENOTEMPTY:
        return Errc::conflict;
    case EACCES:
    case EPERM:
        return Errc::rejected;
    case EROFS: // what a disk that fails is made: as one that is full
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EFBIG:
        return Errc::exhausted;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case ENETUNREACH:
    case EHOSTUNREACH:
        return Errc::unreachable;
    case ETIMEDOUT:
        return Errc::timed_out;
    case EINVAL:
    case ENAMETOOLONG:
    case ELOOP:
        return Errc::invalid_input;
    default:
        return Errc::internal;
    }
}

} // namespace

Error Error::from_errno(std::string_view action, int error_number)
{
    return {code_of(error_number),
        std::string{action} + ": " + std::error_code{error_number, std::generic_category()}.message()};
}

Error Error::in(std::string_view action) const& { return {code_, std::string{action} + ": " + message_}; }

Error Error::in(std::string_view action) &&
{
    message_.insert(0, ": ").insert(0, action);
    return std::move(*this);
}

} // namespace slipway
