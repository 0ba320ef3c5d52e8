#include "common/file.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <iterator>
#include <thread>

using namespace slipway;

namespace {

unsigned mode_of(const std::filesystem::path& path)
{
    struct stat info { };

    return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777U : 0;
}

std::ptrdiff_t entries(const std::filesystem::path& path)
{
    return std::distance(std::filesystem::directory_iterator{path}, {});
}

} // namespace

TEST_CASE("a file is read whole up to its limit")
{
    const test::TempDir directory;
    const auto path = directory.path() / "f";
    for (const std::size_t size : {0U, 1U, 65535U, 65536U, 65537U, 200000U}) {
        const std::string content(size, 'x');
        REQUIRE(replace_file(path, content));
        CHECK(*read_file(path, size) == content);
        if (size > 0) {
            const auto over = read_file(path, size - 1);
            REQUIRE_FALSE(over);
            CHECK(over.error().code() == Errc::exhausted);
        }
    }
}

TEST_CASE("a file that tells no size is read whole, too")
{
    const auto maps = read_file("/proc/self/smaps", 1 << 24);
    REQUIRE(maps);
    CHECK(maps->size() > 4096);
    CHECK(maps->find('\0') == std::string::npos);
    CHECK(maps->ends_with('\n'));
    CHECK(read_file("/proc/self/smaps", 4096).error().code() == Errc::exhausted);
}

TEST_CASE("a file that does not exist is an error or nothing, as the caller asks")
{
    const test::TempDir directory;
    const auto missing = directory.path() / "missing";
    CHECK(read_file(missing, 10).error().code() == Errc::not_found);
    CHECK(read_file(missing, 10).error().message().find(missing.string()) != std::string::npos);
    const auto nothing = read_file_if_exists(missing, 10);
    REQUIRE(nothing);
    CHECK_FALSE(nothing->has_value());
    REQUIRE(replace_file(missing, "now"));
    CHECK(read_file_if_exists(missing, 10)->value() == "now");
    CHECK_FALSE(read_file(directory.path(), 10));
    CHECK_FALSE(read_file_if_exists(directory.path(), 10));
}

TEST_CASE("a replaced file has the mode that was asked for and nothing stays beside it")
{
    const test::TempDir directory;
    const auto path = directory.path() / "f";
    REQUIRE(replace_file(path, "one", Durability::process, 0600));
    CHECK(mode_of(path) == 0600);
    REQUIRE(replace_file(path, "two", Durability::host, 0644));
    CHECK(mode_of(path) == 0644);
    CHECK(*read_file(path, 10) == "two");
    CHECK(entries(directory.path()) == 1);
}

TEST_CASE("a reader sees the old or the new content, never a part")
{
    const test::TempDir directory;
    const auto path = directory.path() / "f";
    const std::string old_content(100'000, 'a');
    const std::string new_content(50'000, 'b');
    REQUIRE(replace_file(path, old_content));
    std::atomic<bool> wrote{true};
    std::jthread writer{[&](std::stop_token stop) {
        for (int i = 0; !stop.stop_requested(); ++i)
            wrote = wrote && replace_file(path, i % 2 == 0 ? new_content : old_content).has_value();
    }};
    int torn = 0;
    for (int i = 0; i < 500; ++i) {
        const auto content = read_file(path, 1'000'000);
        torn += !content || (*content != old_content && *content != new_content);
    }
    writer.request_stop();
    writer.join();
    CHECK(torn == 0);
    CHECK(wrote);
}

TEST_CASE("a replacement that cannot be made leaves the old content")
{
    const test::TempDir directory;
    const auto path = directory.path() / "f";
    REQUIRE(replace_file(path, "old"));
    const auto target = directory.path() / "target";
    REQUIRE(replace_file(target, "untouched"));
    std::filesystem::create_symlink(target, directory.path() / "f.new");
    CHECK_FALSE(replace_file(path, "new")); // a link planted beside it is not followed
    CHECK(*read_file(path, 10) == "old");
    CHECK(*read_file(target, 10) == "untouched");
    CHECK_FALSE(replace_file(directory.path() / "no" / "f", "new"));
}

TEST_CASE("directories are made with their parents and removed with what is in them, links not followed")
{
    const test::TempDir directory;
    const auto deep = directory.path() / "a" / "b" / "c";
    REQUIRE(make_directories(deep));
    REQUIRE(make_directories(deep));
    CHECK(mode_of(deep) == 0700);
    CHECK(mode_of(directory.path() / "a") == 0700);
    const auto kept = directory.path() / "kept";
    REQUIRE(make_directories(kept));
    REQUIRE(replace_file(kept / "f", "x"));
    std::filesystem::create_directory_symlink(kept, deep / "link");
    REQUIRE(remove_tree(directory.path() / "a"));
    REQUIRE(remove_tree(directory.path() / "a"));
    CHECK(*read_file(kept / "f", 10) == "x");
    REQUIRE_FALSE(make_directories(kept / "f"));
    CHECK(make_directories(kept / "f" / "g").error().message().find("creating the directory") == 0);
}

TEST_CASE("all bytes are written, and a closed end is an error")
{
    const test::TempDir directory;
    const auto path = directory.path() / "f";
    {
        const auto fd = open_file(path, O_WRONLY | O_CREAT | O_EXCL);
        REQUIRE(fd);
        CHECK((::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC) != 0);
        REQUIRE(write_all(fd->get(), std::string(300'000, 'y')));
        REQUIRE(write_all(fd->get(), ""));
    }
    CHECK(read_file(path, 300'000)->size() == 300'000);
    CHECK(open_file(path, O_WRONLY | O_CREAT | O_EXCL).error().code() == Errc::conflict);
    const auto read_only = open_file(path, O_RDONLY);
    REQUIRE(read_only);
    CHECK_FALSE(write_all(read_only->get(), "z"));
}
