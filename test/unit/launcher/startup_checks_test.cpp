#include "common/base64.h"
#include "common/file.h"
#include "launcher/engine.h"
#include "launcher/startup_checks.h"
#include "test/support/manual_clock.h"
#include "test/support/process.h"
#include "test/support/raw_http_server.h"
#include "test/support/temp_dir.h"
#include "test/unit/launcher/pool_fixture.h"

#include <catch2/catch.hpp>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace slipway;
using namespace slipway::launcher;
using slipway::test::ManualClock;
using slipway::test::PoolFixture;

namespace {

constexpr auto kNow = std::chrono::sys_days{std::chrono::year{2026} / 6 / 1};

const PoolFixture& pool()
{
    static const PoolFixture fixture{kNow};
    return fixture;
}

Config config_with(const std::string& token, const std::string& key)
{
    Config config;
    config.token = Secret{token};
    config.private_keys.emplace_back(key);
    return config;
}

Refusal refusal_of(const Config& config, std::chrono::system_clock::time_point now = kNow)
{
    const ManualClock clock{now};
    const auto checked = check_identity(config, clock);
    REQUIRE(std::holds_alternative<Refusal>(checked));
    return std::get<Refusal>(checked);
}

Refusal refused_token(const std::string& token)
{
    return refusal_of(config_with(token, pool().key_base64()));
}

Refusal refused_key(const std::string& key) { return refusal_of(config_with(pool().token(), key)); }

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

Refusal refused_docker(const std::string& docker_host)
{
    Config config;
    config.docker_host = docker_host;
    const auto address = check_docker_address(config);
    if (const auto* refusal = std::get_if<Refusal>(&address))
        return *refusal;
    const auto checked = check_docker(std::get<docker::Endpoint>(address), {});
    REQUIRE(std::holds_alternative<Refusal>(checked));
    return std::get<Refusal>(checked);
}

} // namespace

TEST_CASE("several keys are taken in their order, from one text or several, the certificate's may be any",
    "[launcher]")
{
    static const auto other = crypto::PrivateKey::generate(2048);
    REQUIRE(other);
    const auto pem = other->to_pem();
    REQUIRE(pem);
    const std::string other_pem{pem->reveal()};
    auto config = config_with(pool().token(), other_pem);
    config.private_keys.emplace_back(pool().key_base64());
    const auto check = [](const Config& given) {
        const ManualClock clock{kNow};
        auto checked = check_identity(given, clock);
        REQUIRE(std::holds_alternative<Identity>(checked));
        const auto& identity = std::get<Identity>(checked);
        REQUIRE(identity.private_keys.size() == 2);
        CHECK(identity.private_keys[0].fingerprint() == other->fingerprint());
        CHECK(identity.private_keys[1].fingerprint() == pool().key.fingerprint());
        CHECK(identity.private_key.fingerprint() == pool().key.fingerprint());
    };
    check(config);
    check(config_with(pool().token(), other_pem + pool().key_pem() + other_pem));
    check(config_with(pool().token(), base64_encode(other_pem + pool().key_pem())));
    CHECK(refusal_of(config_with(pool().token(), other_pem)).code == ExitCode::key_of_another_pool);
    CHECK(refusal_of(config_with(pool().token(), pool().key_pem() + "-----BEGIN PRIVATE KEY-----\nx\n")).code
        == ExitCode::key_unreadable);
}

TEST_CASE("a token and the key that belongs to it are accepted, wrapped or not", "[launcher]")
{
    const ManualClock clock{kNow};
    std::string wrapped = pool().key_base64();
    for (std::size_t at = 76; at < wrapped.size(); at += 77)
        wrapped.insert(at, "\n");
    const auto key = GENERATE_COPY(pool().key_base64(), pool().key_pem(), wrapped);
    const auto checked = check_identity(config_with(pool().token() + "\n", key), clock);
    REQUIRE(std::holds_alternative<Identity>(checked));
    const auto& identity = std::get<Identity>(checked);
    CHECK(identity.url == "https://127.0.0.1:8443");
    CHECK(identity.pool_id == "01J0000000000000000000000P");
    CHECK(identity.ca_pem == pool().fields.ca_pem);
    CHECK(identity.not_after > kNow);
}

