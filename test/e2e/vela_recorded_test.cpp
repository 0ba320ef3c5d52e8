#include "test/e2e/vela_lab.h"
#include "test/e2e/vela_recording.h"
#include "test/support/seed.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>

namespace slipway::test {

namespace {

/// Where this worker differs from the original on purpose; docs/vela.md tells a user of it.
struct Intended {
    std::string_view begin; ///< Of the difference.
    std::string_view end; ///< In what follows.
    std::string_view reason;
    std::string_view recording = {}; ///< Empty: in any.
};

constexpr std::string_view kByPath = "the server knows a row by its path, and takes nothing of this";
constexpr std::string_view kNothing = "a zero or an empty text clears nothing at the server";
constexpr std::string_view kNowhere = "a service's row has no such column: the original repeats the answer";
constexpr std::string_view kNeverBegan = "a step that never began says on which worker";
constexpr std::string_view kWhole = "a log is sent whole, so nobody has to know what the server has of it";
constexpr std::string_view kNextStep = "the original starts a step after the cancelled one";

constexpr Intended kIntended[] = {
    {"PUT build/", ": id: not sent", kByPath},
    {"PUT build/", ": build_id: not sent", kByPath},
    {"PUT build/", ": repo_id: not sent", kByPath},
    {"PUT build/", ": created: not sent", kByPath},
    {"PUT build/steps/#/logs", ": created_at: not sent", kByPath},
    {"PUT build/steps/#/logs", ": service_id: not sent", kByPath},
    {"PUT build/steps/#/logs", ": step_id: not sent", kByPath},
    {"PUT build/services/#/logs", ": created_at: not sent", kByPath},
    {"PUT build/services/#/logs", ": service_id: not sent", kByPath},
    {"PUT build/services/#/logs", ": step_id: not sent", kByPath},
    {"PUT build/steps/#", ": sent as well: 0", kNothing},
    {"PUT build/steps/#", R"(: sent as well: "")", kNothing},
    {"PUT build/services/#", R"(: host: "127.0.0.2", not "")", kNowhere},
    {"PUT build/services/#", R"(: runtime: "docker", not "")", kNowhere},
    {"PUT build/services/#", R"(: distribution: "linux", not "")", kNowhere},
    {R"(PUT build/steps/# with "killed")", R"(: host: "127.0.0.2", not "")", kNeverBegan},
    {R"(PUT build/steps/# with "killed")", R"(: runtime: "docker", not "")", kNeverBegan},
    {R"(PUT build/steps/# with "killed")", R"(: distribution: "linux", not "")", kNeverBegan},
    {R"(PUT build with ")", ": enqueued: 0, not (a time)",
        "it is told once; the original repeats it with what the server has answered"},
    {"PUT worker", ": running_builds[].", "the server keeps nothing but the ids"},
    {R"(PUT worker with "busy")", ": last_build_finished_at: sent as well: (a time)",
        "this worker has run the recording before"},
    {"POST worker/refresh", ": not made", "the recorded build outlives a check-in", "timeout"},
    {R"(PUT build/steps/# with "failure")", ": finished: (a time), not 0",
        "the original never finishes the init step of a build whose secret is missing", "secret-missing"},
    {R"(PUT build with "error")", ": error: \"the registry ",
        "what the engine says of a pull is told with the cause", "pull-error"},
    {"GET build: made as well", "", "the server may have cancelled the build by itself"},
    {"GET build/steps/#/logs", ": not made", kWhole},
    {"GET build/services/#/logs", ": not made", kWhole},
    {"PUT build/steps/#", R"(: status goes: "canceled", not )", kNextStep, "cancel"},
    {"PUT build/steps/#", R"(: status goes: "running""canceled", not )",
        "the original overwrites the cancelled step with a failure", "cancel"},
    {R"(PUT build/steps/# with "canceled")", ": exit_code: ", "how its container ended", "cancel"},
    {R"(PUT build/steps/# with "canceled")", ": finished: (a time), not 0", "it is over", "cancel"},
};

/// The lines of the init step's log less what Docker says of its objects, and how network and volume are
/// named: some stand ready before their build.
std::string told_lines(const std::string& log)
{
    std::string told;
    std::size_t begin = 0;
    while (begin < log.size()) {
        const auto end = std::min(log.find('\n', begin), log.size() - 1) + 1;
        std::string line = log.substr(begin, end - begin);
        for (const std::string place : {"$ docker network inspect ", "$ docker volume inspect "})
            if (line.starts_with(place))
                line = place + "\n";
        if (line.starts_with("> ") || line.starts_with("$ "))
            told += line;
        begin = end;
    }
    return told;
}

std::string clone_entry()
{
    return R"(ENTRYPOINT ["/bin/sh","-c","echo clone into $(pwd) as root; )"
           R"(echo netrc user: $VELA_NETRC_USERNAME, machine: $VELA_NETRC_MACHINE, )"
           R"(password set: ${VELA_NETRC_PASSWORD:+yes}; echo cloned $VELA_BUILD_REF > CLONED"])";
}

std::string plugin_entry()
{
    return R"(ENTRYPOINT ["/bin/sh","-c","echo 'plugin args: '; env | grep ^PARAMETER_ | sort; )"
           R"(echo build event: $VELA_BUILD_EVENT"])";
}

