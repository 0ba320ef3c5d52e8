#include "launcher/vela/build_kits.h"
#include "test/support/manual_clock.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <set>

namespace slipway::vela {

namespace {

using namespace std::chrono_literals;

/// An engine that has networks alone, and no images: a kit of it is a network and a volume.
class NetworksHost final : public BuildHost {
public:
    Result<std::string> make_network(const std::string& place, std::stop_token /*stop*/) override
    {
        const std::lock_guard lock{mutex_};
        if (!makes_)
            return Error{Errc::exhausted, "no address is left"};
        made_ += networks_.insert(place).second ? 1 : 0;
        changed_.notify_all();
        return "{}";
    }

    Result<std::string> make_volume(const std::string& place, std::stop_token /*stop*/) override
    {
        const std::lock_guard lock{mutex_};
        volumes_.insert(place);
        return "{}";
    }

    Result<void> remove_place(const std::string& place, std::stop_token /*stop*/) override
    {
        const std::lock_guard lock{mutex_};
        networks_.erase(place);
        volumes_.erase(place);
        return {};
    }

    Result<void> empty_place(const std::string& place, std::stop_token /*stop*/) override
    {
        const std::lock_guard lock{mutex_};
        volumes_.erase(place);
        return {};
    }

    Result<BuildImage> image(const std::string& /*reference*/, Fetch /*fetch*/,
        const std::function<void(std::string_view)>& /*progress*/, std::stop_token /*stop*/) override
    {
        return Error{Errc::not_found, "no such image"};
    }

    Result<std::unique_ptr<launcher::JobSlot>> create(
        const ContainerWish& /*wish*/, const launcher::KeepSlot& /*keep*/, std::stop_token /*stop*/) override
    {
        return Error{Errc::not_found, "no such image"};
    }

    bool lives(launcher::JobSlot& /*slot*/) override { return false; }

    Result<std::unique_ptr<launcher::JobSlot>> adopt(
        const launcher::SlotFact& /*slot*/, std::uint64_t /*have*/, std::stop_token /*stop*/) override
    {
        return Error{Errc::not_found, "no such container"};
    }

    Result<void> remove(const std::string& /*container*/, std::stop_token /*stop*/) override { return {}; }

    Result<std::optional<std::uint64_t>> read_file(const std::string& /*container*/,
        const std::string& /*path*/, std::uint64_t /*most*/, const launcher::Sink& /*content*/,
        std::stop_token /*stop*/) override
    {
        return std::optional<std::uint64_t>{};
    }

    Result<void> sweep(const std::set<std::string>& /*kept*/, std::stop_token /*stop*/) override
    {
        const std::lock_guard lock{mutex_};
        ++sweeps_;
        if (failing_sweeps_ == 0)
            return {};
        --failing_sweeps_;
        return Error{Errc::conflict, "the network has active endpoints"};
    }

    void wait_networks(std::size_t count)
    {
        std::unique_lock lock{mutex_};
        if (!changed_.wait_for(lock, 30s, [&] { return networks_.size() == count; }))
            FAIL("there are " << networks_.size() << " networks, not " << count);
    }

    void make(bool can)
    {
        const std::lock_guard lock{mutex_};
        makes_ = can;
    }

    void fail_sweeps(int count)
    {
        const std::lock_guard lock{mutex_};
        failing_sweeps_ = count;
    }

    int made() const
    {
        const std::lock_guard lock{mutex_};
        return made_;
    }

    int sweeps() const
    {
        const std::lock_guard lock{mutex_};
        return sweeps_;
    }

    std::size_t left() const
    {
        const std::lock_guard lock{mutex_};
        return networks_.size() + volumes_.size();
    }

    bool is_empty(const std::string& place) const
    {
        const std::lock_guard lock{mutex_};
        return networks_.contains(place) && !volumes_.contains(place);
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::set<std::string> networks_;
    std::set<std::string> volumes_;
    bool makes_ = true;
    int made_ = 0;
    int sweeps_ = 0;
    int failing_sweeps_ = 0;
};

struct Rig {
    test::TempDir directory;
    SystemClock system;
    SystemRandom random;
    LogSink sink{2, LogFormat::logfmt, LogLevel::error, system};
    NetworksHost host;