TEST_CASE("the address of the operator wins over the token's", "[launcher]")
{
    const ManualClock clock{kNow};
    Config config = config_with(pool().token(), pool().key_base64());
    config.comms_url = "https://other:1";
    const auto checked = check_identity(config, clock);
    REQUIRE(std::holds_alternative<Identity>(checked));
    CHECK(std::get<Identity>(checked).url == "https://other:1");
}

TEST_CASE("each fault of a token has its exit code and names the variable", "[launcher]")
{
    struct Case {
        std::string token;
        ExitCode code;
        std::string words;
    };

    const auto& [token, code, words] = GENERATE_COPY(values<Case>({
        {"", ExitCode::token_missing, "not set"},
        {" \n", ExitCode::token_missing, "not set"},
        {"abc?def", ExitCode::token_not_base64, "position 4"},
        {base64_encode("not json"), ExitCode::token_not_json, "JSON"},
        {base64_encode("{}"), ExitCode::token_incomplete, "broker"},
        {base64_encode(R"({"broker":{"endpoint":"x"}})"), ExitCode::token_incomplete, "comms_url"},
        {"{\"broker\":{}}", ExitCode::token_is_something_else, "JSON"},
        {pool().key_pem(), ExitCode::token_is_something_else, "private key"},
        {pool().key_base64(), ExitCode::token_is_something_else, "private key"},
        {test::request_for(pool().key), ExitCode::token_is_something_else, "request"},
        {pool().fields.certificate_pem, ExitCode::token_is_something_else, "certificate"},
    }));
    const auto refusal = refused_token(token);
    INFO(refusal.message);
    CHECK(refusal.code == code);
    CHECK(refusal.message.starts_with("SPACELIFT_TOKEN"));
    CHECK(holds(refusal.message, words));
}

TEST_CASE("a token whose certificate cannot be read is incomplete", "[launcher]")
{
    auto fields = pool().fields;
    fields.certificate_pem = "no certificate";
    const auto refusal = refused_token(crypto::encode_pool_token(fields));
    CHECK(refusal.code == ExitCode::token_incomplete);
    CHECK(holds(refusal.message, "certificate"));
}

TEST_CASE("a token whose address would carry the session in the clear is refused", "[launcher]")
{
    auto fields = pool().fields;
    fields.comms_url
        = GENERATE(as<std::string>{}, "http://127.0.0.1:8443", "https://127.0.0.1/path", "127.0.0.1");
    const auto refusal = refused_token(crypto::encode_pool_token(fields));
    CHECK(refusal.code == ExitCode::token_incomplete);
    CHECK(refusal.message.starts_with("SPACELIFT_TOKEN: comms_url: "));
    CHECK(holds(refusal.message, "https://host"));
}

TEST_CASE("each fault of a key has its exit code and names the variable", "[launcher]")
{
    struct Case {
        std::string key;
        ExitCode code;
        std::string words;
    };

    const std::string with_passphrase
        = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    const std::string broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    const auto& [key, code, words] = GENERATE_COPY(values<Case>({
        {"", ExitCode::key_missing, "not set"},
        {"ab-cd", ExitCode::key_not_base64, "position 3"},
        {with_passphrase, ExitCode::key_has_passphrase, "passphrase"},
        {base64_encode(with_passphrase), ExitCode::key_has_passphrase, "passphrase"},
        {pool().token(), ExitCode::key_is_something_else, "token"},
        {test::request_for(pool().key), ExitCode::key_is_something_else, "request"},
        {base64_encode(pool().fields.certificate_pem), ExitCode::key_is_something_else, "certificate"},
        {base64_encode("something"), ExitCode::key_is_something_else, "private key"},
        {base64_encode(broken), ExitCode::key_unreadable, "reading the private key"},
    }));
    const auto refusal = refused_key(key);
    INFO(refusal.message);
    CHECK(refusal.code == code);
    CHECK(refusal.message.starts_with("SPACELIFT_POOL_PRIVATE_KEY"));
    CHECK(holds(refusal.message, words));
}

