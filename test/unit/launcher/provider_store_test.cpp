#include "common/file.h"
#include "launcher/file_tar.h"
#include "launcher/provider_cache/provider_store.h"
#include "launcher/slot-init/tar/tar.h"
#include "test/support/manual_clock.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <thread>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

/// What the program of a plugin begins with on this machine.
std::string elf()
{
    auto head = read_file("/proc/self/exe", 1U << 31U).value_or("").substr(0, 64);
    head[7] = 0; // elf(5): EI_OSABI
    return head;
}

std::vector<TarFile> package(const std::string& content = "", const std::string& head = elf())
{
    return {{.path = "terraform-provider-null_v1", .content = head + content, .mode = 0644},
        {.path = "LICENSE", .content = "free"}, {.path = "docs/a.md", .content = content}};
}

std::string tar_of(const std::vector<TarFile>& files) { return make_tar(files).value_or("(no archive)"); }

/// By programs that know nothing of ours: sha256sum writes the very lines that are hashed.
std::string hash_of(const fs::path& directory)
{
    const auto made = run_program({"sh", "-c",
        "cd '" + directory.string()
            + "' && find . -type f | sed 's|^\\./||' | LC_ALL=C sort | xargs sha256sum | sha256sum"});
    REQUIRE(made);
    return made->substr(0, 64);
}

struct StoreHouse {
    TempDir directory;
    ManualClock clock;
    SystemRandom random;
    std::unique_ptr<ProviderStore> store;

    explicit StoreHouse(std::uint64_t max_bytes = 0) { open(max_bytes); }

    void open(std::uint64_t max_bytes = 0)
    {
        store.reset();
        auto opened = ProviderStore::open(
            {.directory = directory.path(), .max_bytes = max_bytes, .keep_for = 2h}, clock, random);
        INFO((opened ? "" : opened.error().message()));
        REQUIRE(opened);
        store = *std::move(opened);
    }

    Result<std::string> add(std::string_view tar, const std::vector<std::string>& hashes)
    {
        auto intake = SLIPWAY_TRY(store->receive());
        REQUIRE(intake);
        // As it comes: in pieces that know nothing of blocks.
        for (std::size_t at = 0; at < tar.size(); at += 700)
            SLIPWAY_TRY(intake->push(tar.substr(at, 700)));
        return intake->keep(hashes);
    }

    /// The hash, by the refusal to keep it under another.
    std::string add(const std::string& content)
    {
        const TempDir plain;
        for (const auto& file : package(content)) {
            REQUIRE(make_directories((plain.path() / file.path).parent_path()));
            REQUIRE(replace_file(plain.path() / file.path, file.content));
        }
        const auto hash = hash_of(plain.path());
        const auto kept = add(tar_of(package(content)), {std::string(64, 'e'), hash});
        INFO((kept ? "" : kept.error().message()));
        REQUIRE(kept);
        CHECK(*kept == hash);
        return hash;
    }

    [[nodiscard]] bool is_clean() const { return fs::is_empty(directory.path() / "incoming"); }

    std::string refusal_of(const std::vector<TarFile>& files) { return refusal_of(tar_of(files)); }

    std::string refusal_of(const std::string& tar)
    {
        const auto kept = add(tar, {std::string(64, 'e')});
        REQUIRE_FALSE(kept);
        CHECK(kept.error().code() == Errc::rejected);
        CHECK(is_clean());
        CHECK(fs::is_empty(store->packages()));
        return kept.error().message();
    }
};

std::string open_refusal(const fs::path& directory)
{
    const ManualClock clock;
    SystemRandom random;
    const auto opened = ProviderStore::open({.directory = directory}, clock, random);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code() == Errc::invalid_input);
    CHECK_THAT(opened.error().message(), Contains("SLIPWAY_PROVIDER_CACHE: " + directory.string()));
    return opened.error().message();
}

} // namespace

