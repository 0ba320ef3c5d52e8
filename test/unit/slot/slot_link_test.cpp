#include "launcher/slot/slot_link.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <thread>

using namespace slipway;
using namespace slipway::slot;
using namespace std::chrono_literals;

namespace {

/// The slot's end of a link, played by the test.
class Peer {
public:
    explicit Peer(const std::filesystem::path& directory)
        : socket_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)}
    {
        // As in a container, where the path is short.
        const UniqueFd at{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = "/proc/self/fd/" + std::to_string(at.get()) + "/s";
        std::memcpy(address.sun_path, path.data(), path.size());
        connected = ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }

    template <class T> void send(FrameType type, const T& head, std::string_view body = {})
    {
        const std::string bytes = encode_frame(type, head, body);
        (void)::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }

    /// The bytes of one struct frame, or nothing at the end of the connection.
    template <class T> std::optional<T> receive()
    {
        std::array<char, sizeof(FrameHeader) + sizeof(T)> bytes{};
        if (::recv(socket_.get(), bytes.data(), bytes.size(), MSG_WAITALL)
            != static_cast<ssize_t>(bytes.size()))
            return std::nullopt;
        return payload_head<T>({bytes.data() + sizeof(FrameHeader), sizeof(T)});
    }

    bool connected = false;

private:
    UniqueFd socket_;
};

ReadyFrame ready_with(std::string_view key)
{
    ReadyFrame ready{};
    ready.version = kProtocolVersion;
    std::memcpy(ready.key, key.data(), key.size());
    return ready;
}

struct World {
    test::TempDir directory;
    SystemRandom random;
    Secret kept;

    std::unique_ptr<SlotLink> listen(Secret key = {}, std::uint64_t have = 0)
    {
        auto link = SlotLink::listen({.directory = directory.path(),
                                         .key = std::move(key),
                                         .have = have,
                                         .keep_key = [this](const Secret& made) -> Result<void> {
                                             kept = made;
                                             return {};
                                         }},
            random);
        REQUIRE(link);
        return *std::move(link);
    }
};

std::optional<Event> event_of(SlotLink& link, std::chrono::milliseconds wait = 5s)
{
    auto event = link.next_event(wait, {});
    REQUIRE(event);
    return *std::move(event);
}

} // namespace

TEST_CASE("the first peer without a key gets one, which is kept before it is told", "[slot]")
{
    World world;
    const auto link = world.listen();
    Peer peer{world.directory.path()};
    peer.send(FrameType::ready, ready_with(""));
    const auto ready = event_of(*link);
    REQUIRE(ready);
    CHECK(std::holds_alternative<Ready>(*ready));
    const auto hello = peer.receive<HelloFrame>();
    REQUIRE(hello);
    REQUIRE(world.kept.size() == kKeySize);
    CHECK(world.kept.equals({reinterpret_cast<const char*>(hello->key), kKeySize}));
    CHECK_FALSE(Peer{world.directory.path()}.connected);
}

TEST_CASE("a key that cannot be kept is not told", "[slot]")
{
    World world;
    auto link = SlotLink::listen({.directory = world.directory.path(),
                                     .key = {},
                                     .have = 0,
                                     .keep_key = [](const Secret&) -> Result<void> {
                                         return Error{Errc::exhausted, "disk full"};
                                     }},
        world.random);
    REQUIRE(link);
    Peer peer{world.directory.path()};
    peer.send(FrameType::ready, ready_with(""));
    const auto event = (*link)->next_event(5s, {});
    REQUIRE_FALSE(event);
    CHECK(event.error().code() == Errc::exhausted);
    link->reset();
    CHECK_FALSE(peer.receive<HelloFrame>());
}

TEST_CASE("once a key is out, only it opens the link: not another, not none, not another version", "[slot]")
{
    World world;
    const std::string key(kKeySize, 'k');
    const auto link = world.listen(Secret{key}, 17);
    ReadyFrame future = ready_with(key);
    future.version = kProtocolVersion + 1;
    for (const ReadyFrame& wrong : {ready_with(""), ready_with(std::string(kKeySize, 'x')), future}) {
        Peer stranger{world.directory.path()};
        stranger.send(FrameType::ready, wrong);
        stranger.send(FrameType::exited, ExitedFrame{});
        CHECK_FALSE(event_of(*link, 50ms));
        CHECK_FALSE(stranger.receive<HelloFrame>());
    }
    CHECK(link->turned_away()
        == "its slot-init speaks version 2 of the protocol, this launcher 1 to 1: start the version of the "
           "launcher that made the slot, until the stage has ended");
    Peer peer{world.directory.path()};
    peer.send(FrameType::ready, ready_with(key));
    REQUIRE(event_of(*link));
    const auto hello = peer.receive<HelloFrame>();
    REQUIRE(hello);
    CHECK(hello->have == 17);
    CHECK(link->turned_away().empty());
}

