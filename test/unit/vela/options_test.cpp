#include "launcher/vela/dotenv.h"
#include "launcher/vela/options.h"
#include "test/unit/vela/option_sources.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace slipway;
using namespace slipway::vela;
using namespace slipway::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

/// Reads the basic sources with these variables before them.
Result<ReadOptions> read_with(const std::vector<std::pair<std::string, std::string>>& variables)
{
    auto given = basic_sources();
    given.variables.insert(given.variables.begin(), variables.begin(), variables.end());
    return read_options(given.sources());
}

std::string failure(const std::vector<std::pair<std::string, std::string>>& variables)
{
    const auto read = read_with(variables);
    if (read)
        return "it was read";
    CHECK(read.error().code() == Errc::invalid_input);
    return read.error().message();
}

std::string warnings(const std::vector<std::pair<std::string, std::string>>& variables)
{
    const auto read = read_with(variables);
    if (!read)
        return "failed: " + read.error().message();
    std::string all;
    for (const auto& warning : read->warnings)
        all += warning + "\n";
    return all;
}

} // namespace

TEST_CASE("What is not set has its default")
{
    const auto read = read_with({});
    REQUIRE(read);
    const auto& options = read->options;
    CHECK(read->warnings.empty());
    CHECK(options.worker_address == "http://machine-1");
    CHECK(options.hostname == "machine-1");
    CHECK(options.port == 80);
    CHECK_FALSE(options.https);
    CHECK(options.check_in == std::chrono::minutes{15});
    CHECK(options.build_limit == 1);
    CHECK(options.build_timeout == std::chrono::minutes{30});
    CHECK(options.file_size_limit == 100);
    CHECK(options.build_file_size_limit == 500);
    CHECK(options.tls_min_version == "1.2");
    CHECK(options.queue_routes == std::vector<std::string>{"vela"});
    CHECK(options.pop_timeout == std::chrono::seconds{60});
    CHECK(options.log_streaming_timeout == std::chrono::minutes{5});
    CHECK(options.enforce_trusted_repos);
    CHECK(options.server_secret.empty());
    CHECK(options.state_directory == "/var/lib/slipway");
    CHECK(options.docker_host == "unix:///var/run/docker.sock");
}

TEST_CASE("A variable that is there and empty counts before those behind it")
{
    CHECK(read_with({{"WORKER_SERVER_SECRET", ""}, {"VELA_SERVER_SECRET", "s"}})
              ->options.server_secret.empty());
    CHECK(read_with({{"WORKER_BUILD_LIMIT", ""}, {"VELA_BUILD_LIMIT", "9"}})->options.build_limit == 1);
    CHECK(read_with({{"VELA_QUEUE_ROUTES", ""}, {"QUEUE_ROUTES", "a"}})->options.queue_routes.front()
        == "vela");
    CHECK_FALSE(read_with({{"VELA_QUEUE_CLUSTER", ""}, {"QUEUE_CLUSTER", "true"}})->options.queue_cluster);
    CHECK_THAT(failure({{"WORKER_ADDR", ""}, {"VELA_WORKER_ADDR", "http://w"}}), StartsWith("WORKER_ADDR: "));
    CHECK_THAT(failure({{"WORKER_SERVER_ADDR", ""}}), StartsWith("WORKER_SERVER_ADDR: it is empty"));
}

TEST_CASE("An empty value does not take the protection of trusted repositories away")
{
    CHECK(read_with({{"VELA_EXECUTOR_ENFORCE_TRUSTED_REPOS", ""}})->options.enforce_trusted_repos);
    CHECK_THAT(warnings({{"VELA_EXECUTOR_ENFORCE_TRUSTED_REPOS", ""}}), Contains("the default counts"));
}