TEST_CASE("a package is kept under the hash of what was received, to read and run for everyone")
{
    StoreHouse house;
    const auto old_mask = ::umask(0077);
    const auto hash = house.add("first");
    ::umask(old_mask);
    CHECK(hash_of(house.store->packages() / hash) == hash);
    CHECK(house.store->use(hash) == std::optional<std::uint64_t>{64 + 5 + 4 + 5});
    CHECK_FALSE(house.store->use(std::string(64, '0')));
    const auto mode
        = [&](const fs::path& path) { return fs::status(house.store->packages() / path).permissions(); };
    CHECK(mode(".") == fs::perms{0711}); // not to be listed
    CHECK(mode(hash) == fs::perms{0755});
    CHECK(mode(fs::path{hash} / "docs") == fs::perms{0755});
    CHECK(mode(fs::path{hash} / "terraform-provider-null_v1") == fs::perms{0555});
    CHECK(mode(fs::path{hash} / "docs/a.md") == fs::perms{0555});
    CHECK(house.is_clean());
    house.open(); // by the next process
    CHECK(house.store->use(hash));
}

TEST_CASE("what slot-init packs is received, with names longer than a header holds")
{
    StoreHouse house;
    const TempDir source;
    const auto deep = source.path() / std::string(90, 'a') / std::string(90, 'b');
    REQUIRE(make_directories(deep));
    REQUIRE(replace_file(deep / "file", std::string(100'000, 'x')));
    REQUIRE(replace_file(source.path() / "terraform-provider-null", elf()));
    REQUIRE(replace_file(source.path() / "empty", ""));
    const auto out = open_file(source.path().string() + ".tar", O_RDWR | O_CREAT | O_EXCL);
    const auto root = open_file(source.path(), O_RDONLY | O_DIRECTORY);
    REQUIRE((out && root));
    REQUIRE(slot::pack_tar(root->get(), out->get(), 2));
    const auto tar = read_file(source.path().string() + ".tar", 1U << 24U);
    fs::remove(source.path().string() + ".tar");
    REQUIRE(tar);
    const auto hash = hash_of(source.path());
    CHECK(house.add(*tar, {hash}).value_or("") == hash);
    CHECK(hash_of(house.store->packages() / hash) == hash);
    CHECK(
        house.add(tar->substr(0, tar->size() - 1024), {hash}).error().message() == "the archive is cut off");
    CHECK_FALSE(house.add(*tar + "x", {hash}));
}

TEST_CASE("a package that the lock file does not name, or that no machine like this runs, is not kept")
{
    StoreHouse house;
    CHECK_THAT(house.refusal_of(package("planted")), Contains("does not name its hash"));
    auto foreign = elf();
    foreign[18] = static_cast<char>(foreign[18] ^ 1); // elf(5): e_machine
    CHECK_THAT(house.refusal_of(package("", foreign)), Contains("no program terraform-provider-"));
    foreign = elf();
    foreign[7] = 9; // FreeBSD
    CHECK_THAT(house.refusal_of(package("", foreign)), Contains("no program terraform-provider-"));
    CHECK_THAT(house.refusal_of(package("", "#!/bin/sh\n")), Contains("no program terraform-provider-"));
    CHECK_THAT(house.refusal_of(std::vector<TarFile>{}), Contains("no program"));
}

TEST_CASE("an archive with anything but files under their own names is refused, and leaves nothing")
{
    StoreHouse house;
    auto files = package();
    files[1].content.clear();
    files[1].link = "/etc/shadow";
    CHECK_THAT(house.refusal_of(files), Contains("neither a file nor a directory"));
    CHECK_THAT(house.refusal_of(tar_of(package()).replace(0, 9, "../../etc")), Contains("header"));
    const auto named = [](std::string_view name) {
        auto tar = tar_of({{.path = std::string(name.size(), 'x'), .content = elf()}});
        // The sum stays: what one byte gains another one of the header loses.
        int gained = 0;
        for (std::size_t i = 0; i < name.size(); ++i) {
            gained += static_cast<unsigned char>(name[i]) - 'x';
            tar[i] = name[i];
        }
        for (std::size_t at = 500; gained != 0; --at) {
            const int part = std::clamp(-gained, 0, 255);
            tar[at] = static_cast<char>(part);
            gained += part;
        }
        return tar;
    };
    for (const std::string_view name : {"../up", "/etc/x", "a//b", "./a", "a/..", "a\nb"}) {
        INFO(name);
        CHECK_THAT(house.refusal_of(named(name)), Contains("name that no file of a provider has"));
    }
    auto twice = package();
    twice.push_back(twice.front());
    CHECK_THAT(house.refusal_of(twice), Contains("twice"));
    CHECK_THAT(house.refusal_of(std::string(2000, 'x')), Contains("header"));
}

TEST_CASE("an archive of more bytes or files than a provider has is refused before they are written")
{
    const TempDir directory;
    PackageReceiver small{directory.path(), {.bytes = 70, .entries = 2}};
    const auto refused = small.push(tar_of(package("0123456789")));
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message(), Contains("larger than 70 bytes"));
    CHECK_FALSE(small.push(tar_of({{.path = "a", .content = ""}})));
    CHECK_FALSE(std::filesystem::exists(directory.path() / "a"));
    const TempDir other;
    PackageReceiver few{other.path(), {.bytes = 1000, .entries = 2}};
    const auto too_many = few.push(tar_of(package()));
    REQUIRE_FALSE(too_many);
    CHECK_THAT(too_many.error().message(), Contains("more than 2 files"));
}

TEST_CASE("the package that was not used for the longest time makes room, and never one that a job may use")
{
    StoreHouse house{300};
    const auto a = house.add(std::string(30, 'a')); // 64 + 30 + 4 + 30 bytes each
    house.clock.advance(1min);
    const auto b = house.add(std::string(30, 'b'));
    house.clock.advance(1min);
    const auto refused = house.add(tar_of(package(std::string(30, 'c'))), {});
    CHECK(refused.error().code() == Errc::rejected);
    house.clock.advance(3h);
    CHECK(house.store->use(a)); // the older one, and in use now
    const auto c = house.add(std::string(30, 'c'));
    CHECK(house.store->use(a));
    CHECK_FALSE(house.store->use(b));
    CHECK(house.store->use(c));
    CHECK_FALSE(fs::exists(house.store->packages() / b));
    // Both may be in use: nothing makes room.
    const TempDir plain;
    auto files = package(std::string(30, 'd'));
    for (const auto& file : files) {
        REQUIRE(make_directories((plain.path() / file.path).parent_path()));
        REQUIRE(replace_file(plain.path() / file.path, file.content));
    }
    const auto full = house.add(tar_of(files), {hash_of(plain.path())});
    REQUIRE_FALSE(full);
    CHECK(full.error().code() == Errc::exhausted);
    CHECK(house.is_clean());
    // The order survives the process, uses included.
    house.clock.advance(3h);
    CHECK(house.store->use(a));
    house.clock.advance(3h);
    house.open(300);
    house.add(std::string(30, 'e'));
    CHECK(house.store->use(a));
    CHECK_FALSE(house.store->use(c));
}

TEST_CASE("one package comes in at a time, and what a crash left is removed")
{
    StoreHouse house;
    {
        const auto first = house.store->receive();
        REQUIRE((first && *first));
        std::thread{[&] {
            const auto second = house.store->receive();
            CHECK((second && !*second));
        }}.join();
        CHECK_FALSE(house.is_clean());
    }
    CHECK(house.is_clean());
    const auto hash = house.add("kept");
    const auto lost = house.add("lost");
    REQUIRE(replace_file(house.directory.path() / "index" / lost, "12")); // torn
    REQUIRE(make_directories(house.directory.path() / "incoming/half"));
    REQUIRE(make_directories(house.store->packages() / std::string(64, 'a')));
    REQUIRE(replace_file(house.directory.path() / "index" / std::string(64, 'b'), "12\n"));
    house.open();
    CHECK(house.store->use(hash));
    CHECK_FALSE(house.store->use(lost));
    CHECK_FALSE(house.store->use(std::string(64, 'b')));
    CHECK(house.is_clean());
    CHECK(std::distance(fs::directory_iterator{house.store->packages()}, {}) == 1);
}

TEST_CASE("a directory that cannot hold the provider cache is refused, with the variable and the remedy")
{
    CHECK_THAT(open_refusal("/no/such/directory"), Contains("make the directory"));
    CHECK_THAT(open_refusal("/proc/self"), Contains("is no provider cache's: name an empty directory"));
    const TempDir directory;
    REQUIRE(replace_file(directory.path() / "file", ""));
    CHECK_THAT(open_refusal(directory.path()), Contains("holds \"file\""));
    CHECK_THAT(open_refusal(directory.path() / "file"), Contains("make the directory"));
    const StoreHouse house;
    CHECK_THAT(open_refusal(house.directory.path()), Contains("used by another launcher"));
}
