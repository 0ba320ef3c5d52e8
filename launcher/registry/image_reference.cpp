#include "launcher/registry/image_reference.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace slipway::launcher {

namespace {

constexpr std::string_view kDockerHub = "docker.io";
constexpr std::size_t kMaxName
    = 255; ///< Of the repository with its registry (reference.go, NameTotalLengthMax).
constexpr std::size_t kMaxTag = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

bool is_word(char c) { return is_digit(c) || is_lower(c) || is_upper(c) || c == '_'; }

bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

template <class Function> bool all_parts(std::string_view text, char separator, Function is_good)
{
    for (;;) {
        const auto end = text.find(separator);
        if (!is_good(text.substr(0, end)))
            return false;
        if (end == std::string_view::npos)
            return true;
        text.remove_prefix(end + 1);
    }
}

/// Letters and digits, between them ".", "_", "__" or any number of "-".
bool is_path_part(std::string_view text)
{
    const auto is_letter = [](char c) { return is_digit(c) || is_lower(c); };
    if (text.empty() || !is_letter(text.front()) || !is_letter(text.back()))
        return false;
    while (!text.empty()) {
        const auto* const from = std::ranges::find_if_not(text, is_letter);
        const auto* const to = std::find_if(from, text.end(), is_letter);
        const std::string_view between{from, to};
        if (!between.empty() && between != "." && between != "_" && between != "__"
            && between.find_first_not_of('-') != std::string_view::npos)
            return false;
        text.remove_prefix(static_cast<std::size_t>(to - text.begin()));
    }
    return true;
}

bool is_host_part(std::string_view text)
{
    return !text.empty() && text.front() != '-' && text.back() != '-'
        && std::ranges::all_of(text, [](char c) { return (is_word(c) && c != '_') || c == '-'; });
}

bool is_registry(std::string_view text)
{
    const auto after = text.starts_with('[') ? text.find(']') + 1 : text.find(':');
    const auto host = text.substr(0, after);
    const auto port = text.substr(std::min(host.size(), text.size()));
    if (!port.empty()
        && (port.size() < 2 || port.size() > 6 || port.front() != ':'
            || !std::ranges::all_of(port.substr(1), is_digit)))
        return false;
    if (host.starts_with('['))
        return host.size() > 3 && host.ends_with(']')
            && std::ranges::all_of(host.substr(1, host.size() - 2), [](char c) {
                   return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
               });
    return all_parts(host, '.', is_host_part);
}

bool is_tag(std::string_view text)
{
    return !text.empty() && text.size() <= kMaxTag && is_word(text.front())
        && std::ranges::all_of(text, [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

bool is_digest(std::string_view text)
{
    constexpr std::array<std::pair<std::string_view, std::size_t>, 3> kinds{
        {{"sha256:", 64}, {"sha384:", 96}, {"sha512:", 128}}};
    return std::ranges::any_of(kinds, [text](const auto& kind) {
        return text.starts_with(kind.first) && text.size() == kind.first.size() + kind.second
            && std::ranges::all_of(text.substr(kind.first.size()), is_hex);
    });
}

/// The part before the first slash is a registry when it cannot be the start of a repository on Docker Hub.
bool names_registry(std::string_view first)
{
    return first.find_first_of(".:") != std::string_view::npos || first == "localhost"
        || std::ranges::any_of(first, is_upper);
}

Error wrong(std::string_view text)
{
    return {Errc::invalid_input,
        "\"" + std::string{text.substr(0, kMaxName)}
            + "\" is not the name of an image: give registry/name:tag or registry/name@sha256:…"};
}

} // namespace

bool is_image_id(std::string_view text)
{
    return (text.starts_with("sha256:") && is_digest(text))
        || (text.size() == 64 && std::ranges::all_of(text, is_hex));
}

Result<ImageReference> parse_image_reference(std::string_view text)
{
    ImageReference image;
    std::string_view name = text;
    if (const auto at = name.find('@'); at != std::string_view::npos) {
        image.digest = name.substr(at + 1);
        name = name.substr(0, at);
        if (!is_digest(image.digest))
            return wrong(text);
    }
    const auto slash = name.rfind('/');
    const auto colon = name.rfind(':');
    if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
        image.tag = name.substr(colon + 1);
        name = name.substr(0, colon);
        if (!is_tag(image.tag))
            return wrong(text);
    } else if (image.digest.empty()) {
        image.tag = "latest";
    }
    const auto first = name.substr(0, name.find('/'));
    if (first.size() < name.size() && names_registry(first)) {
        image.registry = first;
        image.repository = name.substr(first.size() + 1);
    } else {
        image.registry = kDockerHub;
        image.repository = name;
    }
    if (image.registry == "index.docker.io")
        image.registry = kDockerHub;
    if (image.registry == kDockerHub && image.repository.find('/') == std::string::npos)
        image.repository = "library/" + image.repository;
    if (is_image_id(text) || !is_registry(image.registry) || image.place().size() > kMaxName
        || !all_parts(image.repository, '/', is_path_part))
        return wrong(text);
    return image;
}

} // namespace slipway::launcher