TEST_CASE("strangers that say nothing make room and are dropped", "[slot]")
{
    World world;
    const std::string key(kKeySize, 'k');
    const auto link = world.listen(Secret{key});
    std::vector<std::unique_ptr<Peer>> silent;
    for (int i = 0; i < 40; ++i)
        silent.push_back(std::make_unique<Peer>(world.directory.path()));
    Peer peer{world.directory.path()};
    peer.send(FrameType::ready, ready_with(key));
    const auto event = event_of(*link);
    REQUIRE(event);
    CHECK(std::holds_alternative<Ready>(*event));
    for (const auto& one : silent)
        CHECK_FALSE(one->receive<HelloFrame>());
}

TEST_CASE("a peer that breaks the protocol is cut off and may connect again", "[slot]")
{
    World world;
    const std::string key(kKeySize, 'k');
    const auto link = world.listen(Secret{key});
    for (int i = 0; i < 2; ++i) {
        Peer peer{world.directory.path()};
        peer.send(FrameType::ready, ready_with(key));
        REQUIRE(event_of(*link));
        peer.send(FrameType::run, RunFrame{});
        const auto event = event_of(*link);
        REQUIRE(event);
        CHECK(std::holds_alternative<Disconnected>(*event));
        const auto sent = link->ack(1, 0);
        REQUIRE_FALSE(sent);
        CHECK(sent.error().code() == Errc::unreachable);
    }
}

TEST_CASE("output that was delivered is not asked for again after a lost connection", "[slot]")
{
    World world;
    const std::string key(kKeySize, 'k');
    const auto link = world.listen(Secret{key});
    {
        Peer peer{world.directory.path()};
        peer.send(FrameType::ready, ready_with(key));
        peer.send(FrameType::out, OutFrame{.offset = 0}, "hello");
        REQUIRE(std::holds_alternative<Ready>(*event_of(*link)));
        const auto output = event_of(*link);
        REQUIRE(output);
        CHECK(std::get<Output>(*output).bytes == "hello");
    }
    REQUIRE(std::holds_alternative<Disconnected>(*event_of(*link)));
    Peer peer{world.directory.path()};
    peer.send(FrameType::ready, ready_with(key));
    REQUIRE(std::holds_alternative<Ready>(*event_of(*link)));
    const auto hello = peer.receive<HelloFrame>();
    REQUIRE(hello);
    CHECK(hello->have == 5);
    peer.send(FrameType::out, OutFrame{.offset = 3}, "lo");
    CHECK(std::holds_alternative<Disconnected>(*event_of(*link)));
}

TEST_CASE("waiting ends by a stop, by a wake and by time", "[slot]")
{
    World world;
    const auto link = world.listen();
    CHECK_FALSE(event_of(*link, 1ms));
    link->wake();
    CHECK_FALSE(event_of(*link, 1h));
    std::stop_source stop;
    const std::jthread later{[&stop] { stop.request_stop(); }};
    const auto event = link->next_event(1h, stop.get_token());
    REQUIRE_FALSE(event);
    CHECK(event.error().code() == Errc::cancelled);
}