TEST_CASE("The host of the worker's address is its name, and the port where it listens")
{
    struct Address {
        std::string text;
        std::string hostname;
        int port;
        bool https;
    };

    for (const auto& [text, hostname, port, https] :
        {Address{"http://Worker-1:8080", "Worker-1", 8080, false},
            Address{"https://w.test", "w.test", 443, true}, Address{"http://10.0.0.7", "10.0.0.7", 80, false},
            Address{"http://[::1]:99", "::1", 99, false}}) {
        CAPTURE(text);
        const auto read = read_with({{"VELA_WORKER_ADDR", text}});
        REQUIRE(read);
        CHECK(read->options.worker_address == text);
        CHECK(read->options.hostname == hostname);
        CHECK(read->options.port == port);
        CHECK(read->options.https == https);
    }
}

TEST_CASE("A wrong value is refused by the name that it has, and the message says what to do")
{
    struct Wrong {
        std::string name;
        std::string value;
        std::string says;
    };

    for (const auto& [name, value, says] : std::vector<Wrong>{{"VELA_WORKER", "worker-1", "such as http://"},
             {"WORKER_ADDR", "http://worker-1/", "ends in a slash"}, {"WORKER_ADDR", "http://:80", "http://"},
             {"WORKER_ADDR", "http://w:0", "http://"}, {"WORKER_ADDR", "http://w:99999", "http://"},
             {"WORKER_ADDR", "tcp://w", "http://"}, {"WORKER_ADDR", "http://w/path", "a path"},
             {"CHECK_IN", "15", "15"}, {"CHECK_IN", "0s", "or more"}, {"VELA_BUILD_LIMIT", "0", "0"},
             {"VELA_BUILD_LIMIT", "-1", "-1"}, {"BUILD_LIMIT", "many", "many"},
             {"VELA_BUILD_LIMIT", " 2", "2"}, {"BUILD_LIMIT", "99999999999", "99999999999"},
             {"BUILD_TIMEOUT", "-3m", "out of range"},
             {"VELA_SERVER", "vela.test", "https://vela.example.com"},
             {"QUEUE_DRIVER", "kafka", "set it to redis"}, {"QUEUE_DRIVER", "", "set it to redis"},
             {"QUEUE_ADDR", "queue:6379", "redis://"}, {"QUEUE_ADDR", "redis://queue/", "slash"},
             {"QUEUE_ADDR", "http://queue", "rediss://"}, {"QUEUE_CLUSTER", "yes", "set it to true or false"},
             {"QUEUE_POP_TIMEOUT", "0", "or more"}, {"EXECUTOR_DRIVER", "local", "set it to linux"},
             {"EXECUTOR_DRIVER", "", "set it to linux"},
             {"VELA_RUNTIME_DRIVER", "kubernetes", "no Kubernetes runtime"},
             {"RUNTIME_DRIVER", "", "set it to docker"}, {"RUNTIME_VOLUMES", "/a:/b:ro:x", "too many parts"},
             {"RUNTIME_VOLUMES", "data:/b", "absolute path"}, {"RUNTIME_VOLUMES", "/a:b", "absolute path"},
             {"RUNTIME_VOLUMES", "/a:/b:rx", "give ro or rw"}, {"RUNTIME_VOLUMES", "/a,:", "absolute path"},
             {"RUNTIME_DROP_CAPABILITIES", "net raw", "no capability"},
             {"EXECUTOR_MAX_LOG_SIZE", "1MB", "1MB"}, {"STORAGE_FILE_SIZE_LIMIT", "-1", "-1"},
             {"SLIPWAY_STRICT_TLS", "maybe", "true or false"}}) {
        CAPTURE(name, value);
        auto given = basic_sources();
        if (name.find("QUEUE_DRIVER") != std::string::npos)
            given.variables.pop_back();
        if (name.find("SERVER") != std::string::npos)
            given.variables.erase(given.variables.begin());
        given.variables.emplace_back(name, value);
        const auto read = read_options(given.sources());
        REQUIRE_FALSE(read);
        CHECK(read.error().code() == Errc::invalid_input);
        CHECK_THAT(read.error().message(), StartsWith(name + ": "));
        CHECK_THAT(read.error().message(), Contains(says));
    }
}