    std::unique_ptr<BuildKits> kits() { return kits(system); }

    std::unique_ptr<BuildKits> kits(const Clock& clock)
    {
        return std::make_unique<BuildKits>(BuildKitsSettings{.count = 1,
                                               .containers = 2,
                                               .memory = directory.path() / "warm",
                                               .at_work = directory.path() / "at-work"},
            host, clock, random, Logger{sink});
    }
};

} // namespace

TEST_CASE("the network of a build that is over is that of a later one, and its volume is not")
{
    Rig rig;
    auto kits = rig.kits();
    kits->begin();
    rig.host.wait_networks(1);
    auto first = kits->take({});
    REQUIRE(first);
    rig.host.wait_networks(2);
    REQUIRE(kits->empty(*first, {}));
    CHECK(rig.host.is_empty(first->place));
    kits->give_back(*first, {});
    auto second = kits->take({});
    REQUIRE(second);
    CHECK(second->place != first->place);
    auto third = kits->take({}); // made of what the first one left
    REQUIRE(third);
    CHECK(third->place == first->place);
    CHECK_FALSE(rig.host.is_empty(third->place));
    CHECK(rig.host.made() == 2);
    for (auto* kit : {&*second, &*third}) {
        REQUIRE(kits->empty(*kit, {}));
        kits->give_back(*kit, {});
    }
    kits->clear({});
    CHECK(rig.host.left() == 0);
}

TEST_CASE("no more networks are kept than are wanted, and none that was made for one build")
{
    Rig rig;
    auto kits = rig.kits();
    kits->begin();
    std::vector<Kit> taken;
    for (int count = 0; count < 6; ++count) {
        auto kit = kits->take({});
        REQUIRE(kit);
        taken.push_back(*std::move(kit));
    }
    for (auto& kit : taken) {
        REQUIRE(kits->empty(kit, {}));
        kits->give_back(kit, {});
    }
    REQUIRE(rig.host.make_network("octo_hello_1", {}));
    Kit cold;
    cold.place = "octo_hello_1";
    REQUIRE(kits->empty(cold, {}));
    kits->give_back(cold, {});
    CHECK_FALSE(rig.host.is_empty("octo_hello_1"));
    CHECK(std::ranges::count_if(taken, [&](const Kit& kit) { return rig.host.is_empty(kit.place); }) <= 2);
    kits->clear({});
    CHECK(rig.host.left() == 0);
}

TEST_CASE("a build that finds no kit gets the next one, and none when it cannot be made")
{
    Rig rig;
    auto kits = rig.kits();
    kits->begin();
    for (int count = 0; count < 5; ++count)
        CHECK(kits->take({}));
    rig.host.make(false);
    while (kits->take({})) // what was begun before
        ;
    CHECK_FALSE(kits->take({}));
    CHECK(kits->trouble() == "no address is left");
    kits->clear({});
}

TEST_CASE("the last look through the engine is repeated until it works")
{
    Rig rig;
    const test::ManualClock clock;
    auto kits = rig.kits(clock);
    kits->begin();
    rig.host.wait_networks(1);
    CHECK(std::filesystem::exists(rig.directory.path() / "at-work"));
    rig.host.fail_sweeps(3);
    kits->clear({});
    CHECK(rig.host.sweeps() == 4);
    CHECK_FALSE(std::filesystem::exists(rig.directory.path() / "at-work"));
}

TEST_CASE("after a kill the last look comes when nothing of the killed process can be under way")
{
    Rig rig;
    const test::ManualClock clock;
    auto killed = rig.kits(clock);
    killed->begin();
    killed.reset(); // never cleared
    auto kits = rig.kits(clock);
    kits->begin();
    kits->clear({});
    CHECK(clock.slept() == BuildKits::kAfterKill);
    CHECK(rig.host.sweeps() == 1);
    auto next = rig.kits(clock);
    next->begin();
    next->clear({});
    CHECK(clock.slept() == BuildKits::kAfterKill);
}

} // namespace slipway::vela