/// The recorded builds one after another by one worker.
class Replay {
public:
    Replay()
        : plugin_{lab_.image_that(plugin_entry())}
        , clone_{lab_.image_that(clone_entry())}
    {
        // Without recorded outputs there is no need for their container.
        lab_.start(
            {{"VELA_BUILD_TIMEOUT", "4s"}, {"VELA_EXECUTOR_OUTPUTS_IMAGE", long_mode() ? lab_.image() : ""}});
        lab_.wait(
            [&] { return lab_.log().find("takes builds") != std::string::npos; }, "a checked-in worker");
        at_start_ = lab_.server().requests();
    }

    void run(const std::string& name)
    {
        INFO(name);
        const auto repo = lab_.repo() + "-" + name;
        const auto recording = read_vela_recording(name,
            {{"http://vela-worker:28090", lab_.address()}, {"vela-worker", "127.0.0.2"},
                {"127.0.0.1:28050/lab/busy:1", lab_.image()}, {"127.0.0.1:28050/lab/plugin:1", plugin_},
                {"127.0.0.1:28050/lab/clone:1", clone_}, {"127.0.0.1:28050/", "127.0.0.1:1/"},
                {"fx-" + name, repo}});
        for (const auto& [path, secret] : recording.secrets)
            lab_.server().add_secret(path, secret);
        const auto seen = static_cast<std::ptrdiff_t>(lab_.server().requests().size());
        const auto build
            = lab_.push_as(recording.pipeline, {.org = "octo", .repo = repo, .row = recording.build});
        if (name == "cancel") {
            lab_.wait([&] { return lab_.server().step_log(build, 3).find("waiting\n") != std::string::npos; },
                "the step that is to be cancelled");
            CHECK(lab_.server().cancel(build).status == 200);
        }
        lab_.ended(build);
        lab_.wait(
            [&] { return lab_.server().worker("127.0.0.2")->text("status") == "idle"; }, "an idle worker");
        const auto requests = lab_.server().requests();
        auto ours = at_start_;
        ours.insert(ours.end(), requests.begin() + seen, requests.end());
        std::erase_if(ours, [](const VelaRequest& request) { return request.token_kind == "UserAccess"; });
        for (const auto& difference : vela_differences(recording.requests, ours))
            judge(name, difference);
        for (const auto& [part, text] : recording.logs)
            check_log(build, part, text);
    }

    /// Nobody may believe in a difference that is none.
    void check_all_met() const
    {
        for (std::size_t index = 0; index < std::size(kIntended); ++index) {
            INFO(kIntended[index].begin << kIntended[index].end);
            CHECK(met_.contains(index));
        }
    }

private:
    void judge(const std::string& name, const std::string& difference)
    {
        const auto* const found = std::ranges::find_if(kIntended, [&](const Intended& intended) {
            return difference.starts_with(intended.begin)
                && difference.find(intended.end, intended.begin.size()) != std::string::npos
                && (intended.recording.empty() || intended.recording == name);
        });
        INFO(difference);
        CHECK(found != std::end(kIntended));
        met_.insert(static_cast<std::size_t>(found - std::begin(kIntended)));
    }

    void check_log(const std::string& build, const std::string& part, const std::string& text)
    {
        const auto number = std::stoll(part.substr(part.find('/') + 1));
        const auto ours = part.starts_with("steps") ? lab_.server().step_log(build, number)
                                                    : lab_.server().service_log(build, number);
        INFO(part);
        if (part == "steps/1") // Docker's objects are others
            CHECK(told_lines(ours) == told_lines(text));
        else
            CHECK(ours == text);
    }

    VelaLab lab_;
    std::string plugin_;
    std::string clone_;
    std::vector<VelaRequest> at_start_;
    std::set<std::size_t> met_; ///< Of the table above.
};

} // namespace

TEST_CASE("a Vela worker makes the requests of the original, field by field")
{
    Replay replay;
    for (const auto* name :
        {"steps", "stages", "failure", "cancel", "pull-error", "secret-missing", "timeout"})
        replay.run(name);
    if (long_mode()) // every difference is met without them
        for (const auto* name : {"skip", "outputs"})
            replay.run(name);
    replay.check_all_met();
}

TEST_CASE("a Vela worker registers and checks in with the requests of the original")
{
    VelaLab lab{""};
    const auto recording = read_vela_recording(
        "register", {{"http://vela-worker:28090", lab.address()}, {"vela-worker", "127.0.0.2"}});
    lab.start({{"VELA_CHECK_IN", "1s"}});
    lab.wait_listening();
    CHECK(lab.call("POST", "/register", lab.server().register_token("127.0.0.2")).status == 200);
    // The server takes its time and an empty list as well; the token that the answer brings is used at once.
    const std::vector<std::string> intended{
        R"(PUT worker with "idle": last_status_update_at: sent as well: (a time))",
        R"(PUT worker with "idle": running_builds: sent as well: (0 elements))",
        "PUT worker: token: WorkerAuth, not WorkerAuth, WorkerRegister"};
    const auto made
        = [&] { return vela_differences(recording.requests, lab.server().requests()) == intended; };
    if (!lab.server().wait_for(made, std::chrono::seconds{20}))
        CHECK(vela_differences(recording.requests, lab.server().requests()) == intended);
}

} // namespace slipway::test