TEST_CASE("What is required and missing is named with its usual name")
{
    auto given = basic_sources();
    given.variables.pop_back();
    given.arguments = {"--backend", "vela"};
    CHECK_THAT(read_options(given.sources()).error().message(), StartsWith("VELA_QUEUE_DRIVER is not set"));
    given.variables.clear();
    CHECK_THAT(read_options(given.sources()).error().message(), StartsWith("VELA_SERVER_ADDR is not set"));
    given.variables.emplace_back("VELA_SERVER_ADR", "http://vela.test");
    CHECK_THAT(read_options(given.sources()).error().message(), Contains("VELA_SERVER_ADR is set"));
}

TEST_CASE("No message repeats a queue's address or a secret")
{
    for (const std::string address :
        {"http://u:hush-hush@q", "redis://u:hush-hush@q/", "redis://u:hush hush-hush@q"})
        CHECK_THAT(failure({{"VELA_QUEUE_ADDR", address}}), !Contains("hush-hush"));
    auto given = basic_sources();
    given.arguments = {"--server.secert=hush-hush"};
    const auto message = read_options(given.sources()).error().message();
    CHECK_THAT(message, !Contains("hush-hush") && Contains("did you mean --server.secret?"));
}

TEST_CASE("A volume is read only unless it says otherwise")
{
    const auto volumes = read_with({{"RUNTIME_VOLUMES", "/a,/b:/c,/d:/e:rw,/f:/g:ro"}})->options.volumes;
    REQUIRE(volumes.size() == 4);
    CHECK((volumes[0].target == "/a" && volumes[0].read_only));
    CHECK((volumes[1].target == "/c" && volumes[1].read_only));
    CHECK((volumes[2].target == "/e" && !volumes[2].read_only));
    CHECK((volumes[3].target == "/g" && volumes[3].read_only));
}

TEST_CASE("A file's one newline is no part of the value, and a second one is")
{
    auto given = basic_sources();
    given.variables.pop_back();
    for (const std::string end : {"", "\n", "\r\n"}) {
        given.files = {{"/vela/queue/driver", "redis" + end}, {"/vela/queue/routes", "a,b" + end}};
        const auto read = read_options(given.sources());
        REQUIRE(read);
        CHECK(read->options.queue_routes == std::vector<std::string>{"a", "b"});
    }
    given.files["/vela/queue/driver"] = "redis\n\n";
    CHECK_THAT(read_options(given.sources()).error().message(), StartsWith("/vela/queue/driver: "));
}

TEST_CASE("The file .env fills in what the environment does not have")
{
    auto given = basic_sources();
    given.files[".env"]
        = "VELA_BUILD_LIMIT=4\nVELA_SERVER_ADDR=http://other.test\nnonsense\nVELA_BILD_TIMEOUT=1m\n";
    const auto read = read_options(given.sources());
    REQUIRE(read);
    CHECK(read->options.build_limit == 4);
    CHECK(read->options.server_address == "https://vela.test");
    REQUIRE(read->warnings.size() == 2);
    CHECK_THAT(read->warnings[0], StartsWith(".env: line 3 "));
    CHECK_THAT(
        read->warnings[1], StartsWith("VELA_BILD_TIMEOUT ") && Contains("did you mean VELA_BUILD_TIMEOUT?"));
    given.variables.emplace_back("BUILD_LIMIT", "");
    CHECK(read_options(given.sources())->options.build_limit == 4);
}

TEST_CASE("The forms of a line of .env")
{
    const auto file = read_dotenv(
        "\xEF\xBB\xBF# comment\n\nA=1\r\nexport B = two words # comment\nC: three\n"
        "D='$A # not'\nE=\"x\\n${A}\\\"$B\" # c\nF=$A-$NONE.$\nG=a#b\nA=9\nH=\"open\n=x\n1X=y\n");
    const std::vector<std::pair<std::string, std::string>> wanted{{"B", "two words"}, {"C", "three"},
        {"D", "$A # not"}, {"E", "x\n1\"two words"}, {"F", "1-.$"}, {"G", "a#b"}, {"A", "9"}};
    CHECK(file.variables == wanted);
    CHECK(file.unread_lines == std::vector<int>{11, 12, 13});
}

