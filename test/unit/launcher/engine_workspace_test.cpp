#include "launcher/file_tar.h"
#include "test/unit/launcher/engine_sealing.h"

#include <catch2/catch.hpp>

#include <iomanip>
#include <sstream>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;
using protocol::Outcome;
using protocol::StageKind;
using House = EngineHouse;

namespace {

crypto::EnvelopeContext plan_workspace(const protocol::Assignment& a)
{
    return {
        .pool = a.pool_id, .run = a.run_id, .stage = a.workspace_maker, .fence = 7, .object = "workspace"};
}

/// Says that the stage carries on the workspace that a plan has left.
void carry(protocol::Assignment& a)
{
    a.workspace_in = "workspace";
    a.workspace_maker = "01ARZ3NDEKTSV4RRFFQ69G5PLN";
    a.workspace_fence = protocol::Fence::from_integer(7);
}

} // namespace

TEST_CASE("what was compressed comes back, and nothing else does")
{
    std::string plain;
    for (int i = 0; i < 300'000; ++i)
        plain += std::to_string(i % 1009 * 7919 % 1000);
    const auto stream = compressed(plain);
    REQUIRE(stream);
    CHECK(stream->size() < plain.size());
    CHECK(decompressed(*stream).value_or("") == plain);
    CHECK(decompressed(*stream, 1).value_or("") == plain);
    CHECK(decompressed(compressed("").value_or("")).value_or("?").empty());
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, stream->size() / 2, stream->size() - 1})
        CHECK_FALSE(decompressed(stream->substr(0, size)));
    CHECK_FALSE(decompressed(*stream + "x"));
    CHECK_FALSE(decompressed(*stream + *stream));
    CHECK_FALSE(decompressed("a tar archive, perhaps"));
    std::string changed = *stream;
    changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 1);
    CHECK_FALSE(decompressed(changed));
}

TEST_CASE("one file comes out of an archive, and an archive with anything else is refused")
{
    const auto tar = make_tar({{.path = "a", .content = "hello"}});
    REQUIRE(tar);
    CHECK(only_file_of(*tar).value_or("") == "hello");
    CHECK(only_file_of(make_tar({{.path = "a", .content = ""}}).value_or("?")).value_or("?").empty());
    CHECK_FALSE(only_file_of(make_tar({}).value_or("")));
    CHECK_FALSE(
        only_file_of(make_tar({{.path = "a", .content = "x"}, {.path = "b", .content = "y"}}).value_or("")));
    for (std::size_t size = 0; size < tar->size(); size += 100)
        CHECK_FALSE(only_file_of(tar->substr(0, size)));
    for (const std::size_t at : {std::size_t{0}, std::size_t{124}, std::size_t{156}, std::size_t{600}}) {
        std::string changed = *tar;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        CHECK_FALSE(only_file_of(changed));
    }
}

