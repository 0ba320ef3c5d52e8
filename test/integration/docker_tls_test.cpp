#include "common/file.h"
#include "launcher/startup_checks.h"
#include "test/integration/job_house.h"
#include "test/support/engine.h"
#include "test/support/free_port.h"
#include "test/support/process.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;

namespace {

/// An authority with a certificate of the engine and one of its client, named as the docker command has them.
struct Pki {
    TempDir directory;

    Pki()
    {
        const auto made = run_program({"/bin/sh", "-ec", R"(cd "$0"
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 2
for who in server client; do
    openssl req -newkey rsa:2048 -nodes -keyout $who.key -out $who.csr -subj /CN=$who
    printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n' >ext
    openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $who.pem -days 2 -extfile ext
done
mkdir client stranger; cp ca.pem client/; cp client.pem client/cert.pem; cp client.key client/key.pem
cp ca.pem stranger/)",
            directory.path().string()});
        REQUIRE(made);
    }

    [[nodiscard]] std::string file(const char* name) const { return (directory.path() / name).string(); }
};

} // namespace

TEST_CASE("a job runs on an engine over TCP and TLS, and each side refuses whom it does not know")
{
    const Pki pki;
    const std::string address = "tcp://127.0.0.1:" + std::to_string(free_port());
    const OwnEngine own{std::vector<std::string>{"--host", address, "--tlsverify", "--tlscacert",
        pki.file("ca.pem"), "--tlscert", pki.file("server.pem"), "--tlskey", pki.file("server.key")}};
    Config config;
    config.docker_host = address;
    config.docker_tls_verify = true;
    const auto reach = [&config] {
        const auto endpoint = check_docker_address(config);
        REQUIRE(std::holds_alternative<docker::Endpoint>(endpoint));
        return check_docker(std::get<docker::Endpoint>(endpoint), {});
    };
    config.docker_cert_path = pki.file("client");
    const auto engine = reach();
    REQUIRE(std::holds_alternative<docker::Engine>(engine));
    for (const auto transport : {SlotTransport::socket, SlotTransport::stdio}) {
        JobHouse house{std::get<docker::Engine>(engine)};
        house.transport = transport;
        house.start();
        CHECK(house.run("echo over TLS") == "over TLS\n=0");
        // More than one record of TLS, and than what its library reads ahead.
        const auto much = house.run("seq 100000");
        CHECK(much.size() == 588'895 + 2);
        CHECK(much.ends_with("\n100000\n=0"));
    }
    config.docker_cert_path = pki.file("stranger");
    const auto unknown = reach();
    REQUIRE(std::holds_alternative<Refusal>(unknown));
    CHECK(std::get<Refusal>(unknown).code == ExitCode::docker_not_trusted);
    const Pki other;
    config.docker_cert_path = other.file("client");
    const auto foreign = reach();
    REQUIRE(std::holds_alternative<Refusal>(foreign));
    CHECK(std::get<Refusal>(foreign).code == ExitCode::docker_not_trusted);
    CHECK(std::get<Refusal>(foreign).message.find("ca.pem") != std::string::npos);
    config.docker_tls_verify = false;
    const auto plain = reach();
    REQUIRE(std::holds_alternative<Refusal>(plain));
    CHECK(std::get<Refusal>(plain).message.find("DOCKER_TLS_VERIFY=1") != std::string::npos);
}
