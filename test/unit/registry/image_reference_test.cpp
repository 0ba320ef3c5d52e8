#include "launcher/registry/image_reference.h"

#include <catch2/catch.hpp>

using namespace slipway::launcher;

TEST_CASE("names of images are read as Docker reads them")
{
    struct Row {
        std::string text;
        std::string place;
        std::string tag;
        std::string digest;
    };

    const std::string digest = "sha256:" + std::string(64, 'a');
    for (const auto& row : std::vector<Row>{
             {"ubuntu", "docker.io/library/ubuntu", "latest", ""},
             {"ubuntu:22.04", "docker.io/library/ubuntu", "22.04", ""},
             {"me/tool", "docker.io/me/tool", "latest", ""},
             {"docker.io/ubuntu", "docker.io/library/ubuntu", "latest", ""},
             {"index.docker.io/me/tool:1", "docker.io/me/tool", "1", ""},
             {"localhost/a:1", "localhost/a", "1", ""},
             {"127.0.0.1:5000/a/b__c-d.e:V_1", "127.0.0.1:5000/a/b__c-d.e", "V_1", ""},
             {"[::1]:5000/a", "[::1]:5000/a", "latest", ""},
             {"Registry/a", "Registry/a", "latest", ""},
             {"r.example/a@" + digest, "r.example/a", "", digest},
             {"r.example/a:1@" + digest, "r.example/a", "1", digest},
         }) {
        CAPTURE(row.text);
        const auto read = parse_image_reference(row.text);
        REQUIRE(read);
        CHECK(read->place() == row.place);
        CHECK(read->tag == row.tag);
        CHECK(read->digest == row.digest);
    }
}

TEST_CASE("what is no name of an image is refused")
{
    for (const auto& text :
        {std::string{}, std::string{":1"}, std::string{"/a"}, std::string{"a/"}, std::string{"a//b"},
            std::string{"A"}, std::string{"a b"}, std::string{"a:"}, std::string{"a:-1"}, std::string{"a._b"},
            std::string{"a___b"}, std::string{"-a"}, std::string{"a-"}, std::string{"r.example:x/a"},
            std::string{"r.example:/a"}, std::string{"-r.example/a"}, std::string{"[::1/a"},
            std::string{"a@sha256:12"}, std::string{"a@"}, std::string{"../a"}, std::string{"a\n"},
            std::string(64, 'a'), "r.example/" + std::string(300, 'a'), "a:" + std::string(129, '1'),
            "sha256:" + std::string(64, 'a')}) {
        CAPTURE(text);
        CHECK_FALSE(parse_image_reference(text));
    }
    CHECK(is_image_id("sha256:" + std::string(64, 'a')));
    CHECK_FALSE(is_image_id("sha256:" + std::string(63, 'a')));
}
