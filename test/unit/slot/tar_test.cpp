#include "common/file.h"
#include "launcher/slot-init/tar/format.h"
#include "launcher/slot-init/tar/tar.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstring>

using namespace slipway;

namespace {

std::string entry(
    const std::string& name, char type, const std::string& content = {}, const std::string& link = {})
{
    slot::TarHeader header{};
    std::memcpy(header.name, name.data(), name.size());
    std::memcpy(header.link, link.data(), link.size());
    std::snprintf(header.mode, sizeof header.mode, "%07o", 0644U);
    std::snprintf(header.size, sizeof header.size, "%011zo", content.size());
    std::snprintf(header.mtime, sizeof header.mtime, "%011o", 1000U);
    header.type = type;
    std::memcpy(header.magic, "ustar", 6);
    std::snprintf(header.checksum, sizeof header.checksum, "%06o", slot::tar_checksum(header));
    std::string bytes{reinterpret_cast<const char*>(&header), sizeof header};
    bytes += content;
    return bytes + std::string((512 - content.size() % 512) % 512, '\0');
}

const std::string kEnd(1024, '\0');

/// Unpacks into `root`; the complaint, or empty when it went well.
std::string unpack(const std::string& archive, const std::filesystem::path& root)
{
    const test::TempDir work;
    REQUIRE(replace_file(work.path() / "in", archive));
    const UniqueFd in{::open((work.path() / "in").c_str(), O_RDONLY | O_CLOEXEC)};
    const UniqueFd err{::open((work.path() / "err").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    const UniqueFd directory{::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    const mode_t mask = ::umask(022);
    int error_number = 0;
    const bool done = slot::unpack_tar(in.get(), directory.get(), err.get(), error_number);
    ::umask(mask);
    const auto words = read_file(work.path() / "err", 4096);
    REQUIRE(words);
    return done ? "" : words->empty() ? "failed without words" : *words;
}

} // namespace

TEST_CASE("an archive of files, directories and links is unpacked", "[slot]")
{
    const test::TempDir root;
    CHECK(unpack(entry("d/", '5') + entry("d/f", '0', "text") + entry("d/s", '2', "", "/etc/passwd")
            + entry("h", '1', "", "d/f") + kEnd,
        root.path())
              .empty());
    CHECK(*read_file(root.path() / "h", 100) == "text");
    CHECK(std::filesystem::read_symlink(root.path() / "d/s") == "/etc/passwd");
}

TEST_CASE("no entry of an archive leads out of its directory", "[slot]")
{
    const test::TempDir outside;
    const test::TempDir root;
    const std::string out = outside.path().string();
    const auto archive = GENERATE_COPY(entry(out + "/x", '0', "bad") + kEnd, entry("../x", '0', "bad") + kEnd,
        entry("a/../../x", '0', "bad") + kEnd, entry("l", '2', "", out) + entry("l/x", '0', "bad") + kEnd,
        entry("l", '2', "", out) + entry("l/", '5') + entry("l/x", '0', "bad") + kEnd,
        entry("h", '1', "", out + "/y") + kEnd, entry("h", '1', "", "../y") + kEnd,
        entry("l", '2', "", out) + entry("h", '1', "", "l/y") + kEnd, entry("", '0', "bad") + kEnd,
        entry("..", '5') + kEnd);
    REQUIRE(replace_file(outside.path() / "y", "mine"));
    CHECK_FALSE(unpack(archive, root.path()).empty());
    CHECK_FALSE(std::filesystem::exists(outside.path() / "x"));
    CHECK(std::filesystem::hard_link_count(outside.path() / "y") == 1);
}

TEST_CASE("a file replaces a link instead of writing through it", "[slot]")
{
    const test::TempDir outside;
    const test::TempDir root;
    REQUIRE(replace_file(outside.path() / "y", "mine"));
    CHECK(unpack(entry("l", '2', "", outside.path() / "y") + entry("l", '0', "new") + kEnd, root.path())
              .empty());
    CHECK(*read_file(outside.path() / "y", 100) == "mine");
    CHECK(*read_file(root.path() / "l", 100) == "new");
}

TEST_CASE("devices, damaged headers and early ends are refused with words", "[slot]")
{
    const test::TempDir root;
    CHECK(unpack(entry("dev", '4') + kEnd, root.path()).find("device") != std::string::npos);
    CHECK(unpack(entry("fifo", '6') + kEnd, root.path()).find("fifo") != std::string::npos);
    CHECK(unpack(entry("f", 'D') + kEnd, root.path()).find("type 'D'") != std::string::npos);
    const std::string good = entry("f", '0', std::string(700, 'x')) + kEnd;
    for (std::size_t size = 0; size < 512 + 1024 + 512; size += 100)
        CHECK(unpack(good.substr(0, size), root.path()).find("ends early") != std::string::npos);
    std::string damaged = good;
    damaged[0] ^= 1;
    CHECK(unpack(damaged, root.path()).find("damaged") != std::string::npos);
}

TEST_CASE("extended headers name long paths and sizes, and broken ones are refused", "[slot]")
{
    const test::TempDir root;
    const std::string name(150, 'n');
    const std::string record = "160 path=" + name + "\n";
    REQUIRE(record.size() == 160);
    CHECK(unpack(entry("x", 'x', record) + entry("short", '0', "text") + kEnd, root.path()).empty());
    CHECK(*read_file(root.path() / name, 100) == "text");
    CHECK(
        unpack(entry("L", 'L', std::string(120, 'g') + '\0') + entry("short", '0', "gnu") + kEnd, root.path())
            .empty());
    CHECK(*read_file(root.path() / std::string(120, 'g'), 100) == "gnu");
    // The size of the file, not of the long-name entry between.
    CHECK(unpack(entry("x", 'x', "10 size=4\n") + entry("L", 'L', std::string(120, 'k') + '\0')
            + entry("s", '0', "four") + kEnd,
        root.path())
              .empty());
    CHECK(*read_file(root.path() / std::string(120, 'k'), 100) == "four");
    for (const std::string broken :
        {"5 p=a\n", "x", "999 path=a\n", "7 patha\n", "0 path=a\n", "9 size=xx\n"})
        CHECK_FALSE(unpack(entry("x", 'x', broken) + entry("s", '0') + kEnd, root.path()).empty());
    CHECK_FALSE(
        unpack(entry("L", 'L', std::string(5000, 'g')) + entry("s", '0') + kEnd, root.path()).empty());
}

TEST_CASE("the bytes of an old directory entry are passed over", "[slot]")
{
    const test::TempDir root;
    CHECK(unpack(entry("d/", '0', "bytes") + entry("f", '0', "text") + kEnd, root.path()).empty());
    CHECK(std::filesystem::is_directory(root.path() / "d"));
    CHECK(*read_file(root.path() / "f", 100) == "text");
}

TEST_CASE("directories get their own mode however deep they lie, or are refused", "[slot]")
{
    const test::TempDir root;
    std::string deep;
    std::string archive;
    const auto add = [&](int levels) {
        for (int i = 0; i < levels; ++i) {
            deep += "d/";
            const std::string record = " path=" + deep + "\n";
            const std::string digits = std::to_string(record.size() + (record.size() + 3 < 100 ? 2 : 3));
            archive += entry("x", 'x', digits + record) + entry("d", '5');
        }
    };
    add(200);
    CHECK(unpack(archive + kEnd, root.path()).empty());
    CHECK(std::filesystem::status(root.path() / deep).permissions() == std::filesystem::perms{0644});
    add(100);
    CHECK(unpack(archive + kEnd, root.path()).find("nested too deeply") != std::string::npos);
}
