#pragma once

#include "common/result.h"

#include <cstddef>
#include <cstdint>

namespace slipway::launcher {

/// The number in a field of a tar header: octal digits, ended by a blank or NUL or by the field. `refusal` is
/// the code of the error when it is none.
template <std::size_t N> Result<std::uint64_t> tar_number(const char (&field)[N], Errc refusal)
{
    std::uint64_t value = 0;
    std::size_t i = 0;
    for (; i < N && field[i] >= '0' && field[i] <= '7'; ++i)
        value = value * 8 + static_cast<std::uint64_t>(field[i] - '0');
    if (i == 0 || (i < N && field[i] != ' ' && field[i] != '\0'))
        return Error{refusal, "the archive has a header that cannot be read"};
    return value;
}

} // namespace slipway::launcher
