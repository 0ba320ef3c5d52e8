#include "common/file.h"
#include "launcher/slot-init/tar/tar.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace slipway;
using namespace slipway::test;
namespace fs = std::filesystem;

namespace {

/// A workspace and the same machine's files outside of it.
struct Machine {
    TempDir directory;
    fs::path workspace = directory.path() / "workspace";
    fs::path outside = directory.path() / "outside";
    fs::path unpacked = directory.path() / "unpacked";

    Machine()
    {
        for (const auto& path : {workspace, outside, unpacked})
            REQUIRE(make_directories(path));
    }

    static void write(const fs::path& path, std::string_view text)
    {
        REQUIRE(make_directories(path.parent_path()));
        REQUIRE(replace_file(path, text));
    }

    static std::string text(const fs::path& path) { return read_file(path, 1U << 20U).value_or("(absent)"); }

    /// Packs the workspace, or one file, and unpacks it elsewhere with tar; what packing said.
    std::string carry(const fs::path& file = {})
    {
        const fs::path archive = directory.path() / "archive.tar";
        const UniqueFd out{::open(archive.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
        const fs::path words = directory.path() / "words";
        const UniqueFd err{::open(words.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
        const UniqueFd from{::open((file.empty() ? workspace : file).c_str(), O_RDONLY | O_CLOEXEC)};
        packed = file.empty() ? slot::pack_tar(from.get(), out.get(), err.get())
                              : slot::pack_file(from.get(), file.c_str(), out.get(), err.get());
        if (packed)
            REQUIRE(run_program({"tar", "-xf", archive.string(), "-C", unpacked.string()}));
        return text(words);
    }

    bool packed = false;
};

} // namespace

TEST_CASE("a link that leads out of the workspace becomes what it leads to", "[slot]")
{
    Machine m;
    m.write(m.outside / "cache/registry/provider", "the plugin");
    m.write(m.outside / "one", "a file");
    fs::create_directory(m.workspace / ".terraform");
    fs::create_symlink(m.outside / "cache", m.workspace / ".terraform/providers");
    fs::create_symlink("../outside/one", m.workspace / "relative");
    CHECK(m.carry().empty());
    REQUIRE(m.packed);
    fs::remove_all(m.outside);
    CHECK_FALSE(fs::is_symlink(m.unpacked / ".terraform/providers"));
    CHECK(Machine::text(m.unpacked / ".terraform/providers/registry/provider") == "the plugin");
    CHECK(Machine::text(m.unpacked / "relative") == "a file");
}

TEST_CASE("a link within the workspace, to a device, into /proc or to nowhere stays a link", "[slot]")
{
    Machine m;
    m.write(m.workspace / "a/file", "text");
    fs::create_symlink("a/file", m.workspace / "relative");
    fs::create_symlink("../a", m.workspace / "a/up");
    fs::create_symlink(m.workspace / "a/file", m.workspace / "absolute");
    fs::create_symlink("/dev/null", m.workspace / "device");
    fs::create_symlink("/proc/self/status", m.workspace / "proc");
    fs::create_symlink("user@host:123", m.workspace / "nowhere");
    fs::create_symlink("loop", m.workspace / "loop");
    CHECK(m.carry().empty());
    REQUIRE(m.packed);
    const auto link = [&](const char* name) { return fs::read_symlink(m.unpacked / name).string(); };
    CHECK(link("relative") == "a/file");
    CHECK(link("a/up") == "../a");
    CHECK(link("absolute") == (m.workspace / "a/file").string());
    CHECK(link("device") == "/dev/null");
    CHECK(link("proc") == "/proc/self/status");
    CHECK(link("nowhere") == "user@host:123");
    CHECK(link("loop") == "loop");
}

TEST_CASE("links behind a link are followed once, and back into the workspace they stay links", "[slot]")
{
    Machine m;
    m.write(m.workspace / "inside", "text");
    m.write(m.outside / "tree/file", "text");
    fs::create_symlink(m.outside / "tree", m.workspace / "tree");
    fs::create_symlink(".", m.outside / "tree/self");
    fs::create_symlink("..", m.outside / "tree/above");
    fs::create_symlink(m.workspace / "inside", m.outside / "tree/back");
    fs::create_symlink(m.workspace, m.outside / "tree/workspace");
    CHECK(m.carry().empty());
    REQUIRE(m.packed);
    CHECK(fs::read_symlink(m.unpacked / "tree/self") == m.workspace / "tree");
    CHECK(fs::read_symlink(m.unpacked / "tree/back") == m.workspace / "inside");
    CHECK(fs::read_symlink(m.unpacked / "tree/workspace") == m.workspace);
    // The directory above comes once; the tree in it is the one that is being packed.
    CHECK(fs::is_directory(fs::symlink_status(m.unpacked / "tree/above")));
    CHECK(fs::read_symlink(m.unpacked / "tree/above/tree") == m.workspace / "tree");
}

TEST_CASE("a link to more than fits fails the packing with its name", "[slot]")
{
    Machine m;
    m.write(m.outside / "large", "");
    REQUIRE(::truncate((m.outside / "large").c_str(), 5LL << 30) == 0);
    fs::create_symlink(m.outside / "large", m.workspace / "provider");
    const auto words = m.carry();
    CHECK_FALSE(m.packed);
    CHECK(words.find("provider: ") != std::string::npos);
    CHECK(words.find("leads out of the workspace") != std::string::npos);
}

TEST_CASE("a link to what the user may not read fails the packing with its name", "[slot]")
{
    Machine m;
    m.write(m.outside / "secret/file", "text");
    fs::create_symlink(m.outside / "secret/file", m.workspace / "key");
    fs::permissions(m.directory.path(), fs::perms::others_exec | fs::perms::owner_all);
    fs::permissions(m.outside / "secret", fs::perms::owner_all);
    fs::permissions(m.workspace, fs::perms::all);
    const UniqueFd root{::open(m.workspace.c_str(), O_RDONLY | O_CLOEXEC)};
    int words[2] = {-1, -1};
    REQUIRE(::pipe2(words, O_CLOEXEC) == 0);
    const UniqueFd from{words[0]};
    UniqueFd to{words[1]};
    const UniqueFd null{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
    const pid_t child = ::fork();
    if (child == 0) {
        if (::setuid(1983) != 0)
            ::_exit(2);
        ::_exit(slot::pack_tar(root.get(), null.get(), to.get()) ? 0 : 1);
    }
    to = UniqueFd{};
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 1);
    std::string text(1000, '\0');
    const auto size = ::read(from.get(), text.data(), text.size());
    REQUIRE(size > 0);
    text.resize(static_cast<std::size_t>(size));
    CHECK(text.find("key: ") != std::string::npos);
    CHECK(text.find("Permission denied") != std::string::npos);
}

TEST_CASE("one file is packed under its name", "[slot]")
{
    Machine m;
    m.write(m.workspace / "source/terraform.tfstate", "{}");
    CHECK(m.carry(m.workspace / "source/terraform.tfstate").empty());
    REQUIRE(m.packed);
    CHECK(Machine::text(m.unpacked / "terraform.tfstate") == "{}");
}
