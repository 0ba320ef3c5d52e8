#include "common/file.h"
#include "test/integration/mothership_scene.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>

using namespace slipway;
using namespace slipway::test;

namespace {

/// The data directory of a server on a disk of its own, that can be filled. Needs root.
class SmallDisk {
public:
    explicit SmallDisk(RunningMothership& server)
        : data_{server.data()}
    {
        server.kill();
        const auto aside = server.directory() / "aside";
        std::filesystem::rename(data_, aside);
        std::filesystem::create_directory(data_);
        REQUIRE(::mount("tmpfs", data_.c_str(), "tmpfs", 0, "size=8m,mode=0700") == 0);
        std::filesystem::copy(aside, data_, std::filesystem::copy_options::recursive);
        server.start();
    }

    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    ~SmallDisk() { ::umount2(data_.c_str(), MNT_DETACH); }

    void fill() const
    {
        const auto ballast = open_file(data_ / "ballast", O_WRONLY | O_CREAT | O_APPEND);
        REQUIRE(ballast);
        const std::string page(4096, 'x');
        while (write_all(ballast->get(), page)) { }
    }

    void clear() const { std::filesystem::remove(data_ / "ballast"); }

private:
    std::filesystem::path data_;
};

} // namespace

TEST_CASE("a full disk is the server's failure, is logged, and passes without a trace")
{
    Scene scene;
    const SmallDisk disk{scene.server};
    auto& worker = scene.worker;
    worker.reconnect(scene.server);
    const auto run = scene.server.start_run("web");
    const auto plan = worker.take_offer();
    scene.begin(plan);
    const std::string bytes(500'000, 'x');

    disk.fill();
    for (const auto& answer : {worker.log(plan, 0, bytes), worker.put(plan, "workspace", bytes),
             scene.server.api("PUT", "/api/v1/stacks/web/source", bytes)}) {
        CHECK(answer.status == 500);
        CHECK(answer.body.find("its log says why") != std::string::npos);
        CHECK(answer.body.find("slipway.db") == std::string::npos);
        CHECK(answer.body.find("blobs") == std::string::npos);
    }
    disk.clear();
    CHECK(worker.log(plan, 0, bytes).number("durable") == 500'000);
    CHECK(worker.put(plan, "workspace", bytes).status == 200);
    CHECK(worker.get(plan, "workspace").body == bytes);
    CHECK(scene.state(run) == "PLANNING");

    scene.server.process().signal(SIGTERM);
    REQUIRE(scene.server.process().wait(std::chrono::seconds{20}));
}

TEST_CASE("a blob whose file is lost is the server's failure, not an unknown blob")
{
    Scene scene;
    scene.server.start_run("web");
    const auto plan = scene.worker.take_offer();
    scene.begin(plan);
    for (const auto& entry : std::filesystem::directory_iterator{scene.server.data() / "blobs"})
        std::filesystem::remove(entry);
    CHECK(scene.worker.get(plan, plan.source_blob).status == 500);
    CHECK(scene.worker.get(plan, "other").status == 404);
}

TEST_CASE("what a stack may store, everybody can read")
{
    Scene scene;
    const auto patch = [&](const std::string& field, const std::string& key, const std::string& command) {
        return scene.server.api("PATCH", "/api/v1/stacks/web",
            R"({")" + field + R"(":{")" + key + R"(":[")" + command + R"("]}})");
    };
    CHECK(patch("phases", "plan", std::string(700'000, 'x')).status == 200);
    const auto refused = patch("hooks", "after_run", std::string(700'000, 'x'));
    CHECK(refused.status == 413);
    CHECK(refused.text("detail").find("1048576") != std::string::npos);
    std::string tabs;
    for (int i = 0; i < 170'000; ++i)
        tabs += "\\u0001";
    CHECK(patch("phases", "plan", tabs).status == 200);
    CHECK(patch("phases", "plan", tabs + tabs).status == 413);
    CHECK(scene.server.api("GET", "/api/v1/stacks").status == 200);
    CHECK(scene.server.api("GET", "/api/v1/stacks/web").status == 200);
    scene.server.start_run("web");
    CHECK(scene.worker.take_offer().phases.at(0).commands.at(0) == std::string(170'000, '\x01'));
}

TEST_CASE("metadata of a worker is limited in number and size")
{
    Scene scene;
    const auto enroll = [&](const std::string& metadata) {
        return scene.worker
            .call("POST", "/worker/v1/register",
                R"({"instance_id":")" + kOtherInstance
                    + R"(","boot_id":"b","version":"1","hostname":"h","capacity":1,"metadata":)" + metadata
                    + "}")
            .status;
    };
    CHECK(enroll(R"({"a":")" + std::string(4096, 'x') + R"("})") == 200);
    CHECK(enroll(R"({"a":")" + std::string(4097, 'x') + R"("})") == 413);
    CHECK(enroll(R"({")" + std::string(257, 'n') + R"(":"x"})") == 413);
    CHECK(scene.server.api("GET", "/api/v1/workers").status == 200);
}
