#include "common/protocol/wire.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::protocol;

namespace {

const std::string kId = "01JABCDEFGHJKMNPQRSTVWXYZ0";
const std::string kOther = "01JABCDEFGHJKMNPQRSTVWXYZ1";

template <class Message> struct Reader;

template <> struct Reader<RegisterRequest> {
    static constexpr auto read = read_register_request;
};

template <> struct Reader<RegisterResponse> {
    static constexpr auto read = read_register_response;
};

template <> struct Reader<PollRequest> {
    static constexpr auto read = read_poll_request;
};

template <> struct Reader<PollResponse> {
    static constexpr auto read = read_poll_response;
};

template <> struct Reader<AcceptRequest> {
    static constexpr auto read = read_accept_request;
};

template <> struct Reader<DeclineRequest> {
    static constexpr auto read = read_decline_request;
};

template <> struct Reader<StateReport> {
    static constexpr auto read = read_state_report;
};

template <> struct Reader<LeaseAnswer> {
    static constexpr auto read = read_lease_answer;
};

template <> struct Reader<LogAnswer> {
    static constexpr auto read = read_log_answer;
};

/// What is written is read as the same, with fields of a newer version ignored. Equality is that of the JSON
/// text, whose fields are all checked to differ from their defaults by `differs`.
template <class Message> Message check_round_trip(const Message& message)
{
    const std::string text = to_json(message);
    CHECK(text != to_json(Message{}));
    const auto back = Reader<Message>::read(text);
    REQUIRE(back);
    CHECK(to_json(*back) == text);
    const auto newer = Reader<Message>::read("{\"of_a_newer_version\":[{\"x\":1}]," + text.substr(1));
    REQUIRE(newer);
    CHECK(to_json(*newer) == text);
    for (const auto* wrong : {"", "{", "[]", "null", "7", "\"text\""})
        CHECK_FALSE(Reader<Message>::read(wrong));
    return *back;
}

template <class Message> std::string refusal(const std::string& text)
{
    const auto result = Reader<Message>::read(text);
    return result ? "" : result.error().message();
}

std::string replaced(std::string text, std::string_view what, std::string_view by)
{
    const auto place = text.find(what);
    REQUIRE(place != std::string::npos);
    return text.replace(place, what.size(), by);
}

} // namespace

TEST_CASE("a registration is read as it was written")
{
    const auto back = check_round_trip(RegisterRequest{.instance_id = kId,
        .boot_id = "b",
        .version = "1.2",
        .hostname = "h",
        .capacity = 4,
        .metadata = {{"Region", "x"}, {"a", "\n"}},
        .process = kOther,
        .seen_ms = 77,
        .seen_mark = "aa"});
    CHECK(back.metadata.front().first == "Region");
    CHECK(back.process == kOther);
    CHECK(back.seen_ms == 77);
    CHECK(back.seen_mark == "aa");
    const auto answer = check_round_trip(RegisterResponse{.worker_id = kId,
        .session = "s",
        .pool_id = kOther,
        .pool_name = "n",
        .poll_wait = 1,
        .lease = 2'000,
        .server_id = kId,
        .served_ms = 3,
        .served_mark = "bb",
        .wall_ms = 4});
    CHECK(answer.session == "s");
    CHECK(answer.server_id == kId);
    CHECK(answer.served_mark == "bb");
    CHECK(answer.wall_ms == 4);
}

TEST_CASE("a poll is read as it was written")
{
    const auto back = check_round_trip(PollRequest{.held = {{kId, {1, 2}, true}, {kOther, {3, 4}, false}},
        .free_places = 2,
        .draining = true,
        .wait = 5,
        .seen_ms = 6,
        .seen_mark = "cc",
        .number = 7});
    CHECK(back.number == 7);
    REQUIRE(back.held.size() == 2);
    CHECK(back.held[0].fence == Fence{1, 2});
    CHECK(back.held[0].started);
    CHECK_FALSE(back.held[1].started);
    CHECK(back.draining);
    CHECK(back.seen_mark == "cc");

    Assignment offer;
    offer.stage_id = offer.run_id = offer.pool_id = kId;
    offer.fence = {1, 9};
    PollResponse response{.renewed = {{kId, {1, 2}, false}},
        .gone = {{kOther, {1, 1}, false}},
        .offers = {offer},
        .commands = {},
        .lease = 8'000,
        .served_ms = 9,
        .served_mark = "dd"};
    for (const auto kind :
        {CommandKind::stop, CommandKind::kill, CommandKind::drain, CommandKind::undrain, CommandKind::cycle})
        response.commands.push_back({kind, kId});
    const auto answer = check_round_trip(response);
    CHECK(answer.served_mark == "dd");
    REQUIRE(answer.commands.size() == 5);
    CHECK(answer.commands[4].kind == CommandKind::cycle);
    REQUIRE(answer.offers.size() == 1);
    CHECK(answer.offers[0].fence == Fence{1, 9});
}