TEST_CASE("a key of fewer than 2048 bits is refused with its length", "[launcher]")
{
    const auto key = test::run_program({"openssl", "genrsa", "1024"});
    REQUIRE(key);
    const auto refusal = refused_key(base64_encode(*key));
    INFO(refusal.message);
    CHECK(refusal.code == ExitCode::key_too_short);
    CHECK(holds(refusal.message, "1024 bits"));
}

TEST_CASE("a key of another pool is refused", "[launcher]")
{
    const auto other = crypto::PrivateKey::generate(2048);
    REQUIRE(other);
    const auto refusal = refused_key(std::string{other->to_pem().value_or(Secret{}).reveal()});
    CHECK(refusal.code == ExitCode::key_of_another_pool);
    CHECK(holds(refusal.message, "SPACELIFT_POOL_PRIVATE_KEY"));
    CHECK(holds(refusal.message, "SPACELIFT_TOKEN"));
}

TEST_CASE("a certificate outside its dates is refused with both times", "[launcher]")
{
    const Config config = config_with(pool().token(), pool().key_base64());
    const auto early = refusal_of(config, kNow - std::chrono::days{30});
    CHECK(early.code == ExitCode::certificate_not_yet_valid);
    CHECK(holds(early.message, "clock says 2026-05-02"));
    const auto late = refusal_of(config, kNow + std::chrono::days{366 * 11});
    CHECK(late.code == ExitCode::certificate_expired);
    CHECK(holds(late.message, "expired at 2036"));
}

TEST_CASE("no message about a token or a key repeats it", "[launcher]")
{
    const std::string secret = pool().key_base64().substr(100, 24);
    for (const auto& refusal : {refused_token(pool().key_base64()), refused_token(pool().key_pem()),
             refused_key(pool().key_base64().substr(0, 400)), refused_token(pool().key_base64() + "?")}) {
        INFO(refusal.message);
        CHECK_FALSE(holds(refusal.message, secret));
        CHECK(refusal.message.size() < 400);
    }
}

TEST_CASE("clocks a minute apart give a warning, and an invalid certificate by the server's clock a refusal",
    "[launcher]")
{
    const ManualClock clock{kNow};
    const auto checked = check_identity(config_with(pool().token(), pool().key_base64()), clock);
    REQUIRE(std::holds_alternative<Identity>(checked));
    const auto& identity = std::get<Identity>(checked);
    const auto close = check_clock(identity, kNow + std::chrono::seconds{59}, kNow);
    CHECK_FALSE(close.warning);
    CHECK_FALSE(close.refusal);
    const auto apart = check_clock(identity, kNow, kNow + std::chrono::seconds{90});
    REQUIRE(apart.warning);
    CHECK(holds(*apart.warning, "1m30s behind"));
    CHECK_FALSE(apart.refusal);
    const auto later = kNow + std::chrono::days{366 * 11};
    const auto expired = check_clock(identity, later + std::chrono::seconds{20}, later);
    REQUIRE(expired.refusal);
    CHECK(expired.refusal->code == ExitCode::certificate_expired);
    CHECK(holds(expired.refusal->message, "expired at 2036"));
    const auto wrong = check_clock(identity, kNow, kNow - std::chrono::days{30});
    REQUIRE(wrong.refusal);
    CHECK(wrong.refusal->code == ExitCode::clock_skew);
    CHECK(holds(wrong.refusal->message, "720h0m0s ahead"));
}

TEST_CASE("a state directory is made, and one that cannot be is refused with the variable", "[launcher]")
{
    const test::TempDir directory;
    CHECK_FALSE(check_state_directory(directory.path() / "a" / "b"));
    CHECK(std::filesystem::is_directory(directory.path() / "a" / "b"));
    const auto refusal = check_state_directory("/dev/null/state");
    REQUIRE(refusal);
    CHECK(refusal->code == ExitCode::state_directory_not_writable);
    CHECK(holds(refusal->message, "SLIPWAY_STATE_DIR"));
    CHECK(holds(refusal->message, "/dev/null/state"));
}

