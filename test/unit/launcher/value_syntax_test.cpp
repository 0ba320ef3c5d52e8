#include "common/base64.h"
#include "launcher/job_values.h"
#include "launcher/value_syntax.h"
#include "test/support/manual_clock.h"
#include "test/unit/launcher/pool_fixture.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::launcher;

namespace {

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

template <class T> std::string message_of(const Result<T>& result)
{
    REQUIRE_FALSE(result);
    CHECK(result.error().code() == Errc::invalid_input);
    return result.error().message();
}

std::string root_cas(const std::string& json) { return base64_encode(json); }

} // namespace

TEST_CASE("sizes are read in powers of 1024 and written as short as is exact", "[launcher]")
{
    struct Case {
        std::string_view text;
        std::uint64_t bytes;
        std::string_view shown;
    };

    const auto& [text, bytes, shown] = GENERATE(values<Case>({
        {"none", 0, "none"},
        {"0", 0, "none"},
        {"1023", 1023, "1023"},
        {"1k", 1024, "1KiB"},
        {"1536KiB", 1536ULL * 1024, "1536KiB"},
        {"512MiB", 512ULL << 20, "512MiB"},
        {"512m", 512ULL << 20, "512MiB"},
        {"512Mi", 512ULL << 20, "512MiB"},
        {"2GB", 2ULL << 30, "2GiB"},
        {"1024g", 1ULL << 40, "1TiB"},
        {"7b", 7, "7"},
    }));
    const auto size = read_size(text);
    REQUIRE(size);
    CHECK(*size == bytes);
    CHECK(size_text(bytes) == shown);
    CHECK(read_size(size_text(bytes)).value_or(1) == bytes);
}

TEST_CASE("what is no size is refused with an example", "[launcher]")
{
    const auto text = GENERATE(as<std::string>{}, "", "m", "-1", "1.5g", "1 g", "1x", "1kk", "1ibk",
        "9223372036854775808", "8388608t", "99999999999999999999");
    CHECK(holds(message_of(read_size(text)), "\"" + text + "\" is no size"));
}