TEST_CASE("the calls about a stage are read as they were written")
{
    check_round_trip(AcceptRequest{.fence = {1, 2}, .run_limit = 3});
    check_round_trip(DeclineRequest{.fence = {1, 2}, .reason = "disk"});
    check_round_trip(LeaseAnswer{.lease = kMaxLease});
    CHECK(check_round_trip(LogAnswer{.durable = 1ULL << 40U}).durable == 1ULL << 40U);
    for (const auto event :
        {StageEvent::preparing, StageEvent::started, StageEvent::phase, StageEvent::finished}) {
        for (const auto outcome : {Outcome::succeeded, Outcome::failed, Outcome::lost}) {
            const auto back = check_round_trip(StateReport{.fence = {1, 2},
                .sequence = 3,
                .event = event,
                .phase = "p",
                .image_id = "i",
                .outcome = outcome,
                .exit_code = 137,
                .cause = "oom",
                .message = "m",
                .workspace = "w",
                .log_end = 9});
            CHECK(back.event == event);
            CHECK(back.outcome == outcome);
            CHECK(back.log_end == 9);
        }
    }
}

TEST_CASE("a lease and a run limit out of bounds are refused")
{
    CHECK(refusal<LeaseAnswer>(to_json(LeaseAnswer{.lease = kMinLease - 1})).find("$.lease_ms") == 0);
    CHECK(refusal<LeaseAnswer>(to_json(LeaseAnswer{.lease = kMaxLease + 1})).find("$.lease_ms") == 0);
    CHECK(refusal<AcceptRequest>(to_json(AcceptRequest{.fence = {1, 1}, .run_limit = kMaxRunLimit + 1}))
              .find("$.run_limit_ms")
        == 0);
    check_round_trip(AcceptRequest{.fence = {1, 1}, .run_limit = kMaxRunLimit});
}

TEST_CASE("a message that lacks what it must have names the field")
{
    CHECK(refusal<RegisterRequest>("{}") == "$.instance_id: is missing");
    CHECK(refusal<RegisterResponse>("{\"worker_id\":\"" + kId + "\"}") == "$.session: is missing");
    CHECK(refusal<AcceptRequest>("{}") == "$.fence: is missing");
    CHECK(refusal<AcceptRequest>("{\"fence\":1}") == "$.run_limit_ms: is missing");
    CHECK(refusal<DeclineRequest>("{}") == "$.fence: is missing");
    CHECK(refusal<LeaseAnswer>("{}") == "$.lease_ms: is missing");
    CHECK(refusal<LogAnswer>("{}") == "$.durable: is missing");
    CHECK(refusal<StateReport>("{\"fence\":1}") == "$.sequence: is missing");
    CHECK(refusal<PollRequest>("{\"held\":[{}]}") == "$.held[0].stage_id: is missing");
}

TEST_CASE("an offer or a command that cannot be read leaves the rest of a poll's answer as it is")
{
    Assignment offer;
    offer.stage_id = offer.run_id = offer.pool_id = kId;
    offer.fence = {1, 9};
    const std::string good = to_json(offer);
    const auto answer = read_poll_response("{\"renewed\":[{\"stage_id\":\"" + kOther
        + "\",\"fence\":1}],\"offers\":[{}," + replaced(good, "\"phases\":[]", "\"phases\":7") + "," + good
        + "],\"commands\":[{},{\"kind\":\"explode\"},{\"kind\":\"drain\"}]}");
    REQUIRE(answer);
    CHECK(answer->renewed.size() == 1);
    REQUIRE(answer->offers.size() == 1);
    REQUIRE(answer->commands.size() == 1);
    CHECK(answer->commands[0].kind == CommandKind::drain);
    REQUIRE(answer->unreadable.size() == 4);
    CHECK(answer->unreadable[0].stage_id.empty());
    CHECK(answer->unreadable[0].why == "$.offers[0].stage_id: is missing");
    CHECK(answer->unreadable[1].stage_id == kId);
    CHECK(answer->unreadable[1].fence == Fence{1, 9});
    CHECK(answer->unreadable[1].why.find("$.offers[1].phases") == 0);
    CHECK(answer->unreadable[2].why == "$.commands[0].kind: is missing");
    CHECK(answer->unreadable[3].why == "$.commands[1].kind: \"explode\" is unknown");
    CHECK_FALSE(read_poll_response("{\"renewed\":[{}],\"offers\":[]}"));
    CHECK_FALSE(read_poll_response("{\"gone\":[{}],\"offers\":[]}"));
}