TEST_CASE(
    "a directory that holds something else, or cannot be executed from, is no state directory", "[launcher]")
{
    const test::TempDir root;
    const auto directory = root.path() / "state";
    REQUIRE(make_directories(directory, 0755));
    REQUIRE(make_directories(directory / "jobs"));
    REQUIRE(make_directories(directory / "lost+found"));
    CHECK_FALSE(check_state_directory(directory));
    REQUIRE(replace_file(directory / "letters", "dear"));
    const auto refusal = check_state_directory(directory);
    REQUIRE(refusal);
    CHECK(refusal->code == ExitCode::state_directory_not_writable);
    CHECK(refusal->message.starts_with("SLIPWAY_STATE_DIR"));
    CHECK(holds(refusal->message, "\"letters\""));
    REQUIRE(replace_file(directory / "instance", "01J"));
    CHECK_FALSE(check_state_directory(directory));

    const auto flags
        = [&](unsigned long bits) { return ::mount("none", directory.c_str(), "tmpfs", bits, nullptr) == 0; };
    if (::geteuid() != 0)
        return; // The rest mounts a file system; the tests run as root.
    REQUIRE(::unshare(CLONE_NEWNS) == 0);
    REQUIRE(::mount(nullptr, "/", nullptr, MS_PRIVATE | MS_REC, nullptr) == 0);
    REQUIRE(flags(MS_NOEXEC));
    const auto noexec = check_state_directory(directory);
    REQUIRE(::umount(directory.c_str()) == 0);
    REQUIRE(noexec);
    CHECK(holds(noexec->message, "noexec"));
    REQUIRE(flags(0));
    const auto plain = check_state_directory(directory);
    REQUIRE(::umount(directory.c_str()) == 0);
    CHECK_FALSE(plain);
}

TEST_CASE("why the engine could not be made names the side that failed", "[launcher]")
{
    const std::string docker{kDockerFailed};
    const auto& [error, code, name] = GENERATE_COPY(table<Error, ExitCode, std::string>({
        {{Errc::conflict, "in use"}, ExitCode::state_directory_in_use, "SLIPWAY_STATE_DIR"},
        {{Errc::rejected, "opening lock: Permission denied"}, ExitCode::state_directory_not_writable,
            "SLIPWAY_STATE_DIR"},
        {{Errc::unreachable, docker + ": refused"}, ExitCode::docker_unreachable, "DOCKER_HOST"},
        {{Errc::timed_out, docker + ": 10s"}, ExitCode::docker_silent, "DOCKER_HOST"},
        {{Errc::rejected, docker + ": no"}, ExitCode::docker_not_permitted, "DOCKER_HOST"},
        {{Errc::conflict, docker + ": 409"}, ExitCode::docker_unreachable, "DOCKER_HOST"},
    }));
    const auto refusal = engine_refusal(error);
    CHECK(refusal.code == code);
    CHECK(refusal.message.starts_with(name + ": " + error.message()));
    CHECK(engine_refusal(Error{Errc::invalid_input, "mount"}).code == ExitCode::bad_option);
    CHECK(engine_refusal(Error{Errc::not_found, "network"}).code == ExitCode::docker_lacks_setting);
}

