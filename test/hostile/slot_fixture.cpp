#include "test/hostile/slot_fixture.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <stdexcept>

namespace slipway::test {

namespace {

std::string variable(const char* name)
{
    const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe)
    return value == nullptr ? "" : value;
}

docker::Engine engine()
{
    return must(docker::connect(must(docker::Endpoint::parse(variable("DOCKER_HOST"))), {}));
}

/// Each test runs on both transports, unless it is told which one its engine has.
bool choose_stdio()
{
    const auto told = variable("SLIPWAY_SLOT_TRANSPORT");
    return told.empty() ? GENERATE(false, true) : told == "stdio";
}

} // namespace

std::string run_host(const std::string& command)
{
    FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr)
        throw std::runtime_error{"popen failed"};
    std::string output;
    char bytes[65536];
    for (std::size_t count = 0; (count = std::fread(bytes, 1, sizeof bytes, pipe)) > 0;)
        output.append(bytes, count);
    if (::pclose(pipe) != 0)
        throw std::runtime_error{command + " failed"};
    return output;
}

SlotFixture::SlotFixture()
    : SlotFixture{choose_stdio()}
{
}

SlotFixture::SlotFixture(bool stdio)
    : docker_{must(docker::Docker::open(engine()))}
    , images_{engine()}
    , image_{images_.busybox()}
    , init_{must(slot::install_slot_init(directory_.path()))}
{
    if (stdio)
        stdio_ = slot::StdioPlace{.engine = engine(),
            .init_volume = must(slot::fill_init_volume(
                docker_, {{"io.slipway.test", std::to_string(::getpid())}}, random_, {}))};
    UNSCOPED_INFO((stdio ? "by stdin and stdout" : "by the socket"));
}

SlotFixture::~SlotFixture()
{
    slot_.reset();
    if (container_.empty())
        return;
    if (auto removed = docker_.remove_container(container_, {.force = true, .volumes = true}, {});
        !removed && removed.error().code() != Errc::not_found)
        std::cerr << "container " << container_ << " is left behind: " << removed.error().message() << '\n';
}

void SlotFixture::use_init(const std::filesystem::path& file)
{
    init_ = directory_.path() / "other-slot-init";
    std::filesystem::copy_file(file, init_);
}

slot::Slot& SlotFixture::create(const std::function<void(slot::SlotSpec&)>& change)
{
    slot::SlotSpec spec;
    spec.name = "slipway-test-slot-" + std::to_string(::getpid());
    spec.image = image_;
    spec.labels = {{"io.slipway.test", std::to_string(::getpid())}};
    spec.network = "none";
    if (change)
        change(spec);
    slot_ = must(slot::Slot::create(docker_, spec,
        {.directory = place(), .host_directory = {}, .init_file = init_, .stdio = stdio_},
        [this](const Secret& key) -> Result<void> {
            key_ = key;
            return {};
        },
        random_, {}));
    container_ = slot_->container();
    wait_for<slot::Ready>();
    return *slot_;
}

void SlotFixture::leave() { slot_.reset(); }

slot::Slot& SlotFixture::come_back(std::uint64_t from)
{
    have = from;
    slot_ = must(
        slot::Slot::adopt(container_, {.directory = place(), .key = key_, .have = from, .keep_key = {}},
            stdio_ ? std::optional{stdio_->engine} : std::nullopt, random_));
    return *slot_;
}

slot::Slot& SlotFixture::restart_launcher(std::uint64_t from)
{
    leave();
    return come_back(from);
}

slot::RunSpec SlotFixture::script(const std::string& text, const std::string& user)
{
    return {.argv = {"sh", "-c", text}, .env = {"PATH=/bin"}, .cwd = "/", .user = user};
}

std::string SlotFixture::processes() const { return run_host("docker top " + container_ + " -o pid,args"); }

void SlotFixture::start(const slot::RunSpec& spec)
{
    collected.clear();
    must(slot_->link().run(++seq_, spec));
}

slot::Event SlotFixture::next()
{
    auto event = must(slot_->link().next_event(std::chrono::seconds{40}, {}));
    if (!event)
        throw std::runtime_error{"the slot was silent for 40 s"};
    if (const auto* output = std::get_if<slot::Output>(&*event)) {
        if (output->offset != have)
            throw std::runtime_error{"output has a gap at " + std::to_string(have)};
        have += output->bytes.size();
        collected += output->bytes;
        // What cannot be sent now is acknowledged with the next one.
        (void)slot_->link().ack(have, 0);
    }
    return *std::move(event);
}

RunEnd SlotFixture::finish()
{
    RunEnd end;
    for (;;) {
        auto event = next();
        if (const auto* notice = std::get_if<slot::Notice>(&event))
            end.notices.push_back(*notice);
        if (const auto* executed = std::get_if<slot::Executed>(&event))
            end.told_executed = end.told_executed || executed->seq == seq_;
        if (const auto* exit = std::get_if<slot::Exited>(&event); exit != nullptr && exit->seq == seq_) {
            end.exit = *exit;
            (void)slot_->link().ack(have, seq_);
            end.output = std::exchange(collected, {});
            return end;
        }
    }
}

RunEnd SlotFixture::run(const slot::RunSpec& spec)
{
    start(spec);
    return finish();
}

RunEnd SlotFixture::shell(const std::string& text, const std::string& user)
{
    return run(script(text, user));
}

void SlotFixture::wait_output(std::string_view text)
{
    while (!collected.ends_with(text))
        wait_for<slot::Output>();
}

} // namespace slipway::test
