#pragma once

#include <string>
#include <string_view>

namespace slipway::vela {

/// One word of a POSIX shell that means exactly this text.
[[nodiscard]] std::string shell_word(std::string_view text);

} // namespace slipway::vela
