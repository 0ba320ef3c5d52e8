#include "test/e2e/vela_lab.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace slipway::test {

namespace {

/// Ids of the containers that stand ready, short as a container's host name.
std::vector<std::string> ready(const VelaLab& lab)
{
    auto ids = lab.containers("name=^slipway-.*-[0-9]+$");
    std::ranges::sort(ids);
    return ids;
}

/// What stands ready with a build limit of one: a place more than that, with two containers in each.
constexpr std::size_t kReady = 4;

/// Containers that stand ready and are none of these.
std::vector<std::string> wait_ready(VelaLab& lab, const std::vector<std::string>& old)
{
    std::vector<std::string> now;
    lab.wait(
        [&] {
            now = ready(lab);
            return now.size() == kReady && std::ranges::find_first_of(now, old) == now.end();
        },
        "ready containers");
    return now;
}

} // namespace

TEST_CASE("a Vela build runs in what stands ready, and what stands ready is made anew when it is lost")
{
    VelaLab lab;
    lab.start();
    const auto pipeline = lab.steps({{.name = "one", .commands = {"hostname", "pwd", "touch made"}},
        {.name = "other", .commands = {"hostname", "id -u"}, .more = R"("user":"1000",)"},
        {.name = "two", .commands = {"hostname", "ls"}}});
    CHECK(lab.ended(lab.push(pipeline)).text("status") == "success");
    const auto first = wait_ready(lab, {});
    const auto build = lab.push(pipeline);
    CHECK(lab.ended(build).text("status") == "success");
    const auto host_of = [&](int step) {
        const auto log = lab.server().step_log(build, step);
        const auto begin = log.find('\n') + 1;
        return log.substr(begin, log.find('\n', begin) - begin);
    };
    std::vector<std::string> used{host_of(2), host_of(4)};
    std::ranges::sort(used);
    CHECK(std::ranges::includes(first, used));
    CHECK(std::ranges::count(first, host_of(3)) == 0); // another user: a container of its own
    CHECK(lab.server().step_log(build, 2).find("\n/vela/src/hello\n") != std::string::npos);
    CHECK(lab.server().step_log(build, 3).find("\n1000\n") != std::string::npos);
    CHECK(lab.server().step_log(build, 4).find("\nmade\n") != std::string::npos);
    CHECK(lab.server().step_log(build, 1).find("$ docker network inspect slipway-") != std::string::npos);

    // Somebody removes one, and then the worker dies; it remembers the images.
    const auto second = wait_ready(lab, used);
    lab.remove_container(second.front());
    const auto third = wait_ready(lab, {second.front()});
    lab.kill();
    lab.start();
    wait_ready(lab, third);
    CHECK(lab.left_after_end() == "");
}

} // namespace slipway::test
