#include "mothership/retention.h"
#include "test/unit/mothership/control_desk.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::mothership;
using namespace slipway::test;
using namespace std::chrono_literals;
using protocol::Outcome;

namespace {

struct Household {
    ControlDesk desk;
    SystemRandom random;
    std::filesystem::path directory = desk.directory.path() / "blobs";
    BlobDirectory blobs{directory, desk.clock, random};

    Household() { std::filesystem::create_directory(directory); }

    std::string file()
    {
        auto writer = must(blobs.create());
        must(writer.write("x"));
        return must(writer.commit()).name;
    }

    std::string add_source(std::int64_t version)
    {
        const auto name = file();
        must(desk.plane->change_records([&](Work& work) {
            return work.records.add_source({.stack_id = "web",
                .version = version,
                .file = name,
                .size = 1,
                .sha256 = {},
                .uploaded_ms = 1});
        }));
        return name;
    }

    std::string add_envelope(const Stage& stage, const std::string& blob = "workspace")
    {
        const auto name = file();
        must(desk.plane->change_records([&](Work& work) {
            return work.records.put_blob(
                {.stage_id = stage.id, .name = blob, .fence = stage.core.fence, .file = name, .size = 1});
        }));
        return name;
    }

    [[nodiscard]] bool there(const std::string& file) const
    {
        return std::filesystem::exists(directory / file);
    }

    void tidy() { must(mothership::tidy(*desk.plane, blobs)); }

    std::vector<Worker> workers()
    {
        return must(desk.plane->look([](Transaction& records) { return records.workers(); }));
    }
};

} // namespace

TEST_CASE("an envelope goes when its run is over, not before, what people may want afterwards stays")
{
    Household household;
    auto& desk = household.desk;
    const auto id = desk.start_run();
    const auto stage = desk.grant().value();
    desk.begin(stage, "plan");
    const auto envelope = household.add_envelope(stage);
    std::vector<std::string> lasting;
    for (const std::string blob : {"rescue", "outputs", "outputs-sealed"})
        lasting.push_back(household.add_envelope(stage, blob));
    desk.finish(stage, Outcome::succeeded);
    household.tidy();
    CHECK(household.there(envelope));
    desk.act(id, discard_run);
    household.tidy();
    CHECK_FALSE(household.there(envelope));
    for (const auto& file : lasting)
        CHECK(household.there(file));
    CHECK_FALSE(
        must(desk.plane->look([&](Transaction& records) { return records.blob(stage.id, "workspace"); })));
    household.tidy();
}

TEST_CASE("of a stack's sources the newest stay, and those that a run still needs")
{
    Household household;
    auto& desk = household.desk;
    std::vector<std::string> files;
    files.push_back(household.add_source(1));
    files.push_back(household.add_source(2));
    const auto run = desk.start_run(); // needs version 2
    for (std::int64_t version = 3; version <= 2 + kSourcesKept; ++version)
        files.push_back(household.add_source(version));
    household.tidy();
    CHECK_FALSE(household.there(files[0]));
    for (std::size_t i = 1; i < files.size(); ++i)
        CHECK(household.there(files[i]));
    desk.plan(run);
    desk.act(run, discard_run);
    household.tidy();
    CHECK_FALSE(household.there(files[1]));
    CHECK(household.there(files[2]));
}

TEST_CASE("a worker that holds nothing and was silent for a day is no longer listed")
{
    Household household;
    auto& desk = household.desk;
    REQUIRE(household.workers().size() == 1);
    const auto heard_of_at = [&](Millis since) {
        must(desk.plane->change_records([&](Work& work) {
            Worker worker = desk.worker;
            worker.last_contact = work.now - since;
            return work.records.put_worker(worker);
        }));
        household.tidy();
    };
    heard_of_at(kForgetAfter - 60'000);
    CHECK(household.workers().size() == 1);
    heard_of_at(kForgetAfter + 60'000);
    CHECK(household.workers().empty());
}

TEST_CASE(
    "a worker that holds a stage is listed, however long it is silent, and one that history names stays")
{
    Household household;
    auto& desk = household.desk;
    const auto id = desk.start_run();
    const auto stage = desk.grant().value();
    desk.begin(stage, "plan");
    must(desk.plane->change([&](Work& work) { return work.records.forget_workers(work.now + 1); }));
    CHECK(household.workers().size() == 1);
    desk.finish(stage, Outcome::succeeded);
    desk.act(id, discard_run);
    must(desk.plane->change([&](Work& work) { return work.records.forget_workers(work.now + 1); }));
    CHECK(household.workers().empty());
    CHECK(must(desk.plane->look([&](Transaction& records) {
        return records.worker_by_instance(desk.pool_id, desk.worker.instance_id);
    })));
    household.tidy(); // nothing came of the grant, so that nothing names the worker now
    must(desk.plane->change([&](Work& work) { return work.records.forget_workers(work.now + 1); }));
    CHECK_FALSE(must(desk.plane->look([&](Transaction& records) {
        return records.worker_by_instance(desk.pool_id, desk.worker.instance_id);
    })));
}
