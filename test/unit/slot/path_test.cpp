#include "launcher/slot-init/exec/child.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

using namespace slipway;

TEST_CASE("a path is made with all that is missing in it", "[slot]")
{
    const test::TempDir work;
    const slot::Identity owner{
        .uid = ::geteuid(), .gid = ::getegid(), .groups = {}, .group_count = 0, .home = "/"};
    const auto path = work.path() / "a" / "b";
    CHECK(slot::make_path(path.c_str(), &owner));
    CHECK(slot::make_path((path.string() + "//").c_str(), &owner));
    CHECK(std::filesystem::is_directory(path));
    CHECK_FALSE(slot::make_path("relative", nullptr));
    CHECK_FALSE(slot::make_path((work.path() / std::string(300, 'n')).c_str(), nullptr));
}

TEST_CASE("no directory is made behind a link that someone else than root may have planted", "[slot]")
{
    const test::TempDir outside;
    const test::TempDir work;
    // Of another user, or writable for all.
    REQUIRE(::chmod(work.path().c_str(), 0777) == 0);
    std::filesystem::create_directory_symlink(outside.path(), work.path() / "link");
    CHECK_FALSE(slot::make_path((work.path() / "link" / "made").c_str(), nullptr));
    CHECK_FALSE(std::filesystem::exists(outside.path() / "made"));
}