TEST_CASE("A name that resembles a known one, or is known no more, is warned of")
{
    CHECK_THAT(warnings({{"VELA_BUILD_LIMTI", "2"}}), Contains("did you mean VELA_BUILD_LIMIT?"));
    CHECK_THAT(warnings({{"WORKER_CHEK_IN", "2"}}), Contains("did you mean WORKER_CHECK_IN?"));
    CHECK_THAT(warnings({{"VELA_EXECUTOR_LOG_METHOD", "byte-chunks"}}), Contains("not known any more"));
    CHECK_THAT(warnings({{"EXECUTOR_LOG_STREAMING_TIMEOUT", "1m"}}), Contains("VELA_LOG_STREAMING_TIMEOUT"));
    CHECK(
        warnings({{"VELA_SOMETHING_ELSE_ALTOGETHER", "2"}, {"PATH", "/bin"}, {"BUILD_LIMTI", "2"}}).empty());
}

TEST_CASE("What is taken without effect is warned of")
{
    CHECK_THAT(warnings({{"RUNTIME_NAMESPACE", "n"}}), StartsWith("RUNTIME_NAMESPACE has no effect"));
    CHECK_THAT(warnings({{"VELA_QUEUE_PRIVATE_KEY", "k"}}), Contains("should not be given the key"));
    CHECK_THAT(warnings({{"LOG_LEVEL", "loud"}}), Contains("counts as info"));
    CHECK_THAT(warnings({{"QUEUE_ROUTES", "a, b"}}), Contains("blank"));
    CHECK(warnings({{"VELA_QUEUE_PUBLIC_KEY", "k"}}).empty());
}

TEST_CASE("Certificates go with https, both of them, or are made")
{
    CHECK_THAT(warnings({{"WORKER_ADDR", "https://w"}}), StartsWith("WORKER_ADDR is https://"));
    CHECK_THAT(failure({{"WORKER_ADDR", "https://w"}, {"SLIPWAY_STRICT_TLS", "true"}}),
        Contains("VELA_SERVER_CERT") && Contains("SLIPWAY_STRICT_TLS"));
    CHECK_THAT(failure({{"WORKER_ADDR", "https://w"}, {"SERVER_CERT", "/c"}}),
        StartsWith("SERVER_CERT is set and VELA_SERVER_CERT_KEY is not"));
    CHECK_THAT(failure({{"WORKER_ADDR", "https://w"}, {"WORKER_SERVER_CERT_KEY", "/k"}}),
        StartsWith("WORKER_SERVER_CERT_KEY is set and VELA_SERVER_CERT is not"));
    CHECK(warnings({{"WORKER_ADDR", "https://w"}, {"SERVER_CERT", "/c"}, {"SERVER_CERT_KEY", "/k"},
                       {"SLIPWAY_STRICT_TLS", "1"}})
              .empty());
    CHECK_THAT(warnings({{"WORKER_ADDR", "http://w"}, {"SERVER_CERT", "/c"}}),
        StartsWith("SERVER_CERT has no effect"));
    CHECK_THAT(failure({{"WORKER_ADDR", "https://w"}, {"SERVER_TLS_MIN_VERSION", "1.4"}}),
        StartsWith("SERVER_TLS_MIN_VERSION: "));
    CHECK_THAT(warnings({{"WORKER_ADDR", "http://w"}, {"SERVER_TLS_MIN_VERSION", "1.4"}}),
        StartsWith("SERVER_TLS_MIN_VERSION: "));
}

TEST_CASE("Flags are taken in every form, and strange ones refused")
{
    auto given = basic_sources();
    given.arguments = {"--queue.cluster", "-build.limit", "3", "--queue.routes=a,b", "--queue.routes", "c"};
    const auto read = read_options(given.sources());
    REQUIRE(read);
    CHECK(read->options.queue_cluster);
    CHECK(read->options.build_limit == 3);
    CHECK(read->options.queue_routes == std::vector<std::string>{"a", "b", "c"});
    const auto refused = [&given](std::vector<std::string> arguments) {
        given.arguments = std::move(arguments);
        return read_options(given.sources()).error().message();
    };
    CHECK_THAT(refused({"--build.limt=3"}), Contains("did you mean --build.limit?"));
    CHECK_THAT(refused({"--build.limit"}), Contains("without a value"));
    CHECK_THAT(refused({"word"}), StartsWith("word: "));
    CHECK_THAT(refused({"--build.limit=x"}), StartsWith("--build.limit: "));
}