TEST_CASE("each fault of the Docker socket has its exit code and a remedy", "[launcher]")
{
    const test::TempDir directory;
    const std::string socket = (directory.path() / "d.sock").string();
    const std::string host = "unix://" + socket;
    SECTION("there is none")
    {
        const auto refusal = refused_docker(host);
        CHECK(refusal.code == ExitCode::docker_missing);
        CHECK(holds(refusal.message, socket));
        CHECK(holds(refusal.message, "install and start Docker"));
    }
    SECTION("nobody listens")
    {
        const UniqueFd bound{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socket.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
        REQUIRE(::bind(bound.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        const auto refusal = refused_docker(host);
        CHECK(refusal.code == ExitCode::docker_unreachable);
        CHECK(holds(refusal.message, "start Docker"));
    }
    SECTION("it is too old")
    {
        test::RawHttpServer server{std::filesystem::path{socket}, [](test::RawHttpServer::Connection& peer) {
                                       if (peer.read_request())
                                           peer.send(test::http_response(200, "OK", "Api-Version: 1.24\r\n"));
                                   }};
        const auto refusal = refused_docker(host);
        CHECK(refusal.code == ExitCode::docker_too_old);
        CHECK(holds(refusal.message, "1.41"));
    }
    SECTION("it hangs")
    {
        test::RawHttpServer server{std::filesystem::path{socket},
            [](test::RawHttpServer::Connection& peer) { peer.wait_for_close(); }};
        const auto refusal = refused_docker(host);
        CHECK(refusal.code == ExitCode::docker_silent);
        CHECK(holds(refusal.message, "does not answer"));
    }
    SECTION("the address is of another kind")
    {
        const auto refusal = refused_docker("ssh://127.0.0.1");
        CHECK(refusal.code == ExitCode::bad_option);
        CHECK(holds(refusal.message, "DOCKER_HOST"));
    }
}

TEST_CASE("the reason why a registration cannot succeed names the right side", "[launcher]")
{
    const auto refused
        = registration_refusal(Error{Errc::rejected, "401 Unauthorized: no such pool"}, "https://h");
    CHECK(refused.code == ExitCode::server_refused);
    CHECK(holds(refused.message, "no such pool"));
    CHECK(holds(refused.message, "SPACELIFT_TOKEN"));
    const auto foreign = registration_refusal(
        Error{Errc::rejected, "registering: the server's certificate is not trusted: self-signed"},
        "https://h");
    CHECK(foreign.code == ExitCode::server_not_trusted);
    CHECK(holds(foreign.message, "SPACELIFT_WORKER_COMMS_URL"));
}

TEST_CASE("each fault of an engine over TCP has its exit code and a remedy", "[launcher]")
{
    const test::TempDir directory;
    Config config;
    config.docker_tls_verify = true;
    config.docker_host = "tcp://127.0.0.1:1";
    const auto refused = [&] {
        const auto address = check_docker_address(config);
        REQUIRE(std::holds_alternative<Refusal>(address));
        return std::get<Refusal>(address);
    };
    CHECK(holds(refused().message, "DOCKER_CERT_PATH is not"));
    config.docker_cert_path = directory.path();
    CHECK(refused().code == ExitCode::bad_option);
    CHECK(holds(refused().message, (directory.path() / "ca.pem").string()));
    config.docker_tls_verify = false;
    const auto nobody = refused_docker("tcp://127.0.0.1:1");
    CHECK(nobody.code == ExitCode::docker_unreachable);
    CHECK(holds(nobody.message, "tcp://127.0.0.1:1 cannot be reached"));
    CHECK(holds(nobody.message, "DOCKER_TLS_VERIFY=1"));
    config.docker_host = "unix:///var/run/docker.sock";
    config.docker_tls_verify = true;
    CHECK(std::holds_alternative<docker::Endpoint>(check_docker_address(config)));
}

TEST_CASE("a seccomp profile is read from its file, and one that cannot be used is refused", "[launcher]")
{
    const test::TempDir directory;
    const auto file = directory.path() / "profile.json";
    const auto with = [](const std::string& option) {
        JobResources job;
        job.security_opt = {"no-new-privileges", option};
        return job;
    };
    REQUIRE(replace_file(file, "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}"));
    auto job = with("seccomp=" + file.string());
    REQUIRE_FALSE(read_seccomp_profiles(job));
    CHECK(job.security_opt[1] == "seccomp={\"defaultAction\": \"SCMP_ACT_ALLOW\"}");
    auto unconfined = with("seccomp=unconfined");
    REQUIRE_FALSE(read_seccomp_profiles(unconfined));
    CHECK(unconfined.security_opt[1] == "seccomp=unconfined");
    REQUIRE(replace_file(file, "no json"));
    for (const auto& path : {file.string(), std::string{"/nowhere/profile.json"}}) {
        auto broken = with("seccomp=" + path);
        const auto refusal = read_seccomp_profiles(broken);
        REQUIRE(refusal);
        CHECK(refusal->code == ExitCode::bad_option);
        CHECK(holds(refusal->message, "SLIPWAY_JOB_SECURITY_OPT"));
        CHECK(holds(refusal->message, path));
    }
}
