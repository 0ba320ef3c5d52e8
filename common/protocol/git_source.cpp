#include "common/protocol/git_source.h"

#include <algorithm>
#include <array>
#include <string>

namespace slipway::protocol {

namespace {

constexpr std::size_t kMaxUrl = 2048;
constexpr std::size_t kMaxRef = 256;
constexpr std::array<std::string_view, 6> kSchemes{"https", "http", "ssh", "git", "file", "private"};
constexpr std::string_view kForms
    = "give https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH, or file:///PATH in the job's container";

Error bad(std::string_view what) { return {Errc::invalid_input, std::string{what}}; }

bool is_plain(std::string_view text)
{
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

Error password()
{
    return bad(
        "the URL of the repository holds a password or a token, which would be stored and shown: leave it "
        "out, and give the secret variables GIT_USERNAME and GIT_PASSWORD (slipway stack set STACK "
        "--secret-env GIT_PASSWORD)");
}

Result<void> check_host(std::string_view host)
{
    if (host.empty() || host.starts_with('-') || host.find('@') != std::string_view::npos)
        return bad("the URL of the repository names no host: " + std::string{kForms});
    return {};
}

/// "scheme://authority/path"
Result<void> check_with_scheme(std::string_view scheme, std::string_view rest)
{
    if (std::ranges::find(kSchemes, scheme) == kSchemes.end())
        return bad("the URL of the repository has a scheme that is not taken: " + std::string{kForms});
    if (rest.find_first_of("?#") != std::string_view::npos)
        return bad(
            "the URL of the repository has a \"?\" or \"#\", which is no part of a path to a repository");
    const auto slash = rest.find('/');
    if (slash == std::string_view::npos || slash + 1 == rest.size())
        return bad("the URL of the repository has no path: " + std::string{kForms});
    const auto authority = rest.substr(0, slash);
    if (scheme == "file")
        return authority.empty() ? Result<void>{}
                                 : bad("a file URL has three slashes, since it names no host: file:///PATH");
    const auto at = authority.rfind('@');
    const auto user = at == std::string_view::npos ? std::string_view{} : authority.substr(0, at);
    const bool web = scheme == "https" || scheme == "http";
    if (user.find(':') != std::string_view::npos || (web && at != std::string_view::npos))
        return password();
    if (user.starts_with('-'))
        return bad("the user in the URL of the repository begins with \"-\"");
    return check_host(at == std::string_view::npos ? authority : authority.substr(at + 1));
}

/// "user@host:path", as ssh's copy has it.
Result<void> check_scp_like(std::string_view url)
{
    const auto colon = url.find(':');
    const auto before = url.substr(0, std::min(colon, url.size()));
    if (colon == std::string_view::npos || before.find('/') != std::string_view::npos
        || colon + 1 == url.size())
        return bad("this is no URL of a repository: " + std::string{kForms});
    const auto at = before.find('@');
    const auto path = url.substr(colon + 1);
    if (path.starts_with('-'))
        return bad("the path of the repository begins with \"-\"");
    if (path.find('@') != std::string_view::npos)
        return password();
    return check_host(at == std::string_view::npos ? before : before.substr(at + 1));
}

} // namespace

Result<void> check_git_url(std::string_view url)
{
    if (url.empty() || url.size() > kMaxUrl || !is_plain(url))
        return bad("the URL of a repository has 1 to 2048 printable characters and no space");
    if (url.starts_with('-'))
        return bad("the URL of the repository begins with \"-\": git would take it for an option");
    constexpr std::string_view kSeparator = "://";
    const auto helper = url.find("::");
    if (helper != std::string_view::npos
        && url.substr(0, helper).find_first_of("/[") == std::string_view::npos)
        return bad("the URL of the repository asks for a program of git's (\"NAME::\"), which is not taken: "
            + std::string{kForms});
    const auto separator = url.find(kSeparator);
    if (separator != std::string_view::npos)
        return check_with_scheme(url.substr(0, separator), url.substr(separator + kSeparator.size()));
    return check_scp_like(url);
}

Result<void> check_git_ref(std::string_view ref)
{
    // git-check-ref-format(1)
    const bool good = ref.size() <= kMaxRef && is_plain(ref) && !ref.starts_with('-') && !ref.starts_with('/')
        && !ref.ends_with('/') && !ref.ends_with('.') && !ref.ends_with(".lock")
        && ref.find_first_of("~^:?*[\\") == std::string_view::npos && ref.find("..") == std::string_view::npos
        && ref.find("@{") == std::string_view::npos && ref.find("//") == std::string_view::npos;
    if (!good)
        return bad("\"" + std::string{ref.substr(0, kMaxRef)}
            + "\" is no ref: give a branch, a tag, refs/…, or a whole commit of 40 digits");
    return {};
}

bool is_git_commit(std::string_view text) noexcept
{
    return (text.size() == 40 || text.size() == 64)
        && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

} // namespace slipway::protocol
