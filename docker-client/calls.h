#pragma once

#include "common/http/url.h"
#include "common/result.h"

#include <string>
#include <string_view>

/// Paths of calls: private to this module.
namespace slipway::docker {

inline std::string container_path(std::string_view container, std::string_view call)
{
    return "/containers/" + http::percent_encode(container) + std::string{call};
}

/// Names and ids start with a letter or digit, and so does each part of an image's name. Anything else, ".."
/// above all, would make another call of the path.
inline Result<void> check_name(std::string_view what, std::string_view name)
{
    const char first = name.empty() ? '\0' : name.front();
    const bool starts_well
        = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || (first >= '0' && first <= '9');
    if (!starts_well || name.find("/.") != std::string_view::npos
        || name.find('\0') != std::string_view::npos)
        return Error{Errc::invalid_input, "docker: not the name of a" + std::string{what}};
    return {};
}

} // namespace slipway::docker
