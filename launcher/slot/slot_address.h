#pragma once

#include <sys/un.h>

#include <string_view>

namespace slipway::slot {

/// The address of a socket named `name` in the directory behind `directory`, short whatever the directory's
/// own path is: a socket's path ends at 107 bytes.
[[nodiscard]] sockaddr_un short_address(int directory, std::string_view name);

} // namespace slipway::slot
