#include "common/file.h"
#include "launcher/policy/run_policy.h"
#include "test/unit/registry/tool_box.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::launcher;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kAllows = R"(echo '{"result":[{"expressions":[{"value":{"deny":[]}}]}]}')";

/// A script in the place of OPA.
struct Desk {
    test::ToolBox tools;
    PolicySettings settings;

    Desk()
    {
        settings.file = tools.path() / "policy.rego";
        settings.environment = {{"PATH", "/usr/bin:/bin"}};
        REQUIRE(replace_file(settings.file, "package spacelift"));
    }

    std::variant<RunPolicy, Refusal> open(std::string_view script)
    {
        tools.add("opa", script);
        return RunPolicy::open(settings, "{}", {});
    }

    RunPolicy opened()
    {
        auto policy = open(kAllows);
        REQUIRE(std::holds_alternative<RunPolicy>(policy));
        return std::get<RunPolicy>(std::move(policy));
    }

    Refusal refusal(std::string_view script)
    {
        auto policy = open(script);
        REQUIRE(std::holds_alternative<Refusal>(policy));
        return std::get<Refusal>(std::move(policy));
    }
};

} // namespace

TEST_CASE("a policy's denials and its wish for a sample are read")
{
    const auto verdict = parse_policy_answer(
        R"({"result":[{"expressions":[{"value":{"deny":["no",{"a":1}],"sample":true,"x":2},"text":"t"}]}]})");
    REQUIRE(verdict);
    CHECK(verdict->denials == std::vector<std::string>{"no", R"({"a":1})"});
    CHECK(verdict->sample);
    CHECK(sample_line(R"({"i":1})", *verdict)
        == "{\"policy_sample\":{\"input\":{\"i\":1},\"result\":{\"deny\":[\"no\",{\"a\":1}],\"sample\":true,"
           "\"x\":2}}}\n");
}

TEST_CASE("an answer that is not a set of denials is never a permission")
{
    for (const auto* json : {"", "{}", "[]", R"({"result":[]})", R"({"result":[{"expressions":[]}]})",
             R"({"result":[{"expressions":[{"value":{}}]}]})",
             R"({"result":[{"expressions":[{"value":{"deny":true}}]}]})",
             R"({"result":[{"expressions":[{"value":{"deny":"x"}}]}]})",
             R"({"result":[{"expressions":[{"value":{"allow":true}}]}]})",
             R"({"errors":[{"message":"x"}]})"}) {
        CAPTURE(json);
        CHECK(parse_policy_answer(json).error().code() == Errc::invalid_input);
    }
}

TEST_CASE("a policy that cannot be evaluated fails closed, and tells whose fault it is")
{
    Desk desk;
    const auto policy = desk.opened();
    const auto fault = [&](std::string_view script, Errc code) {
        desk.tools.add("opa", script);
        const auto verdict = policy.evaluate("{}", {});
        REQUIRE_FALSE(verdict);
        CHECK(verdict.error().code() == code);
        CHECK(verdict.error().message().find("could not be evaluated") != std::string::npos);
        return verdict.error().message();
    };
    CHECK(fault("echo '{\"errors\":[{\"message\":\"boom\",\"location\":{\"row\":7}}]}'; exit 2",
              Errc::invalid_input)
              .find("row 7: boom")
        != std::string::npos);
    fault("echo garbage", Errc::invalid_input);
    fault("exit 1", Errc::invalid_input);
    fault("echo '{}'", Errc::invalid_input);
    fault("kill -9 $$", Errc::internal);
    std::filesystem::remove(desk.tools.path() / "opa");
    CHECK(policy.evaluate("{}", {}).error().code() == Errc::internal);

    desk.settings.deadline = 200ms;
    auto hurried = desk.opened();
    desk.tools.add("opa", "sleep 1000");
    CHECK(hurried.evaluate("{}", {}).error().code() == Errc::timed_out);
}

TEST_CASE("a policy that could protect nothing is refused at the start, with its own code")
{
    Desk desk;
    CHECK(desk.refusal("echo '{}'").code == ExitCode::policy_unusable);
    CHECK(desk.refusal("echo '{}'").message.find("no package spacelift") != std::string::npos);
    CHECK(desk.refusal(R"(echo '{"result":[{"expressions":[{"value":{}}]}]}')").message.find("no rule `deny`")
        != std::string::npos);
    const auto broken = desk.refusal("echo '{\"errors\":[{\"message\":\"unexpected token\"}]}'; exit 2");
    CHECK(broken.code == ExitCode::policy_unusable);
    CHECK(broken.message.find("unexpected token") != std::string::npos);
    desk.settings.opa = "slipway-no-such-opa";
    const auto missing = desk.refusal(kAllows);
    CHECK(missing.code == ExitCode::policy_engine_missing);
    CHECK(missing.message.find("SLIPWAY_OPA") != std::string::npos);
    desk.settings.opa = "opa";
    desk.settings.deadline = 200ms;
    CHECK(desk.refusal("sleep 1000").message.find("SLIPWAY_POLICY_TIMEOUT") != std::string::npos);
    desk.settings.file = desk.tools.path() / "none.rego";
    const auto unread = desk.refusal(kAllows);
    CHECK(unread.code == ExitCode::policy_unusable);
    CHECK(unread.message.find("none.rego: No such file") != std::string::npos);
}

TEST_CASE("a policy in the older Rego is evaluated in it, also by an OPA that speaks the newer one")
{
    Desk desk;
    const std::string script = R"(case " $* " in *" --v0-compatible "*) )" + std::string{kAllows}
        + R"(;; *) echo '{"errors":[{"message":"if keyword is required"}]}'; exit 2;; esac)";
    const auto policy = desk.open(script);
    REQUIRE(std::holds_alternative<RunPolicy>(policy));
    const auto verdict = std::get<RunPolicy>(policy).evaluate("{}", {});
    REQUIRE(verdict);
    CHECK(verdict->denials.empty());
}

TEST_CASE("OPA gets none of our variables but those that it needs")
{
    const auto passed = policy_environment({{"PATH", "/bin"}, {"AWS_SECRET_ACCESS_KEY", "hidden"},
        {"SPACELIFT_X", "hidden"}, {"HTTPS_PROXY", "p"}});
    CHECK(passed == std::vector<std::pair<std::string, std::string>>{{"PATH", "/bin"}, {"HTTPS_PROXY", "p"}});
}
