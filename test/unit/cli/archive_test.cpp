#include "common/file.h"
#include "mothership/cli/archive.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include <cstdlib>

using namespace slipway;
using namespace slipway::test;
using Catch::Matchers::Contains;

namespace {

void run(const std::string& command)
{
    INFO(command);
    REQUIRE(std::system(command.c_str()) == 0); // NOLINT(concurrency-mt-unsafe)
}

} // namespace

TEST_CASE("a packed directory unpacks to the same files, without .git and .terraform")
{
    const TempDir directory;
    const std::string root = directory.path().string();
    const std::string long_name(150, 'n');
    run("cd " + root + " && mkdir -p in/sub/" + long_name
        + " in/.git in/sub/.terraform out && echo hello >in/main.tf"
        + " && echo run >in/sub/go.sh && chmod 755 in/sub/go.sh && ln -s ../main.tf in/sub/link && echo x "
          ">in/.git/config"
        + " && echo x >in/sub/.terraform/lock && echo deep >in/sub/" + long_name + "/" + long_name);
    const auto packed = cli::pack_directory(directory.path() / "in", directory.path() / "a.tar");
    REQUIRE(packed);
    CHECK(*packed == 6);
    run("cd " + root
        + " && tar -C out -xf a.tar && rm -r in/.git in/sub/.terraform && diff -r --no-dereference in out");
    CHECK(std::filesystem::is_symlink(directory.path() / "out/sub/link"));

    struct stat info { };

    REQUIRE(::stat((root + "/out/sub/go.sh").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0755U);
}

TEST_CASE("the same directory gives the same archive")
{
    const TempDir directory;
    run("cd " + directory.path().string()
        + " && mkdir in && echo a >in/a && echo b >in/b && touch -d @1000000000 in/a in/b");
    REQUIRE(cli::pack_directory(directory.path() / "in", directory.path() / "1.tar"));
    REQUIRE(cli::pack_directory(directory.path() / "in", directory.path() / "2.tar"));
    run("cd " + directory.path().string() + " && cmp 1.tar 2.tar");
}

TEST_CASE("a name may have any bytes, whatever the locale")
{
    const TempDir directory;
    run("cd " + directory.path().string()
        + " && mkdir -p in/größe out && echo a >in/größe/é && printf b >\"$(printf 'in/\\377')\" && ln -s "
          "größe/é "
          "in/zu");
    REQUIRE(cli::pack_directory(directory.path() / "in", directory.path() / "a.tar"));
    run("cd " + directory.path().string() + " && tar -C out -xf a.tar && diff -r --no-dereference in out");
}

TEST_CASE("a directory that is too large is refused before it is packed")
{
    const TempDir directory;
    run("cd " + directory.path().string() + " && mkdir in && truncate -s 600 in/a && truncate -s 600 in/b");
    const auto packed = cli::pack_directory(directory.path() / "in", directory.path() / "a.tar", 1000);
    REQUIRE_FALSE(packed);
    CHECK(packed.error().code() == Errc::exhausted);
    CHECK_THAT(packed.error().message(), Contains("1.2 kB") && Contains("at most 1.0 kB"));
    CHECK_FALSE(std::filesystem::exists(directory.path() / "a.tar"));
    CHECK(cli::pack_directory(directory.path() / "in", directory.path() / "a.tar", 1200));
}

TEST_CASE("what cannot be part of a stack is refused by name")
{
    const TempDir directory;
    run("cd " + directory.path().string() + " && mkdir in && mkfifo in/pipe");
    const auto packed = cli::pack_directory(directory.path() / "in", directory.path() / "a.tar");
    REQUIRE_FALSE(packed);
    CHECK_THAT(packed.error().message(), Contains("pipe"));
    CHECK_FALSE(cli::pack_directory(directory.path() / "nothing", directory.path() / "b.tar"));
}

TEST_CASE("a name that a plain header holds gets no other")
{
    const TempDir directory;
    run("cd " + directory.path().string() + " && mkdir in && echo a >in/a");
    REQUIRE(cli::pack_directory(directory.path() / "in", directory.path() / "a.tar"));
    const auto archive = read_file(directory.path() / "a.tar", 65536);
    REQUIRE(archive);
    CHECK(archive->find("hdrcharset") == std::string::npos);
}
