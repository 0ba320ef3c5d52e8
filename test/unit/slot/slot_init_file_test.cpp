#include "common/file.h"
#include "launcher/slot/slot_init_file.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>

using namespace slipway;
using namespace slipway::slot;

TEST_CASE("slot-init is installed once, executable, and repaired when its file is damaged", "[slot]")
{
    const test::TempDir directory;
    const auto path = install_slot_init(directory.path() / "run");
    REQUIRE(path);
    CHECK(slot_init_bytes().substr(0, 4)
        == "\x7f"
           "ELF");
    CHECK(slot_init_bytes().size() < 1024 * 1024);

    struct stat first { };

    REQUIRE(::stat(path->c_str(), &first) == 0);
    CHECK((first.st_mode & 07777) == 0755);

    REQUIRE(install_slot_init(directory.path() / "run"));

    struct stat second { };

    REQUIRE(::stat(path->c_str(), &second) == 0);
    CHECK(first.st_ino == second.st_ino);

    REQUIRE(replace_file(*path, "torn"));
    const auto again = install_slot_init(directory.path() / "run");
    REQUIRE(again);
    CHECK(*again == *path);
    const auto content = read_file(*path, 2 * 1024 * 1024);
    REQUIRE(content);
    CHECK(*content == slot_init_bytes());
}
