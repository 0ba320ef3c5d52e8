#include "test/unit/launcher/engine_house.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;
using protocol::Outcome;
using House = EngineHouse;

TEST_CASE("a stage that the policy denies fails with its text, and nothing is fetched or made for it")
{
    House house;
    std::atomic<bool> saw_value{false};
    house.services.policy
        = [&](const std::string& input, std::stop_token) -> Result<std::vector<std::string>> {
        saw_value = saw_value || input.find("hidden-value") != std::string::npos;
        if (input.find("\"image\":\"bad:1\"") == std::string::npos)
            return std::vector<std::string>{};
        return std::vector<std::string>{"not this image", "not today"};
    };
    std::atomic<bool> fetched{false};
    house.hook = [&](std::string_view step) { fetched = fetched || step == "image"; };
    const auto denied = house.add(protocol::StageKind::write, [](auto& a) {
        a.image = "bad:1";
        a.variables = {{.name = "V", .value = "hidden-value"}};
    });
    const auto report = house.finished(denied);
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.cause == "policy");
    CHECK(report.message.find("denies it: not this image; not today") != std::string::npos);
    CHECK(house.backend.log(denied).find("not this image; not today") != std::string::npos);
    CHECK_FALSE(fetched);
    CHECK(house.host.started().empty());
    CHECK(house.finished(house.add()).outcome == Outcome::succeeded);
    CHECK_FALSE(saw_value);
}

TEST_CASE("a policy that is at fault fails the run, one that this machine cannot ask is asked again")
{
    House house;
    std::atomic<int> asked{0};
    house.services.policy = [&](const std::string&, std::stop_token) -> Result<std::vector<std::string>> {
        if (++asked == 1)
            return Error{Errc::invalid_input, "could not be evaluated: row 3"};
        if (asked == 2)
            return Error{Errc::timed_out, "could not be evaluated: too slow"};
        return std::vector<std::string>{};
    };
    const auto failed = house.finished(house.add());
    CHECK(failed.cause == "policy");
    CHECK(failed.message.find("row 3") != std::string::npos);
    const auto id = house.add();
    CHECK(house.finished(id).outcome == Outcome::succeeded);
    CHECK(asked == 3);
    CHECK(house.backend.log(id).find("too slow") != std::string::npos);
}

TEST_CASE("a stage whose policy this machine cannot ask for long is given back, and never runs")
{
    House house{[](auto& settings) { settings.prepare_limit = 0ms; }};
    house.services.policy = [](const std::string&, std::stop_token) -> Result<std::vector<std::string>> {
        return Error{Errc::internal, "could not be evaluated: there is no program opa"};
    };
    house.add();
    REQUIRE(house.backend.wait_until([&] { return house.backend.declined() > 0; }, 20s));
    CHECK(house.host.started().empty());
}
