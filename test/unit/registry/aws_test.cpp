#include "launcher/registry/ecr.h"
#include "test/support/manual_clock.h"
#include "test/support/raw_http_server.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <map>

using namespace slipway;
using namespace slipway::launcher;
using namespace std::chrono_literals;

namespace {

const std::string kRegistry = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

/// Stands in for the metadata service of an instance and for ECR; every answer is given by path.
struct FakeAws {
    std::map<std::string, std::string> answers{{"PUT /latest/api/token", "the-imds-token"},
        {"GET /latest/meta-data/iam/security-credentials/", "the-role\n"},
        {"GET /latest/meta-data/iam/security-credentials/the-role",
            R"({"Code":"Success","AccessKeyId":"AKID","SecretAccessKey":"hidden-key","Token":"hidden-session"})"},
        {"GET /v2/credentials/task",
            R"({"AccessKeyId":"TASK","SecretAccessKey":"hidden-key","Token":"hidden-session"})"},
        // AWS:hidden-password, expires 2026-01-02T12:00:00Z
        {"POST /",
            R"({"authorizationData":[{"authorizationToken":"QVdTOmhpZGRlbi1wYXNzd29yZA==","expiresAt":1767355200.123}]})"}};
    std::atomic<int> logins{0};
    test::RawHttpServer server{[this](test::RawHttpServer::Connection& peer) {
        while (const auto request = peer.read_request()) {
            const auto call = request->substr(0, request->find(" HTTP/"));
            logins += call == "POST /" ? 1 : 0;
            const auto answer = answers.find(call);
            peer.send(answer == answers.end() ? test::http_response(404, "")
                                              : test::http_response(200, answer->second));
        }
    }};
    test::ManualClock clock{std::chrono::sys_days{std::chrono::year{2026} / 1 / 2}};

