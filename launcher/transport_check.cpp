#include "launcher/transport_check.h"

#include "common/base64.h"
#include "common/file.h"
#include "common/json.h"
#include "launcher/backoff.h"
#include "launcher/slot/init_volume.h"

#include <array>
#include <exception>

namespace slipway::launcher {

namespace {

constexpr std::size_t kMaxMemory = 4096;

std::string_view word(SlotTransport transport)
{
    return transport == SlotTransport::stdio ? "stdio" : "socket";
}

} // namespace

TransportCheck::TransportCheck(TransportCheckSettings settings, const Clock& clock, Random& random,
    Logger logger, std::function<void()> on_known)
    : settings_{std::move(settings)}
    , clock_{clock}
    , random_{random}
    , logger_{std::move(logger)}
    , on_known_{std::move(on_known)}
{
    const auto& engine = settings_.engine.name;
    const bool known = settings_.wanted == SlotTransport::socket
        || (settings_.wanted == SlotTransport::automatic && !engine.empty()
            && remembered(engine) == word(SlotTransport::socket));
    if (known) {
        answer_ = Answer{};
        return;
    }
    over_ = false;
    thread_ = std::jthread{[this](std::stop_token stop) {
        run(std::move(stop));
        const std::lock_guard lock{mutex_};
        over_ = true;
        changed_.notify_all();
    }};
}

TransportCheck::~TransportCheck()
{
    thread_.request_stop();
    {
        std::unique_lock lock{mutex_};
        changed_.wait_for(lock, kAnswer, [this] { return over_; });
    }
    late_.request_stop();
}

bool TransportCheck::known() const
{
    const std::lock_guard lock{mutex_};
    return answer_.has_value();
}

std::string_view TransportCheck::name() const
{
    const std::lock_guard lock{mutex_};
    if (!answer_)
        return {};
    return word(answer_->stdio ? SlotTransport::stdio : SlotTransport::socket);
}

Result<TransportCheck::Answer> TransportCheck::answer(std::stop_token stop)
{
    std::unique_lock lock{mutex_};
    if (!changed_.wait(lock, std::move(stop), [this] { return answer_.has_value(); }))
        return Error{Errc::cancelled, "waiting for the check of slots was cancelled"};
    return *answer_;
}

void TransportCheck::run(std::stop_token stop)
{
    Backoff backoff{clock_, random_};
    std::string told;
    while (!stop.stop_requested()) {
        auto found = [&]() -> Result<Answer> {
            try {
                return find(stop);
            } catch (const std::exception& failure) {
                return Error{Errc::internal, failure.what()};
            }
        }();
        if (found) {
            {
                const std::lock_guard lock{mutex_};
                answer_ = *std::move(found);
            }
            changed_.notify_all();
            on_known_();
            return;
        }
        if (stop.stop_requested())
            return;
        if (told != found.error().message())
            logger_.error("no slot can be made; nothing is taken until one can", found.error());
        told = found.error().message();
        backoff.wait(stop);
    }
}

Result<TransportCheck::Answer> TransportCheck::find(std::stop_token stop)
{
    auto docker = SLIPWAY_TRY(docker::Docker::open(settings_.engine));
    if (settings_.wanted == SlotTransport::stdio)
        return stdio(docker);
    const auto version = settings_.engine.name.empty() ? SLIPWAY_TRY(docker.info(stop)).server_version
                                                       : settings_.engine.name;
    const auto before = remembered(version);
    if (before == word(SlotTransport::socket))
        return Answer{};
    if (before == word(SlotTransport::stdio))
        return stdio(docker);
    Answer answer;
    const auto by_socket = try_slot(docker, answer, stop);
    if (!by_socket) {
        if (stop.stop_requested())
            return by_socket.error();
        answer = SLIPWAY_TRY(stdio(docker));
        SLIPWAY_TRY(in("a slot answers neither by its socket (" + by_socket.error().message()
                + ") nor by stdin and stdout",
            try_slot(docker, answer, stop)));
    }
    const auto found = answer.stdio ? SlotTransport::stdio : SlotTransport::socket;
    logger_.info("slots were checked",
        {{"transport", word(found)}, {"engine", version},
            {"runtime", settings_.runtime.empty() ? "the engine's default" : settings_.runtime},
            {"socket", by_socket ? "answers" : by_socket.error().message()}});
    remember(version, found);
    return answer;
}

Result<TransportCheck::Answer> TransportCheck::stdio(docker::Docker& docker)
{
    auto volume = SLIPWAY_TRY(slot::fill_init_volume(docker, settings_.labels, random_, late_.get_token()));
    return Answer{slot::StdioPlace{.engine = settings_.engine, .init_volume = std::move(volume)}};
}

Result<void> TransportCheck::try_slot(docker::Docker& docker, const Answer& answer, std::stop_token stop)
{
    std::array<std::byte, 6> bytes{};
    random_.fill(bytes);
    slot::SlotSpec spec;
    spec.name
        = std::string{kCheckNames} + hex_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    spec.image = SLIPWAY_TRY(slot::empty_image(docker, late_.get_token()));
    spec.labels = settings_.labels;
    spec.network = "none";
    spec.runtime = settings_.runtime;
    if (stop.stop_requested())
        return Error{Errc::cancelled, "the check of slots was cancelled"};
    auto made = SLIPWAY_TRY(slot::Slot::create(docker, spec,
        {.directory = settings_.state_directory / "slots" / spec.name,
            .host_directory = settings_.state_on_host / "slots" / spec.name,
            .init_file = settings_.init_file,
            .stdio = answer.stdio},
        {}, random_, late_.get_token()));
    Result<void> outcome{Error{
        Errc::timed_out, "slot-init did not connect within " + std::to_string(kConnect.count()) + " s"}};
    const auto until = clock_.now() + kConnect;
    while (clock_.now() < until && !stop.stop_requested()) {
        const auto event = made->link().next_event(std::chrono::milliseconds{200}, stop);
        if (event && *event && std::holds_alternative<slot::Ready>(**event)) {
            outcome = Result<void>{};
            break;
        }
        const auto state = docker.inspect_container(made->container(), stop);
        if (state && !state->state.running) {
            outcome = Error{Errc::internal,
                "the container ended with code " + std::to_string(state->state.exit_code) + " "
                    + state->state.error};
            break;
        }
    }
    if (const auto removed = made->destroy(docker, {}); !removed)
        logger_.warn("a container of the check could not be removed", removed.error());
    return outcome;
}

/// Nothing for another engine, runtime or boot.
std::string TransportCheck::remembered(const std::string& version) const
{
    const auto text = read_file_if_exists(settings_.state_directory / "transport", kMaxMemory);
    if (!text || !*text)
        return {};
    const auto document = JsonDocument::parse(**text);
    if (!document)
        return {};
    const auto json = document->root();
    const auto is = [&](std::string_view name, const std::string& value) {
        const auto found = json.string(name);
        return found && *found == value;
    };
    if (!is("engine", version) || !is("runtime", settings_.runtime) || !is("boot", settings_.boot_id))
        return {};
    return json.string("transport").value_or("");
}

void TransportCheck::remember(const std::string& version, SlotTransport found) const
{
    JsonWriter json;
    json.begin_object().field("engine", version).field("runtime", settings_.runtime);
    json.field("boot", settings_.boot_id).field("transport", word(found)).end_object();
    if (const auto written = replace_file(settings_.state_directory / "transport", json.text()); !written)
        logger_.warn("how slots are reached could not be written down", written.error());
}

} // namespace slipway::launcher