TEST_CASE("values of the wrong type, out of range or unknown are refused with their place")
{
    StateReport started;
    started.fence = {1, 2};
    started.event = StageEvent::started;
    const std::string report = to_json(started);
    CHECK(refusal<StateReport>(report).empty());
    CHECK(refusal<StateReport>(replaced(report, "\"started\"", "\"begun\""))
        == "$.event: \"begun\" is unknown");
    CHECK(refusal<StateReport>(replaced(report, "\"none\"", "\"won\"")) == "$.outcome: \"won\" is unknown");
    CHECK(refusal<StateReport>(replaced(report, "\"started\"", "\"finished\"")).find("$.outcome") == 0);
    CHECK(refusal<StateReport>(replaced(report, "\"exit_code\":-1", "\"exit_code\":256")).find("$.exit_code")
        == 0);
    CHECK(refusal<StateReport>(replaced(report, "\"log_end\":0", "\"log_end\":-1")).find("$.log_end") == 0);
    CHECK(refusal<StateReport>(replaced(report, "\"sequence\":0", "\"sequence\":\"0\"")).find("$.sequence")
        == 0);
    CHECK(refusal<AcceptRequest>("{\"fence\":0,\"run_limit_ms\":1}").find("$.fence") == 0);
    CHECK(refusal<AcceptRequest>("{\"fence\":-4,\"run_limit_ms\":1}").find("$.fence") == 0);
    CHECK(refusal<AcceptRequest>("{\"fence\":9223372036854775808,\"run_limit_ms\":1}").find("$.fence") == 0);
    CHECK(refusal<AcceptRequest>("{\"fence\":1,\"run_limit_ms\":9223372036854775807}").find("$.run_limit_ms")
        == 0);
    CHECK(refusal<AcceptRequest>("{\"fence\":1.5,\"run_limit_ms\":1}").find("$.fence") == 0);
    CHECK(refusal<PollRequest>("{\"wait_ms\":60001}").find("$.wait_ms") == 0);
    CHECK(refusal<PollRequest>("{\"free_places\":1001}").find("$.free_places") == 0);
    CHECK(refusal<PollRequest>("{\"draining\":1}").find("$.draining") == 0);
    CHECK(refusal<PollRequest>("{\"held\":[{\"stage_id\":\"../x\",\"fence\":1}]}").find("$.held[0].stage_id")
        == 0);
    CHECK(
        refusal<RegisterRequest>("{\"instance_id\":\"" + kId + "\",\"capacity\":0}").find("$.capacity") == 0);
    CHECK(refusal<RegisterRequest>("{\"instance_id\":\"" + kId + "\",\"metadata\":{\"a\":1}}")
              .find("$.metadata.a")
        == 0);
}

TEST_CASE("what is too long is refused")
{
    const auto long_text = [](std::size_t bytes) { return std::string(bytes, 'x'); };
    CHECK(
        refusal<DeclineRequest>(to_json(DeclineRequest{.fence = {1, 1}, .reason = long_text(4096)})).empty());
    CHECK(refusal<DeclineRequest>(to_json(DeclineRequest{.fence = {1, 1}, .reason = long_text(4097)}))
        == "$.reason: longer than 4096 bytes");
    CHECK(refusal<RegisterRequest>(to_json(RegisterRequest{
              .instance_id = kId, .boot_id = {}, .version = {}, .hostname = long_text(256), .metadata = {}}))
        == "$.hostname: longer than 255 bytes");
    StateReport report;
    report.fence = {1, 1};
    report.message = long_text(16385);
    CHECK(refusal<StateReport>(to_json(report)) == "$.message: longer than 16384 bytes");
    PollRequest poll;
    poll.held.assign(1001, {kId, {1, 1}, false});
    CHECK(refusal<PollRequest>(to_json(poll)) == "$.held: too many entries");
    const auto huge = Reader<DeclineRequest>::read("{\"x\":\"" + long_text(kMaxMessageBytes) + "\"}");
    REQUIRE_FALSE(huge);
    CHECK(huge.error().code() == Errc::exhausted);
}
