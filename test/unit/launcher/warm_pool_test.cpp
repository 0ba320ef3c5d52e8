#include "common/file.h"
#include "launcher/warm_pool.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <functional>

using namespace slipway;
using namespace slipway::launcher;
using namespace slipway::test;
using namespace std::chrono_literals;

namespace {

class QuietSlot final : public JobSlot {
public:
    explicit QuietSlot(std::string name)
        : name_{std::move(name)}
    {
    }

    [[nodiscard]] std::string container() const override { return name_; }

    [[nodiscard]] int last_seq() const override { return 0; }

    Result<void> put(std::string_view, const Producer&, std::stop_token) override { return {}; }

    Result<std::string> get(std::string_view, const Sink&, std::stop_token) override { return std::string{}; }

    Result<void> run(const SlotRun&) override { return {}; }

    Result<SlotEvent> next(std::chrono::milliseconds, std::stop_token) override { return SlotEvent{}; }

    void wake() noexcept override { }

    Result<void> ack(std::uint64_t, int) override { return {}; }

    Result<void> lease(protocol::Millis) override { return {}; }

    Result<void> end_lease() override { return {}; }

    Result<void> limits(const SlotLimits&) override { return {}; }

    Result<void> stop_run(protocol::Millis) override { return {}; }

    Result<void> dismiss() override { return {}; }

private:
    std::string name_;
};

/// Containers as names: "image/number".
class FakeMaker final : public SlotMaker {
public:
    Result<IdleSlot> make_idle(const SlotClass& wanted, std::stop_token stop) override
    {
        std::unique_lock lock{mutex_};
        if (!changed_.wait(lock, stop, [this] { return !held_; }))
            return Error{Errc::cancelled, "stopped"};
        ++tries_;
        changed_.notify_all();
        if (failure_)
            return *failure_;
        const std::string name = wanted.image_id + "/" + std::to_string(++made_);
        names_.insert(name);
        return IdleSlot{std::make_unique<QuietSlot>(name),
            {.record = "r", .container = name, .image_id = wanted.image_id}};
    }

    bool lives(JobSlot& slot) override
    {
        const std::lock_guard lock{mutex_};
        return names_.contains(slot.container());
    }

    Result<void> remove_idle(const std::string& container, std::stop_token) override
    {
        const std::lock_guard lock{mutex_};
        names_.erase(container);
        changed_.notify_all();
        return {};
    }

    void hold(bool held)
    {
        const std::lock_guard lock{mutex_};
        held_ = held;
        changed_.notify_all();
    }

    void fail(std::optional<Error> failure)
    {
        const std::lock_guard lock{mutex_};
        failure_ = std::move(failure);
    }

    void lose_all()
    {
        const std::lock_guard lock{mutex_};
        names_.clear();
    }

    [[nodiscard]] std::ptrdiff_t count(std::string_view image)
    {
        const std::lock_guard lock{mutex_};
        return std::ranges::count_if(names_, [&](const auto& name) { return name.starts_with(image); });
    }

    [[nodiscard]] int tries()
    {
        const std::lock_guard lock{mutex_};
        return tries_;
    }

private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::set<std::string> names_;
    std::optional<Error> failure_;
    bool held_ = false;
    int made_ = 0;
    int tries_ = 0;
};

SlotClass of(const std::string& image, std::int64_t memory = 0)
{
    return {.image = image + ":latest", .image_id = image, .memory_bytes = memory};
}

struct House {
    TempDir directory;
    SystemClock clock;
    SystemRandom random;
    UniqueFd log = *open_file(directory.path() / "log", O_WRONLY | O_CREAT | O_APPEND);
    LogSink sink{log.get(), LogFormat::logfmt, LogLevel::debug, clock};
    FakeMaker maker;
    std::optional<WarmPool> pool;

    explicit House(int count) { start(count); }

    void start(int count)
    {
        pool.emplace(WarmPoolSettings{.count = count, .memory = directory.path() / "warm"}, maker, clock,
            random, Logger{sink});
    }
};

/// Looks again and again, for 20 s.
bool eventually(const std::function<bool()>& condition)
{
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until)
            return false;
        ::poll(nullptr, 0, 5);
    }
    return true;
}

} // namespace

TEST_CASE("no slot is warm before a stage has come, and none is waited for")
{
    House house{2};
    house.maker.hold(true);
    CHECK_FALSE(house.pool->take(of("a")));
    CHECK_FALSE(house.pool->take(of("a")));
    CHECK(house.pool->idle() == 0);
    house.maker.hold(false);
    CHECK(eventually([&] { return house.pool->idle() == 2; }));
    const auto taken = house.pool->take(of("a"));
    REQUIRE(taken);
    CHECK(taken->fact.image_id == "a");
    CHECK_FALSE(house.pool->take(of("a", 1 << 20)));
}