TEST_CASE("A Vela worker is what Vela's settings or --backend ask for")
{
    const auto chosen = [](std::vector<std::pair<std::string, std::string>> variables,
                            std::vector<std::string> arguments = {}) {
        GivenSources given;
        given.variables = std::move(variables);
        given.arguments = std::move(arguments);
        return selected(given.sources());
    };
    CHECK_FALSE(chosen({}));
    CHECK_FALSE(chosen({{"VELA_SERVER_ADDR", "http://v"}}));
    CHECK_FALSE(chosen({{"VELA_SERVER_ADDR", ""}, {"VELA_QUEUE_DRIVER", "redis"}}));
    CHECK(chosen({{"VELA_SERVER_ADDR", "http://v"}, {"VELA_QUEUE_DRIVER", "redis"}}));
    CHECK(chosen({{"WORKER_SERVER_ADDR", "http://v"}, {"QUEUE_DRIVER", "redis"}}));
    CHECK(chosen({{"SERVER_ADDR", "http://v"}, {"QUEUE_DRIVER", "redis"}}));
    CHECK(chosen({}, {"--backend", "vela"}));
    CHECK(chosen({}, {"--backend=vela"}));
    CHECK(chosen({{"SLIPWAY_BACKEND", "vela"}}));
    CHECK_FALSE(
        chosen({{"VELA_SERVER_ADDR", "http://v"}, {"VELA_QUEUE_DRIVER", "redis"}}, {"--backend=other"}));
    CHECK_FALSE(chosen({{"SERVER_ADDR", "http://v"}, {"QUEUE_DRIVER", "redis"}, {"SPACELIFT_TOKEN", "t"}}));
    CHECK(
        chosen({{"VELA_SERVER_ADDR", "http://v"}, {"VELA_QUEUE_DRIVER", "redis"}, {"SPACELIFT_TOKEN", "t"}}));
}

TEST_CASE("The settings of two control planes at once are refused by name")
{
    CHECK_THAT(failure({{"SPACELIFT_TOKEN", "hush-hush"}}),
        Contains("SPACELIFT_TOKEN and VELA_SERVER_ADDR") && !Contains("hush-hush"));
    CHECK(read_with({{"SPACELIFT_TOKEN", ""}}));
}

TEST_CASE("The variables that hold secrets are known by name")
{
    const auto names = secret_variables();
    for (const std::string_view name : {"WORKER_SERVER_SECRET", "VELA_SERVER_SECRET", "SERVER_SECRET",
             "VELA_QUEUE_ADDR", "QUEUE_ADDR", "VELA_QUEUE_PRIVATE_KEY", "QUEUE_PRIVATE_KEY"})
        CHECK(std::ranges::count(names, name) == 1);
    CHECK(names.size() == 7);
}

TEST_CASE("Without root the state lies in the home, and Docker's certificates beside its settings")
{
    auto given = basic_sources();
    given.root = false;
    CHECK_THAT(read_options(given.sources()).error().message(), StartsWith("SLIPWAY_STATE_DIR: "));
    given.variables.emplace_back("HOME", "/home/w");
    given.variables.emplace_back("DOCKER_TLS_VERIFY", "1");
    const auto read = read_options(given.sources());
    CHECK(read->options.state_directory == "/home/w/.local/state/slipway");
    CHECK(read->options.docker_cert_path == "/home/w/.docker");
    given.variables.emplace_back("XDG_STATE_HOME", "/state");
    CHECK(read_options(given.sources())->options.state_directory == "/state/slipway");
    given.variables.emplace_back("SLIPWAY_STATE_DIR", "/srv/../x");
    CHECK(read_options(given.sources())->options.state_directory == "/x");
}