TEST_CASE("a state directory may be longer than a socket's path", "[slot]")
{
    World world;
    std::filesystem::path deep = world.directory.path();
    for (int i = 0; i < 5; ++i)
        deep /= std::string(60, 'd');
    std::filesystem::create_directories(deep);
    const auto link
        = SlotLink::listen({.directory = deep, .key = {}, .have = 0, .keep_key = {}}, world.random);
    REQUIRE(link);
    CHECK(Peer{deep}.connected);

    struct stat info { };

    REQUIRE(::stat((deep / "s").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0666);
}

TEST_CASE("a text with a NUL byte or an empty command is refused before it is sent", "[slot]")
{
    World world;
    const std::string key(kKeySize, 'k');
    const auto link = world.listen(Secret{key});
    Peer peer{world.directory.path()};
    peer.send(FrameType::ready, ready_with(key));
    REQUIRE(event_of(*link));
    RunSpec spec{.argv = {std::string{"a\0b", 3}}, .env = {}, .cwd = {}, .user = {}};
    CHECK(link->run(1, spec).error().code() == Errc::invalid_input);
    spec.argv.clear();
    CHECK(link->run(1, spec).error().code() == Errc::invalid_input);
    spec.argv = {"x", std::string(3'000'000, 'y')};
    CHECK(link->run(1, spec).error().code() == Errc::invalid_input);
    spec.argv = {"x"};
    spec.env = {"BIG=" + std::string(128 * 1024, 'y')};
    CHECK(link->run(1, spec).error().message()
        == "starting a command in the slot: the variable BIG is longer than 128 KiB, the most a process can "
           "be given");
}

TEST_CASE("no command overtakes the greeting", "[slot]")
{
    World world;
    const std::string key(kKeySize, 'k');
    for (int round = 0; round < 100; ++round) {
        const auto link = world.listen(Secret{key});
        const std::jthread eager{[&link](const std::stop_token& stop) {
            while (!stop.stop_requested() && !link->ack(1, 0))
                std::this_thread::yield();
        }};
        Peer peer{world.directory.path()};
        peer.send(FrameType::ready, ready_with(key));
        REQUIRE(event_of(*link));
        const auto first = peer.receive<HelloFrame>();
        REQUIRE(first);
        REQUIRE(std::memcmp(first->key, key.data(), kKeySize) == 0);
    }
}

TEST_CASE("a link that could not listen again tries it again", "[slot]")
{
    World world;
    const std::string key(kKeySize, 'k');
    const auto link = world.listen(Secret{key});
    const auto in_the_way = world.directory.path() / "s.new";
    {
        Peer peer{world.directory.path()};
        peer.send(FrameType::ready, ready_with(key));
        REQUIRE(std::holds_alternative<Ready>(*event_of(*link)));
        std::filesystem::create_directory(in_the_way);
    }
    REQUIRE(std::holds_alternative<Disconnected>(*event_of(*link)));
    CHECK_FALSE(Peer{world.directory.path()}.connected);
    CHECK_FALSE(link->turned_away().empty());
    std::filesystem::remove(in_the_way);
    std::jthread again{[&] {
        for (;;) {
            Peer peer{world.directory.path()};
            peer.send(FrameType::ready, ready_with(key));
            if (peer.connected && peer.receive<HelloFrame>())
                return;
        }
    }};
    const auto event = event_of(*link);
    REQUIRE(event);
    CHECK(std::holds_alternative<Ready>(*event));
}

TEST_CASE("a lease is told as a time of the slot's own clock", "[slot]")
{
    World world;
    const std::string key(kKeySize, 'k');
    const auto link = world.listen(Secret{key});
    Peer peer{world.directory.path()};
    ReadyFrame ready = ready_with(key);
    ready.now_ms = 1'000'000'000'000;
    peer.send(FrameType::ready, ready);
    REQUIRE(event_of(*link));
    REQUIRE(peer.receive<HelloFrame>());
    REQUIRE(link->lease(60s));
    const auto lease = peer.receive<LeaseFrame>();
    REQUIRE(lease);
    CHECK(lease->until_ms >= ready.now_ms + 60'000);
    CHECK(lease->until_ms < ready.now_ms + 90'000);
    REQUIRE(link->lease(kNoLease));
    CHECK(peer.receive<LeaseFrame>()->until_ms == 0);
}

TEST_CASE("a transfer in which nothing moves fails", "[slot]")
{
    World world;
    const std::string key(kKeySize, 'k');
    auto link = SlotLink::listen(
        {.directory = world.directory.path(), .key = Secret{key}, .have = 0, .keep_key = {}, .stall = 50ms},
        world.random);
    REQUIRE(link);
    Peer peer{world.directory.path()};
    peer.send(FrameType::ready, ready_with(key));
    const auto got = (*link)->get(
        {.directory = "/w", .user = ""}, [](std::string_view) -> Result<void> { return {}; }, {});
    REQUIRE_FALSE(got);
    CHECK(got.error().code() == Errc::timed_out);
    CHECK(got.error().message().find("nothing moved") != std::string::npos);
}

TEST_CASE("a transfer whose process was killed says by what, and keeps the last of what was said", "[slot]")
{
    World world;
    const std::string key(kKeySize, 'k');
    const auto link = world.listen(Secret{key});

    struct Case {
        TransferEndFrame end;
        std::string text;
        std::string words;
    };

    const auto made = GENERATE(values<Case>({
        {{.id = 1, .failed = 1, .signal = SIGKILL, .cause = StopCause::lease}, "", "ended by the lease"},
        {{.id = 1, .failed = 1, .signal = SIGKILL, .cause = StopCause::none}, "a: note\n",
            "killed by signal 9; before: a: note"},
        {{.id = 1, .failed = 1, .signal = 0, .cause = StopCause::none},
            std::string(kMaxText - 10, 'x') + "\nthe end\n\n", "the end"},
    }));
    Peer peer{world.directory.path()};
    peer.send(FrameType::ready, ready_with(key));
    peer.send(FrameType::transfer_end, made.end, made.text);
    const auto got
        = link->get({.directory = "/w", .user = ""}, [](std::string_view) -> Result<void> { return {}; }, {});
    REQUIRE_FALSE(got);
    CHECK(got.error().message() == "packing /w: " + made.words);
}