TEST_CASE("CPUs are read in billionths", "[launcher]")
{
    CHECK(read_cpus("2").value_or(0) == 2'000'000'000);
    CHECK(read_cpus("0.5").value_or(0) == 500'000'000);
    CHECK(read_cpus("none").value_or(1) == 0);
    CHECK(cpus_text(1'250'000'000) == "1.25");
    CHECK(cpus_text(2'000'000'000) == "2");
    CHECK(cpus_text(10'000'000) == "0.01");
    CHECK(cpus_text(0) == "none");
    const auto bad = GENERATE(as<std::string>{}, "0", "-1", "0.001", "nan", "inf", "two", "1.5x", "");
    CHECK(holds(message_of(read_cpus(bad)), "0.5"));
}

TEST_CASE("a part of a disk is read with and without its sign", "[launcher]")
{
    CHECK(read_percent("80").value_or(0) == 80);
    CHECK(read_percent("80%").value_or(0) == 80);
    CHECK(read_percent("100%").value_or(0) == 100);
    CHECK(read_percent("0").value_or(1) == 0);
    CHECK(read_percent("none").value_or(1) == 0);
    const auto bad = GENERATE(as<std::string>{}, "101", "-1", "80%%", "0.8", "%");
    CHECK(holds(message_of(read_percent(bad)), "80%"));
}

TEST_CASE("an address to listen on has a port, and a host unless it is the loopback one", "[launcher]")
{
    CHECK(read_host_port("127.0.0.1:9464"));
    CHECK(read_host_port("[::1]:9464"));
    CHECK(read_host_port("localhost:1"));
    for (const auto* const port : {"9464", ":9464"}) {
        const auto address = read_host_port(port);
        REQUIRE(address);
        CHECK(*address == "127.0.0.1:9464");
    }
    const auto bad = GENERATE(as<std::string>{}, ":", "0", "localhost", "localhost:0", "localhost:65536",
        "a b:1", "http://a:1", "a:1/", "a:1/x", "a@b:1");
    CHECK(holds(message_of(read_host_port(bad)), "127.0.0.1:9464"));
}

TEST_CASE("a proxy is an address, and no password of one is repeated", "[launcher]")
{
    for (const auto* good : {"http://proxy:3128", "proxy:3128", "proxy", "http://me:hush@proxy:3128/",
             "socks5h://[::1]:1080", "https://proxy"})
        CHECK(read_proxy(good));
    for (const auto* bad : {"", "ftp://proxy", "http://", "http://me:hush@", "http://me:hush@pro xy",
             "http://me:hush@proxy/path", "http://me:hush@proxy:99999"}) {
        const auto message = message_of(read_proxy(bad));
        CHECK(holds(message, "http://host:port"));
        CHECK_FALSE(holds(message, "hush"));
    }
    CHECK(without_password("http://me:hu@sh@proxy:1") == "http://(hidden)@proxy:1");
    CHECK(without_password("me:hush@proxy:1") == "(hidden)@proxy:1");
    CHECK(without_password("http://proxy:1") == "http://proxy:1");
}

TEST_CASE("a mount is two absolute paths, read-only is said at its end", "[launcher]")
{
    const auto mounts = read_mounts(" /a:/b , /c//d/./e/:/f:ro,/g:/h:rw,", StageClass::read);
    REQUIRE(mounts);
    REQUIRE(mounts->size() == 3);
    CHECK((*mounts)[0].host == "/a");
    CHECK((*mounts)[0].container == "/b");
    CHECK_FALSE((*mounts)[0].read_only);
    CHECK((*mounts)[0].stages == StageClass::read);
    CHECK((*mounts)[1].host == "/c/d/e");
    CHECK((*mounts)[1].read_only);
    CHECK_FALSE((*mounts)[2].read_only);
    CHECK(mounts_text(*mounts, StageClass::read) == "/a:/b,/c/d/e:/f:ro,/g:/h");
    CHECK(mounts_text(*mounts, StageClass::every).empty());
}

TEST_CASE("what is no mount is refused with the form that is one", "[launcher]")
{
    const auto bad = GENERATE(as<std::string>{}, "/a", "/a:", ":/b", "a:/b", "/a:b", "/a:/b:x", "/a:/b:ro:ro",
        "/a/../b:/c", "/a:/b/..", "name:/data", "/a:/b:/c");
    const auto message = message_of(read_mounts("/ok:/ok," + bad, StageClass::every));
    CHECK(holds(message, "\"" + bad + "\" is no mount"));
    CHECK(holds(message, "/path/on/the/host:/path/in/the/job"));
}

TEST_CASE("a mount does not hide what belongs to the launcher", "[launcher]")
{
    const auto target = GENERATE(as<std::string>{}, "/", "/mnt", "/mnt/workspace", "/mnt/slipway/plugins",
        "/mnt/workspace/source/x", "/.slipway", "/.slipway/init");
    CHECK(holds(message_of(read_mounts("/a:" + target, StageClass::every)), "belongs to the launcher"));
    CHECK(read_mounts("/a:/mnt/workspace2,/b:/mnt/x,/c:/.slipway2", StageClass::every));
}

TEST_CASE("two mounts on one target are refused where one stage would see both", "[launcher]")
{
    const auto of = [](StageClass stages) { return ExtraMount{"/x", "/t", false, stages}; };
    CHECK(check_mounts({of(StageClass::read), of(StageClass::write)}));
    for (const auto stages : {StageClass::every, StageClass::read, StageClass::write}) {
        CHECK(holds(message_of(check_mounts({of(stages), of(stages)})), "/t"));
        CHECK_FALSE(check_mounts({of(StageClass::every), of(stages)}));
    }
}

TEST_CASE("ulimits are read as the Docker command reads them", "[launcher]")
{
    const auto limits = read_ulimits("nofile=1024:2048, core=0,memlock=-1");
    REQUIRE(limits);
    CHECK(ulimits_text(*limits) == "nofile=1024:2048,core=0:0,memlock=-1:-1");
    const auto bad = GENERATE(as<std::string>{}, "nofile", "nofile=", "nofile=2:1", "nofile=-1:5", "files=1",
        "nofile=1:2:3", "nofile=a", "nofile=1.5");
    CHECK(holds(message_of(read_ulimits(bad)), "nofile=1024:2048"));
    CHECK(holds(message_of(read_ulimits("core=0,core=1")), "twice"));
}

TEST_CASE("capabilities are read with and without their prefix", "[launcher]")
{
    CHECK(read_capabilities("NET_RAW, CAP_MKNOD").value_or(docker::Strings{})
        == docker::Strings{"NET_RAW", "MKNOD"});
    CHECK(read_capabilities("ALL").value_or(docker::Strings{}) == docker::Strings{"ALL"});
    CHECK(read_capabilities("none").value_or(docker::Strings{"x"}).empty());
    const auto bad = GENERATE(as<std::string>{}, "net_raw", "NET RAW", "CAP_", "NET_RAW,none");
    CHECK(holds(message_of(read_capabilities(bad)), "SYS_PTRACE"));
}

TEST_CASE("security options and users are checked at the start", "[launcher]")
{
    CHECK(read_security_options("no-new-privileges,seccomp=/p.json, apparmor=x,label=type:y")
              .value_or(docker::Strings{})
              .size()
        == 4);
    for (const auto* bad : {"seccomp", "seccomp=", "systempaths=unconfined", "x"})
        CHECK(holds(message_of(read_security_options(bad)), "seccomp=FILE"));
    for (const auto* good : {"1983", "spacelift", "1983:1983", "a:b"})
        CHECK(read_user(good));
    for (const auto* bad : {"", ":", "a:", ":b", "a b", "a:b:c", "a,b"})
        CHECK(holds(message_of(read_user(bad)), "user:group"));
}

TEST_CASE("further authorities are read strictly", "[launcher]")
{
    const test::PoolFixture pool{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1}};
    const auto one = base64_encode(pool.fields.ca_pem);
    const auto both = read_root_cas(root_cas(R"({"caCertificates":[")" + one + R"(",")" + one + R"("]})"));
    REQUIRE(both);
    CHECK(*both == pool.fields.ca_pem + pool.fields.ca_pem);
    CHECK(holds(message_of(read_root_cas("%%")), "caCertificates"));
    CHECK(holds(message_of(read_root_cas(root_cas("x"))), "not of JSON"));
    CHECK(holds(message_of(read_root_cas(root_cas("{}"))), "no certificate"));
    CHECK(holds(message_of(read_root_cas(root_cas(R"({"caCertificates":[]})"))), "no certificate"));
    CHECK(holds(message_of(read_root_cas(root_cas(R"({"certs":[]})"))), "\"certs\""));
    CHECK(holds(message_of(read_root_cas(root_cas(R"({"caCertificates":["eA=="]})"))), "caCertificates[0]"));
    CHECK(holds(message_of(read_root_cas(root_cas(R"({"caCertificates":[1]})"))), "caCertificates[0]"));
    CHECK(holds(message_of(read_root_cas(root_cas(R"({"caCertificates":"x"})"))), "caCertificates"));
}
