#include "common/protocol/git_source.h"

#include <catch2/catch.hpp>

#include <string>

using namespace slipway;
using namespace slipway::protocol;

namespace {

std::string refusal(std::string_view url)
{
    const auto checked = check_git_url(url);
    return checked ? "" : checked.error().message();
}

bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

} // namespace

TEST_CASE("a URL of a repository names a host or a path of the job's container, and no program")
{
    for (const char* good : {"https://git.example/a/b.git", "http://10.0.0.1:8080/x",
             "ssh://git@git.example:2222/a", "git@git.example:a/b.git", "git.example:a/b",
             "git://git.example/a", "file:///mnt/mirror/a.git", "private://gitlab/a/b", "ssh://[::1]/a"})
        CHECK(refusal(good).empty());
    for (const char* bad : {"", "-uhttps://x/y", "--upload-pack=touch /tmp/x", "ext::sh -c touch% /tmp/x",
             "ext::x", "fd::17/foo", "/etc", "../x", "a", "ftp://x/y", "https://", "https://host",
             "https://host/", "https:///x", "file://host/x", "ssh://-oProxyCommand=x/y", "ssh://-l@host/y",
             "-oProxyCommand=x:y", "git@-x:y", "host:", "host:-x", "https://host/a b", "https://host/a\nb",
             "https://host/a?token=x", "https://host/a#b"})
        CHECK_FALSE(refusal(bad).empty());
}

TEST_CASE("a URL of a repository with a password is refused with what to do instead, and is not repeated")
{
    for (const char* bad : {"https://bob:hunter2@git.example/a", "https://hunter2@git.example/a",
             "ssh://git:hunter2@git.example/a", "http://bob:hun@ter2@git.example/a",
             "bob:hunter2@git.example:a"}) {
        const auto words = refusal(bad);
        CHECK(holds(words, "GIT_PASSWORD"));
        CHECK_FALSE(holds(words, "hunter2"));
        CHECK_FALSE(holds(words, "ter2"));
    }
}

TEST_CASE("a ref is a name or a whole commit, and nothing that git would read as more")
{
    for (const char* good : {"", "main", "feature/x-1", "v1.2", "refs/heads/main",
             "0123456789abcdef0123456789abcdef01234567", "#1", "a@b"})
        CHECK(check_git_ref(good));
    for (const char* bad : {"-x", "--upload-pack=x", "a b", "a..b", "a:b", "a^", "a~1", "a?", "a*", "a[",
             "a\\b", "a@{1}", "/a", "a/", "a//b", "a.lock", "a.", "a\nb"})
        CHECK_FALSE(check_git_ref(bad));
    CHECK(is_git_commit("0123456789abcdef0123456789abcdef01234567"));
    CHECK_FALSE(is_git_commit("0123456789ABCDEF0123456789abcdef01234567"));
    CHECK_FALSE(is_git_commit("0123456"));
}
