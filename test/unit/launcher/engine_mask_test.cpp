#include "common/base64.h"
#include "crypto/envelope.h"
#include "launcher/job_masks.h"
#include "launcher/mask_fact.h"
#include "test/unit/launcher/engine_house.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include <algorithm>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;
using House = EngineHouse;

namespace {

bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

void mask_token(EngineSettings& settings)
{
    settings.mask_names = {"TOKEN"};
    settings.passed = {{.name = "TOKEN", .value = "launcher-token"}, {.name = "OPEN", .value = "not-secret"}};
}

std::string sealed_for(House& house, const std::string& pool, const std::string& name, std::string_view value,
    const crypto::PrivateKey& key = engine_pool_key())
{
    crypto::EnvelopeContext context;
    context.pool = pool;
    context.object = name;
    const auto envelope = crypto::seal_small(
        value, {.context = context, .recipients = {key.public_key()}, .maker = {}}, house.random);
    REQUIRE(envelope);
    return base64_encode(*envelope);
}

bool wait_log(House& house, const std::string& id, std::string_view part)
{
    return house.backend.wait_until([&] { return holds(house.backend.log(id), part); }, 20s);
}

} // namespace

TEST_CASE("the values of masked names, secrets of the stack and sealed files show in no log")
{
    House house{mask_token};
    const std::string encoded = base64_encode("launcher-token");
    house.host.script("first-command",
        {.output = "1 launcher-token 2 " + encoded
                + " 3 stack-token 4 plain-secret 5 sealed-secret 6 file line 7 "
                  "not-secret 8 stack-plain\n::add-mask octopus\noctopus\n"});
    const auto id = house.add(protocol::StageKind::read, [&](protocol::Assignment& a) {
        a.variables = {{.name = "TOKEN", .value = "stack-token"}, // the stack sets it, too
            {.name = "P", .value = "plain-secret", .secret = true},
            {.name = "S",
                .value = sealed_for(house, a.pool_id, "S", "sealed-secret"),
                .sealed = true,
                .secret = true},
            {.name = "X", .value = "stack-plain"}};
        a.files = {{.path = "f",
            .content = sealed_for(house, a.pool_id, "f", "{\n  file line\n}\n"),
            .sealed = true}};
        a.phases[0].commands = {"first-command plain-secret"};
        a.debug = true;
    });
    CHECK(house.finished(id).outcome == protocol::Outcome::succeeded);
    const std::string log = house.backend.log(id);
    CHECK(holds(log,
        "1 ***** 2 ***** 3 ***** 4 ***** 5 ***** 6 ***** 7 not-secret 8 stack-plain\n::add-mask "
        "*****\n*****\n"));
    CHECK(holds(log, "[slipway] $ first-command *****\n")); // the echo of debug mode
    const std::string own = house.log_text();
    for (const auto* secret : {"launcher-token", "stack-token", "plain-secret", "sealed-secret", "octopus"}) {
        CHECK_FALSE(holds(log, secret));
        CHECK_FALSE(holds(own, secret));
    }
    const auto started = house.host.started();
    REQUIRE_FALSE(started.empty());
    const auto& environment = started.front().run.environment;
    CHECK(std::ranges::count(environment, std::pair<std::string, std::string>{"S", "sealed-secret"}) == 1);
}

TEST_CASE("what the launcher says of a stage is masked: its log, its report and the launcher's own log")
{
    House house{mask_token};
    house.host.fail_image(Error{Errc::not_found, "no image launcher-token/x"});
    const auto id = house.add();
    CHECK(house.finished(id).message == "no image *****/x");
    CHECK(house.backend.log(id).ends_with("\n[slipway] no image *****/x\n"));
    CHECK(house.wait_idle());
    CHECK_FALSE(holds(house.log_text(), "launcher-token"));
    CHECK(holds(house.log_text(), "no image *****/x"));
}

