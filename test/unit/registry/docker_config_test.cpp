#include "launcher/registry/docker_config.h"

#include <catch2/catch.hpp>

using namespace slipway::launcher;

TEST_CASE("a config.json's logins, tokens and helpers are read, the rest is ignored")
{
    // "dXNlcjpwYTpzcw==" is user:pa:ss
    const auto config = parse_docker_config(R"({
        "auths": {
            "https://index.docker.io/v1/": {"auth": "dXNlcjpwYTpzcw=="},
            "https://r.example/v2/": {"username": "u", "password": "p\"w"},
            "T.example:5000": {"identitytoken": "id"},
            "g.example": {"registrytoken": "rt"},
            "empty.example": {}},
        "credHelpers": {"h.example": "own", "https://gcr.io": "gcloud"},
        "credsStore": "store", "HttpHeaders": {"User-Agent": "x"}, "detachKeys": "ctrl-e"})");
    REQUIRE(config);
    const auto* hub = config->login_of("docker.io");
    REQUIRE(hub != nullptr);
    CHECK(auth_config(*hub, "docker.io").reveal()
        == R"({"username":"user","password":"pa:ss","serveraddress":"https://index.docker.io/v1/"})");
    CHECK(auth_config(*config->login_of("r.example"), "r.example").reveal()
        == R"({"username":"u","password":"p\"w","serveraddress":"r.example"})");
    CHECK(auth_config(*config->login_of("t.example:5000"), "t.example:5000").reveal()
        == R"({"identitytoken":"id","serveraddress":"t.example:5000"})");
    CHECK(auth_config(*config->login_of("g.example"), "g.example").reveal()
        == R"({"registrytoken":"rt","serveraddress":"g.example"})");
    CHECK(config->login_of("empty.example") == nullptr);
    CHECK(config->login_of("other.example") == nullptr);
    CHECK(config->helper_of("h.example") == "own");
    CHECK(config->helper_of("gcr.io") == "gcloud");
    CHECK(config->helper_of("r.example") == "store");
    CHECK(parse_docker_config("{}")->helper_of("r.example").empty());
}

TEST_CASE("a config.json that cannot be used is refused, its place is named and no value is repeated")
{
    struct Row {
        std::string json;
        std::string place;
    };

    for (const auto& row : std::vector<Row>{{"", ""}, {"[]", "$"}, {R"({"auths":[]})", "$.auths"},
             {R"({"auths":{"r":{"auth":"hidden-value!"}}})", "$.auths.r.auth"},
             {R"({"auths":{"r":{"auth":"aGlkZGVu"}}})", "$.auths.r.auth"},
             {R"({"auths":{"r":{"username":1}}})", "$.auths.r.username"},
             {R"({"credsStore":"../../hidden"})", "$.credsStore"},
             {R"({"credHelpers":{"r":"a b;hidden"}})", "$.credHelpers.r"}}) {
        CAPTURE(row.json);
        const auto config = parse_docker_config(row.json);
        REQUIRE_FALSE(config);
        CHECK(config.error().message().find(row.place) != std::string::npos);
        CHECK(config.error().message().find("hidden") == std::string::npos);
    }
}