TEST_CASE("a slot is taken by the name of its image alone, and its class counts as used")
{
    House house{1};
    auto known = of("a");
    known.image = "runner";
    (void)house.pool->take(known);
    CHECK(eventually([&] { return house.pool->idle() == 1; }));
    auto asked = known;
    asked.image_id.clear();
    asked.memory_bytes = 1 << 20;
    CHECK_FALSE(house.pool->take_likely(asked));
    asked.memory_bytes = 0;
    const auto taken = house.pool->take_likely(asked);
    REQUIRE(taken);
    CHECK(taken->image_id == "a");
    CHECK(taken->idle.fact.container.starts_with("a/"));
    CHECK_FALSE(house.pool->take_likely(asked));
    CHECK(eventually([&] { return house.pool->idle() == 1; }));
}

TEST_CASE("the classes of the last stages are kept warm, as many as there are to be")
{
    House house{4};
    (void)house.pool->take(of("a"));
    CHECK(eventually([&] { return house.maker.count("a/") == 4; }));
    (void)house.pool->take(of("b"));
    (void)house.pool->take(of("b"));
    CHECK(eventually([&] { return house.maker.count("a/") == 1 && house.maker.count("b/") == 3; }));
    for (int i = 0; i < 4; ++i)
        (void)house.pool->take(of("b"));
    CHECK(eventually([&] { return house.maker.count("a/") == 0 && house.pool->idle() == 4; }));
    CHECK(house.pool->images() == std::set<std::string>{"b"});
}

TEST_CASE("a slot of an image that its name no longer means is removed")
{
    House house{3};
    auto older = of("a");
    older.image = "runner";
    auto newer = of("b");
    newer.image = "runner";
    (void)house.pool->take(older);
    CHECK(eventually([&] { return house.maker.count("a/") == 3; }));
    (void)house.pool->take(newer);
    CHECK(eventually([&] { return house.maker.count("a/") == 0 && house.maker.count("b/") == 3; }));
}

TEST_CASE("a slot that ended while it was idle is not given, and is replaced")
{
    House house{2};
    (void)house.pool->take(of("a"));
    CHECK(eventually([&] { return house.pool->idle() == 2; }));
    house.maker.lose_all();
    CHECK_FALSE(house.pool->take(of("a")));
    CHECK(eventually([&] { return house.maker.count("a/") == 2 && house.pool->idle() == 2; }));
}

TEST_CASE("a launcher that takes nothing more keeps nothing warm, and warms up when it takes again")
{
    House house{2};
    (void)house.pool->take(of("a"));
    CHECK(eventually([&] { return house.pool->idle() == 2; }));
    house.pool->keep(Warm::no);
    house.pool->settle({});
    CHECK(house.pool->idle() == 0);
    CHECK(house.maker.count("a/") == 0);
    house.pool->keep(Warm::yes);
    CHECK(eventually([&] { return house.pool->idle() == 2; }));
}

TEST_CASE("the classes in use are remembered over a restart, a memory that is torn is forgotten")
{
    House house{2};
    (void)house.pool->take(of("a", 1 << 30));
    CHECK(eventually([&] { return house.pool->idle() == 2; }));
    house.pool.reset();
    house.start(2);
    CHECK(eventually([&] { return house.pool->idle() == 2; }));
    CHECK(house.pool->take(of("a", 1 << 30)));
    house.pool.reset();
    REQUIRE(replace_file(house.directory.path() / "warm", R"({"classes":[{)"));
    house.start(2);
    CHECK(house.pool->images().empty());
    house.pool.reset();
    house.start(0);
    CHECK_FALSE(house.pool->take(of("a")));
    CHECK(house.pool->images().empty());
}

TEST_CASE("an image that is gone is no class any more, any other failure is told once and tried again")
{
    House house{1};
    house.maker.fail(Error{Errc::not_found, "no such image"});
    (void)house.pool->take(of("a"));
    CHECK(eventually([&] { return house.pool->images().empty(); }));
    house.maker.fail(Error{Errc::unreachable, "nobody listens"});
    (void)house.pool->take(of("b"));
    const int before = house.maker.tries();
    CHECK(eventually([&] { return house.maker.tries() >= before + 3; }));
    house.maker.fail({});
    CHECK(eventually([&] { return house.pool->idle() == 1; }));
    const auto log = read_file(house.directory.path() / "log", 1U << 20U).value_or("");
    const auto first = log.find("nobody listens");
    CHECK(first != std::string::npos);
    CHECK(log.find("nobody listens", first + 1) == std::string::npos);
}

TEST_CASE("what is discarded is removed in the background")
{
    House house{1};
    (void)house.pool->take(of("a"));
    CHECK(eventually([&] { return house.pool->idle() == 1; }));
    const auto taken = house.pool->take(of("a"));
    REQUIRE(taken);
    house.pool->keep(Warm::no);
    house.pool->discard(taken->fact.container);
    house.pool->settle({});
    CHECK(house.maker.count("a/") == 0);
}