TEST_CASE("a launcher that is started again with another environment masks the same bytes")
{
    House house{mask_token};
    house.host.script("first-command",
        {.output = "a launcher-token b blob-secret\n::add-mask octopus\noctopus half a launcher-tok",
            .waits = true});
    house.host.script("main-command", {.output = "en octopus new-token launcher-token blob-secret\n"});
    const auto id = house.add(protocol::StageKind::read, [&](protocol::Assignment& a) {
        const auto envelope = base64_decode(sealed_for(house, a.pool_id, "f", "{\n  blob-secret\n}\n"));
        REQUIRE(envelope);
        house.backend.add_blob("file-1", *envelope);
        a.files = {{.path = "f", .content = "", .blob = "file-1", .sealed = true}};
    });
    const std::string begin = "a ***** b *****\n::add-mask *****\n***** half a ";
    REQUIRE(wait_log(house, id, begin));
    const auto file = house.directory.path() / "state" / "jobs" / id / "masks";

    struct stat info { };

    REQUIRE(::stat(file.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    house.leave();
    house.settings.passed = {{.name = "TOKEN", .value = "new-token"}};
    house.settings.mask_names = {};
    house.settings.mask_patterns = false;
    house.backend.rewind_log(id, 5);
    house.start();
    house.host.let_go();
    const auto report = house.finished(id);
    const std::string log = house.backend.log(id);
    CHECK(log.size() == report.log_end);
    CHECK(holds(log, begin + "launcher-tok[slipway] plan\nen ***** new-token ***** *****\n"));
    CHECK(house.wait_idle());
    CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("a value that is too short to be masked is named in the log, and not shown")
{
    House house{[](EngineSettings& settings) {
        settings.mask_names = {"PIN", "EMPTY"};
        settings.passed = {{.name = "PIN", .value = "x7"}, {.name = "EMPTY", .value = ""}};
    }};
    const auto id = house.add(protocol::StageKind::read,
        [](auto& a) { a.variables = {{.name = "Q", .value = "y8", .secret = true}}; });
    CHECK(house.finished(id).outcome == protocol::Outcome::succeeded);
    const auto log = house.backend.log(id);
    CHECK(log.starts_with(
        "[slipway] shorter than 4 bytes, so not masked in this log: PIN, Q; use longer values\n"));
    CHECK_FALSE(holds(log, "x7"));
}

namespace {

struct MaskFixture {
    House house{mask_token};
    std::string id = house.add();
    JobEntry entry{house.directory.path(), id, "boot", {}};
    protocol::Assignment assignment;

    Result<JobMasks> make(const Vault& vault)
    {
        return JobMasks::make(entry, assignment, house.settings, vault);
    }
};

} // namespace

TEST_CASE("a log does not go out while a secret that was known cannot be opened any more")
{
    MaskFixture f;
    const auto other_key = crypto::PrivateKey::generate(2048);
    REQUIRE(other_key);
    const Vault other{{*other_key}, f.house.random};
    f.assignment.pool_id = "P";
    f.assignment.variables
        = {{.name = "S", .value = sealed_for(f.house, "P", "S", "sealed-secret"), .sealed = true}};
    const bool opened_before = GENERATE(true, false);
    if (opened_before) {
        REQUIRE(f.make(f.house.vault));
        const auto masks = f.make(other);
        REQUIRE_FALSE(masks);
        CHECK(holds(masks.error().message(), "give the launcher the pool key that it had"));
    } else { // the job never had it: the stage fails, and its log says so
        const auto masks = f.make(other);
        REQUIRE(masks);
        CHECK_FALSE(masks->open(f.assignment.variables[0]));
    }
}

TEST_CASE("what is kept of the masks is what was written, and wiped at the end")
{
    MaskFixture f;
    const MaskFact fact{.patterns = false,
        .names = {"A", "B"},
        .values = {{"A", std::string{"\xff\0\n", 3}}, {"A", "again"}},
        .opened = {"S", "file f"}};
    const auto known = [&] {
        const auto read = read_masks(f.entry);
        REQUIRE(read);
        return read->has_value();
    };
    CHECK_FALSE(known());
    REQUIRE(write_masks(f.entry, fact));
    const auto read = read_masks(f.entry);
    REQUIRE(read);
    REQUIRE(*read);
    CHECK((*read)->patterns == fact.patterns);
    CHECK((*read)->names == fact.names);
    CHECK((*read)->values == fact.values);
    CHECK((*read)->opened == fact.opened);
    const auto file = f.house.directory.path() / "masks";
    const auto size = std::filesystem::file_size(file);
    REQUIRE(wipe_masks(f.entry));
    CHECK(read_file(file, 4096).value_or("") == std::string(size, '\0'));
    CHECK_FALSE(known()); // as after a crash of the host that tore it
    std::filesystem::remove(file);
    CHECK(wipe_masks(f.entry));
}

TEST_CASE("output above the quota of a running job is counted to the byte, also after a restart")
{
    House house{[](EngineSettings& settings) { settings.log_quota = 10; }};
    house.host.script("first-command", {.output = "0123456789abcdef", .waits = true});
    house.host.script("main-command", {.output = "ghijk"});
    const auto id = house.add();
    REQUIRE(wait_log(house, id, "is dropped\n"));
    house.leave();
    house.start();
    house.host.let_go();
    CHECK(house.finished(id).outcome == protocol::Outcome::succeeded);
    const auto log = house.backend.log(id);
    CHECK(holds(log,
        "0123456789[slipway] the log has reached its limit; the command goes on, and what it writes from "
        "here is "
        "dropped\n[slipway] plan\n"));
    CHECK(log.ends_with("\n[slipway] 11 bytes of output were dropped above the log's limit\n"));
    CHECK_FALSE(holds(log, "abc"));
}
