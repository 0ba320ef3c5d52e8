#include "test/unit/launcher/engine_sealing.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;
using protocol::Outcome;
using protocol::StageKind;
using House = EngineHouse;

namespace {

std::string state_text(int serial) { return R"({"version":4,"serial":)" + std::to_string(serial) + "}"; }

constexpr auto kState = "/mnt/workspace/source/terraform.tfstate";
constexpr auto kErrored = "/mnt/workspace/source/errored.tfstate";

/// What the backend got last, opened as the stack's (its state) or the run's.
std::string opened(const House& house, const protocol::Assignment& a, std::string_view object = "state")
{
    const std::string envelope = house.backend.blob(object);
    if (envelope.empty())
        return "(none)";
    const auto info = crypto::read_envelope_info(envelope);
    REQUIRE(info);
    CHECK(info->context.run == (object == "state" ? a.stack_id : a.run_id));
    CHECK(info->context.stage == a.stage_id);
    CHECK(info->context.object == object);
    const auto plain = crypto::open_small(envelope,
        {.context = info->context,
            .keys = {engine_pool_key()},
            .policy = crypto::SignaturePolicy::signature_required,
            .makers = {engine_pool_key().public_key()}});
    REQUIRE(plain);
    return std::string{plain->reveal()};
}

} // namespace

TEST_CASE("a stack's state is put before and taken after a stage that writes, whatever came of it")
{
    House house;
    const bool fails = GENERATE(false, true);
    if (fails)
        house.host.script("main-command", {.output = "", .exit = {.code = 1}});
    protocol::Assignment made;
    const auto id = house.add(StageKind::write, [&](auto& a) {
        a.manage_state = true;
        a.state_in = "state-3";
        a.state_maker = "01ARZ3NDEKTSV4RRFFQ69G5APL";
        a.state_fence = protocol::Fence::from_integer(2);
        house.backend.add_blob("state-3",
            sealed(
                {.pool = a.pool_id, .run = a.stack_id, .stage = a.state_maker, .fence = 2, .object = "state"},
                state_text(3)));
        made = a;
        house.host.set_file(kState, state_text(4));
    });
    CHECK((house.finished(id).outcome == Outcome::failed) == fails);
    CHECK(was_put(house.host, "/mnt/workspace/source:terraform.tfstate"));
    CHECK(was_put(house.host, state_text(3)));
    CHECK(opened(house, made) == state_text(4));
    CHECK(house.backend.log(id).find("[slipway] the state is kept\n") != std::string::npos);
}

TEST_CASE("a state that did not change makes no new version, and a stage that reads makes none at all")
{
    House house;
    const auto kind = GENERATE(StageKind::read, StageKind::write);
    const auto text = kind == StageKind::read ? state_text(9) : state_text(3);
    const auto id = house.add(kind, [&](auto& a) {
        a.manage_state = true;
        a.state_in = "state-3";
        a.state_maker = "M";
        a.state_fence = protocol::Fence::from_integer(2);
        house.backend.add_blob("state-3",
            sealed({.pool = a.pool_id, .run = a.stack_id, .stage = "M", .fence = 2, .object = "state"},
                state_text(3)));
        house.host.set_file(kState, text);
    });
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(house.backend.blob("state").empty());
}

TEST_CASE("the state of another stack is refused")
{
    House house;
    const auto id = house.add(StageKind::read, [&](auto& a) {
        a.manage_state = true;
        a.state_in = "state-1";
        a.state_maker = "M";
        a.state_fence = protocol::Fence::from_integer(2);
        house.backend.add_blob("state-1",
            sealed({.pool = a.pool_id, .run = "other", .stage = "M", .fence = 2, .object = "state"},
                state_text(3)));
    });
    CHECK(house.finished(id).outcome == Outcome::failed);
    CHECK(house.host.started().empty());
}

TEST_CASE("errored.tfstate is the state where it is the newer one")
{
    House house;
    const auto [state, errored, expected] = GENERATE(table<int, int, int>({{4, 5, 5}, {4, 4, 4}, {5, 4, 5}}));
    protocol::Assignment made;
    const auto id = house.add(StageKind::write, [&, state = state, errored = errored](auto& a) {
        a.manage_state = true;
        made = a;
        house.host.set_file(kState, state_text(state));
        house.host.set_file(kErrored, state_text(errored));
    });
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(opened(house, made) == state_text(expected));
}