    [[nodiscard]] AwsSettings settings(std::map<std::string, std::string> variables = {}) const
    {
        variables.emplace("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url() + "/");
        variables.emplace("AWS_ENDPOINT_URL_ECR", server.url());
        return read_aws_settings([&](std::string_view name) -> std::optional<std::string_view> {
            const auto found = variables.find(std::string{name});
            return found == variables.end() ? std::nullopt : std::optional<std::string_view>{found->second};
        });
    }

    [[nodiscard]] std::string last_login() const { return server.requests().back(); }
};

} // namespace

TEST_CASE("requests to AWS are signed as its test suite says")
{
    const auto at = std::chrono::sys_days{std::chrono::year{2015} / 8 / 30} + 12h + 36min;
    const AwsKeys keys{.id = "AKIDEXAMPLE",
        .secret = Secret{"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"},
        .session_token = {}};
    // "get-vanilla" and "post-vanilla" of the Signature Version 4 test suite.
    for (const auto& [method, signature] : std::map<std::string, std::string>{
             {"GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
             {"POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"}}) {
        const auto added = sign_aws_request({.method = method,
                                                .host = "example.amazonaws.com",
                                                .path = "/",
                                                .headers = {},
                                                .body = "",
                                                .region = "us-east-1",
                                                .service = "service"},
            keys, at);
        REQUIRE(added.size() == 2);
        CHECK(added[0].second == "20150830T123600Z");
        CHECK(added[1].second
            == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
               "SignedHeaders=host;x-amz-date, Signature="
                + signature);
    }
}

TEST_CASE(
    "an Amazon registry is logged in to by the role of the instance, and the token is kept until it ages")
{
    FakeAws aws;
    EcrLogins logins{aws.settings(), aws.clock};
    const auto login = logins.login("eu-west-1", {});
    REQUIRE(login);
    CHECK(login->username == "AWS");
    CHECK(login->password.equals("hidden-password"));
    const auto request = aws.last_login();
    CHECK(request.find("AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken") != std::string::npos);
    CHECK(request.find("Credential=AKID/20260102/eu-west-1/ecr/aws4_request") != std::string::npos);
    CHECK(request.find("X-Amz-Security-Token: hidden-session\r\n") != std::string::npos);
    CHECK(request.find("hidden-key") == std::string::npos);
    const auto before = aws.server.requests();
    CHECK(before.at(0).find("X-aws-ec2-metadata-token-ttl-seconds: 60") != std::string::npos);
    CHECK(before.at(1).find("X-aws-ec2-metadata-token: the-imds-token") != std::string::npos);

    aws.clock.advance(11h + 54min);
    REQUIRE(logins.login("eu-west-1", {}));
    CHECK(aws.logins == 1);
    aws.clock.advance(2min); // four minutes are left
    REQUIRE(logins.login("eu-west-1", {}));
    CHECK(aws.logins == 2);
    logins.forget("eu-west-1");
    aws.clock.step_wall(-11h);
    REQUIRE(logins.login("eu-west-1", {}));
    CHECK(aws.logins == 3);
}

TEST_CASE("keys of the environment go before those of a container, and these before the instance's role")
{
    FakeAws aws;
    const std::map<std::string, std::string> container{
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI", aws.server.url() + "/v2/credentials/task"},
        {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "the-task-token"}};
    CHECK(find_aws_keys(aws.settings(), {})->id == "AKID");
    CHECK(find_aws_keys(aws.settings(container), {})->id == "TASK");
    CHECK(aws.last_login().find("Authorization: the-task-token\r\n") != std::string::npos);
    auto both = container;
    both.insert({{"AWS_ACCESS_KEY_ID", "ENV"}, {"AWS_SECRET_ACCESS_KEY", "k"}});
    CHECK(find_aws_keys(aws.settings(both), {})->id == "ENV");
    CHECK(read_aws_settings([](std::string_view name) -> std::optional<std::string_view> {
        return name == "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" ? std::optional{std::string_view{"/v2/x"}}
                                                                : std::nullopt;
    }).container_uri
        == "http://169.254.170.2/v2/x");
}

TEST_CASE("the instance's role is told from none, from another cloud's service and from nobody")
{
    FakeAws aws;
    const auto code = [&aws] { return find_instance_role(aws.settings(), {}).error().code(); };
    CHECK(find_instance_role(aws.settings(), {}).value_or("") == "the-role");
    for (const auto& request : aws.server.requests())
        CHECK(request.find("/the-role") == std::string::npos); // its keys were not asked for
    aws.answers.erase("GET /latest/meta-data/iam/security-credentials/");
    CHECK(code() == Errc::not_found);
    aws.answers.erase("PUT /latest/api/token");
    CHECK(code() == Errc::internal);
    auto nobody = aws.settings();
    nobody.metadata_endpoint = "http://127.0.0.1:1";
    CHECK(find_instance_role(nobody, {}).error().code() == Errc::unreachable);
}

TEST_CASE("an Amazon login that cannot be had says which step failed, and holds no secret")
{
    const auto failure = [](FakeAws& aws, const AwsSettings& settings) {
        const auto login = EcrLogins{settings, aws.clock}.login("eu-west-1", {});
        REQUIRE_FALSE(login);
        CHECK(login.error().code() == Errc::internal);
        CHECK(login.error().message().find("hidden") == std::string::npos);
        return login.error().message();
    };
    FakeAws aws;
    CHECK(
        failure(aws, aws.settings({{"AWS_EC2_METADATA_DISABLED", "true"}})).find("AWS_EC2_METADATA_DISABLED")
        != std::string::npos);
    CHECK(failure(aws, aws.settings({{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1"}}))
              .find("the instance's role cannot be had")
        != std::string::npos);
    aws.answers["POST /"] = R"({"authorizationData":[{"authorizationToken":"hidden!","expiresAt":1}]})";
    CHECK(failure(aws, aws.settings()).find("authorizationToken") != std::string::npos);
    aws.answers["POST /"] = R"({"authorizationData":[]})";
    CHECK(failure(aws, aws.settings()).find("authorizationData") != std::string::npos);
    aws.answers.erase("POST /");
    CHECK(failure(aws, aws.settings()).find("answers 404") != std::string::npos);
    aws.answers["GET /latest/meta-data/iam/security-credentials/the-role"] = R"({"Code":"hidden"})";
    CHECK(failure(aws, aws.settings()).find("SecretAccessKey") != std::string::npos);
}

TEST_CASE("the names of Amazon's registries tell their region, and no other name does")
{
    CHECK(ecr_region(kRegistry) == "eu-west-1");
    CHECK(ecr_region("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn") == "cn-north-1");
    CHECK(ecr_region("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com") == "us-east-1");
    CHECK(ecr_region("123456789012.dkr-ecr.us-east-1.on.aws") == "us-east-1");
    for (const auto* name : {"docker.io", "public.ecr.aws", "12345.dkr.ecr.eu-west-1.amazonaws.com",
             "123456789012.dkr.ecr.amazonaws.com", "123456789012.dkr.ecr.a.b.amazonaws.com",
             "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
             "123456789012.dkr.ecr.evil.example/.amazonaws.com"})
        CHECK(ecr_region(name).empty());
}