TEST_CASE("one file comes out of an archive in pieces, whatever their size")
{
    const auto taken
        = [](const std::string& tar, std::size_t piece, std::uint64_t most = 1 << 20) -> Result<std::string> {
        std::string content;
        OnlyFile file{[&](std::string_view bytes) -> Result<void> {
                          content += bytes;
                          return {};
                      },
            most};
        for (std::size_t at = 0; at < tar.size(); at += piece)
            SLIPWAY_TRY(file.take(std::string_view{tar}.substr(at, piece)));
        if (SLIPWAY_TRY(file.finish()) != content.size())
            return Error{Errc::internal, "the size"};
        return content;
    };
    const std::string whole(70'000, 'w');
    const std::vector<TarFile> one{{.path = "a", .content = whole}};
    const auto tar = make_tar(one).value_or("");
    // An extended header, as Docker writes it for a long name.
    auto extended = make_tar({{.path = "pax", .content = std::string(600, 'x')}}).value_or("");
    extended.resize(extended.size() - 1024);
    extended[156] = 'x';
    std::ostringstream checksum; // of the changed type, too
    checksum << std::oct << std::setw(6) << std::setfill('0')
             << std::stoul(extended.substr(148, 6), nullptr, 8) + ('x' - '0');
    extended.replace(148, 6, checksum.str());
    for (const std::size_t piece : {std::size_t{1}, std::size_t{511}, std::size_t{4096}, tar.size()}) {
        CHECK(taken(tar, piece).value_or("") == whole);
        CHECK(taken(extended + tar, piece).value_or("") == whole);
        CHECK(taken(tar + std::string(8192, '\0'), piece).value_or("") == whole);
        CHECK(taken(make_tar({{.path = "a", .content = ""}}).value_or("?"), piece).value_or("?").empty());
        CHECK_FALSE(taken(make_tar({one.front(), one.front()}).value_or(""), piece));
        CHECK_FALSE(taken(tar.substr(0, tar.size() - 1), piece));
        CHECK(taken(tar, piece, whole.size() - 1).error().code() == Errc::exhausted);
    }
    CHECK_FALSE(taken("", 1));
    CHECK_FALSE(taken(make_tar({}).value_or(""), 512));
    CHECK_FALSE(taken(make_tar({{.path = "a", .content = "", .link = "/etc/passwd"}}).value_or(""), 512));
}

TEST_CASE("what the pool seals can be opened with each of its keys, and is signed by the first")
{
    const TempDir directory;
    SystemRandom random;
    const auto second = crypto::PrivateKey::generate(2048);
    const auto third = crypto::PrivateKey::generate(2048);
    REQUIRE(second);
    REQUIRE(third);
    const Vault both{{engine_pool_key(), *second}, random};
    const crypto::EnvelopeContext context{.pool = "P", .run = "R", .stage = "S", .fence = 1, .object = "o"};
    const auto file = open_file(directory.path() / "e", O_RDWR | O_CREAT);
    REQUIRE(file);
    auto sealer = both.seal(context, file->get());
    REQUIRE(sealer);
    REQUIRE(sealer->push("content"));
    REQUIRE(sealer->finish());
    const auto opened = [&](const std::vector<crypto::PrivateKey>& keys) -> Result<std::string> {
        std::string plain;
        const Vault vault{keys, random};
        SLIPWAY_TRY(vault.open(context, file->get(), [&](std::string_view bytes) -> Result<void> {
            plain.append(bytes);
            return {};
        }));
        return plain;
    };
    CHECK(opened({engine_pool_key(), *second}).value_or("") == "content");
    CHECK(opened({*second, engine_pool_key()}).value_or("") == "content");
    CHECK(opened({engine_pool_key()}).value_or("") == "content");
    // The second key alone can read it, but does not know who made it.
    CHECK(opened({*second}).error().code() == Errc::rejected);
    CHECK_FALSE(opened({*third}));
}

TEST_CASE("a workspace goes from one stage to the next compressed and sealed")
{
    House house;
    const auto plan = house.add(StageKind::read, [](auto& a) { a.keep_workspace = true; });
    CHECK(house.finished(plan).workspace == "workspace");
    const auto fence = house.backend.stage(plan).fence;
    const auto envelope = house.backend.blob("workspace");
    const auto info = crypto::read_envelope_info(envelope);
    REQUIRE(info);
    CHECK(info->context.stage == plan);
    const auto apply = house.add(StageKind::write, [&](auto& a) {
        a.run_id = info->context.run;
        a.pool_id = info->context.pool;
        a.workspace_in = "workspace";
        a.workspace_maker = plan;
        a.workspace_fence = fence;
    });
    CHECK(house.finished(apply).outcome == Outcome::succeeded);
    CHECK(was_put(house.host, "/mnt/workspace:the workspace"));
}

TEST_CASE("a workspace that was changed, swapped, cut or forged is refused before a byte of it is used")
{
    const auto foreign = crypto::PrivateKey::generate(2048);
    REQUIRE(foreign);
    const std::string tar = compressed(std::string(200'000, 'w') + "the end").value_or("");
    using Forge = std::function<std::string(const protocol::Assignment&)>;
    const std::vector<std::pair<std::string, Forge>> forgeries{
        {"of another run",
            [&](const auto& a) {
                auto context = plan_workspace(a);
                context.run = a.stage_id;
                return sealed(context, tar);
            }},
        {"of another stage",
            [&](const auto& a) {
                auto context = plan_workspace(a);
                context.stage = a.stage_id;
                return sealed(context, tar);
            }},
        {"of an older grant",
            [&](const auto& a) {
                auto context = plan_workspace(a);
                context.fence = 6;
                return sealed(context, tar);
            }},
        {"of another object",
            [&](const auto& a) {
                auto context = plan_workspace(a);
                context.object = "state";
                return sealed(context, tar);
            }},
        {"made with the public certificate alone",
            [&](const auto& a) { return sealed(plan_workspace(a), tar, std::nullopt); }},
        {"signed by another key", [&](const auto& a) { return sealed(plan_workspace(a), tar, *foreign); }},
        {"with a changed bit",
            [&](const auto& a) {
                auto envelope = sealed(plan_workspace(a), tar);
                envelope[envelope.size() - 40] = static_cast<char>(envelope[envelope.size() - 40] ^ 4);
                return envelope;
            }},
        {"cut off",
            [&](const auto& a) {
                const auto envelope = sealed(plan_workspace(a), tar);
                return envelope.substr(0, envelope.size() - 20);
            }},
        {"not compressed", [&](const auto& a) { return sealed(plan_workspace(a), "a plain tar archive"); }},
    };
    const auto& [what, forge] = forgeries.at(GENERATE(range<std::size_t>(0, 9)));
    REQUIRE(forgeries.size() == 9);
    INFO(what);
    House house;
    const auto id = house.add(StageKind::write, [&, forge = forge](auto& a) {
        carry(a);
        house.backend.add_blob("workspace", forge(a));
    });
    const auto report = house.finished(id);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.message.find("taking over the workspace") != std::string::npos);
    CHECK(house.host.puts().empty());
    CHECK(house.host.started().empty());
}

TEST_CASE("a workspace that finds the worker's disk full is no fault of the run: another worker may take it")
{
    House house{[](auto& settings) { settings.prepare_limit = 0ms; }};
    house.host.fail_put(Error{Errc::exhausted, "unpacking into /mnt/workspace: No space left on device"});
    const auto id = house.add(StageKind::write, [&](auto& a) {
        carry(a);
        house.backend.add_blob("workspace", sealed(plan_workspace(a), compressed("tar").value_or("")));
    });
    REQUIRE(house.backend.wait_until([&] { return house.backend.declined() > 1; }, 20s));
    CHECK_FALSE(house.backend.finish(id));
    house.host.fail_put(std::nullopt);
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(was_put(house.host, "/mnt/workspace:tar"));
}

TEST_CASE("mounted files come as blobs, plain or sealed to the pool under their path")
{
    House house;
    const auto id = house.add(StageKind::read, [&](auto& a) {
        house.backend.add_blob("file-1", "plain content");
        house.backend.add_blob(
            "file-2", sealed({.pool = a.pool_id, .object = "keys/b"}, "sealed content", std::nullopt));
        a.files = {{.path = "a", .content = "", .blob = "file-1"},
            {.path = "keys/b", .content = "", .blob = "file-2", .sealed = true, .mode = 0600}};
    });
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(was_put(house.host, "plain content"));
    CHECK(was_put(house.host, "sealed content"));

    const auto other = house.add(StageKind::read, [&](auto& a) {
        house.backend.add_blob(
            "file-3", sealed({.pool = a.pool_id, .object = "keys/b"}, "swapped content", std::nullopt));
        a.files = {{.path = "c", .content = "", .blob = "file-3", .sealed = true}};
    });
    CHECK(house.finished(other).outcome == Outcome::failed);
    CHECK_FALSE(was_put(house.host, "swapped content"));
}