TEST_CASE("what a stage has changed so far is taken while it runs")
{
    House house{[](auto& settings) { settings.state_interval = 10ms; }};
    house.host.script("main-command", {.output = "", .exit = {.code = 0}, .waits = true});
    protocol::Assignment made;
    const auto id = house.add(StageKind::write, [&](auto& a) {
        a.manage_state = true;
        made = a;
        house.host.set_file(kState, "{\"half\":");
    });
    REQUIRE(house.wait_started(2));
    CHECK(house.backend.blob("state").empty());
    house.host.set_file(kState, state_text(1));
    REQUIRE(house.backend.wait_until([&] { return !house.backend.blob("state").empty(); }, 20s));
    CHECK(opened(house, made) == state_text(1));
    house.host.set_file(kState, state_text(2));
    house.host.let_go();
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(opened(house, made) == state_text(2));
}

TEST_CASE("a state that cannot be kept fails the run and leaves what can be had of it as a rescue")
{
    House house;
    protocol::Assignment made;
    house.host.script("main-command", {.output = "applied something\n", .exit = {.code = 0}});
    const auto id = house.add(StageKind::write, [&](auto& a) {
        a.manage_state = true;
        made = a;
        house.host.set_file(kState, "{\"half\":");
    });
    const auto report = house.finished(id);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.cause == "state");
    CHECK(report.message.find("terraform.tfstate is no state") != std::string::npos);
    CHECK(house.backend.blob("state").empty());
    const auto bundle = decompressed(opened(house, made, "rescue"));
    REQUIRE(bundle);
    CHECK(bundle->find("{\"half\":") != std::string::npos);
    CHECK(bundle->find("applied something") != std::string::npos);
    CHECK(house.backend.log(id).find("slipway run rescue " + made.run_id) != std::string::npos);
}

namespace {

constexpr auto kOutputs = "/mnt/workspace/outputs.json";

} // namespace

TEST_CASE("outputs of an apply are kept, masked, sensitive ones sealed to the pool, and only where that is "
          "asked for")
{
    const bool uploads = GENERATE(false, true);
    House house{[&](auto& settings) { settings.sensitive_outputs = uploads; }};
    house.host.set_file(kOutputs,
        R"({"url":{"value":"https://a/token-of-the-stack","type":"string"},"n":{"value":[1,{"x":2.5}],"sensitive":false},)"
        R"("db":{"value":"hunter2hunter2","sensitive":true}})");
    protocol::Assignment made;
    const auto id = house.add(StageKind::write, [&](auto& a) {
        a.variables = {{.name = "TOKEN", .value = "token-of-the-stack", .secret = true}};
        made = a;
    });
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(house.backend.blob("outputs")
        == R"({"url":{"sensitive":false,"value":"https://a/*****"},"n":{"sensitive":false,"value":[1,{"x":2.5}]},)"
           R"("db":{"sensitive":true}})");
    CHECK(opened(house, made, "outputs-sealed")
        == (uploads ? R"({"db":{"sensitive":true,"value":"hunter2hunter2"}})" : "(none)"));
    const auto log = house.backend.log(id);
    CHECK(log.find(uploads ? "outputs kept: 2; sensitive ones, sealed to the pool: 1\n"
                           : "SPACELIFT_SENSITIVE_OUTPUT_UPLOAD_ENABLED")
        != std::string::npos);
}

TEST_CASE("outputs that cannot be taken are told in the log, and fail nothing")
{
    House house;
    const auto [content, words] = GENERATE(table<std::string, std::string>({{"no json", "are not kept"},
        {R"({"a":1})", "are not kept"}, {R"({"a":{"sensitive":"yes"}})", "are not kept"},
        {R"({"":{"value":1}})", "1 to 256 bytes"}, {std::string(1100 * 1024, ' '), "larger than 1 MiB"}}));
    house.host.set_file(kOutputs, content);
    const auto id = house.add(StageKind::write);
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(house.backend.log(id).find("the outputs in /mnt/workspace/outputs.json") != std::string::npos);
    CHECK(house.backend.log(id).find(words) != std::string::npos);
    CHECK(house.backend.blob("outputs").empty());
}

TEST_CASE("a stage that does not apply, or that fails, tells no outputs")
{
    House house;
    house.host.set_file(kOutputs, R"({"a":{"value":1}})");
    const bool fails = GENERATE(false, true);
    if (fails)
        house.host.script("main-command", {.output = "", .exit = {.code = 1}});
    (void)house.finished(house.add(fails ? StageKind::write : StageKind::read));
    CHECK(house.backend.blob("outputs").empty());
}
