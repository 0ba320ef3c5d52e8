#include "launcher/status_text.h"

#include "common/json.h"
#include "common/utf8.h"
#include "launcher/control_request.h"
#include "launcher/status.h"

#include <algorithm>
#include <vector>

namespace slipway::launcher {

namespace {

constexpr std::string_view kGreen = "32";
constexpr std::string_view kRed = "31";
constexpr std::string_view kYellow = "33";
constexpr std::string_view kBold = "1";

/// What a worker of a Vela server takes, see EngineStatus::work.
constexpr std::string_view kBuild = "build";

constexpr auto kYes = JsonValue::Boolean::yes;

struct Painter {
    Paint paint = Paint::no;

    [[nodiscard]] std::string operator()(std::string_view colour, std::string_view text) const
    {
        // Names come from servers and other programs; a terminal reads this.
        const std::string clean = escape_controls(text);
        return paint == Paint::no || colour.empty() ? clean
                                                    : "\033[" + std::string{colour} + "m" + clean + "\033[0m";
    }
};

Result<JsonDocument> parse(std::string_view json)
{
    return JsonDocument::parse(json, {.max_bytes = kMaxControlAnswer, .max_depth = 8});
}

Result<std::vector<JsonValue>> elements(const JsonValue& json, std::string_view name)
{
    return SLIPWAY_TRY(json.at(name)).elements();
}

std::chrono::milliseconds millis(std::int64_t value) { return std::chrono::milliseconds{value}; }

std::string gigabytes(std::int64_t bytes)
{
    const auto tenths = bytes / 100'000'000;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GB";
}

void line(std::string& out, std::string_view name, const std::string& value)
{
    constexpr std::size_t width = 14;
    out += std::string{name} + std::string(width - std::min(width, name.size()), ' ') + value + "\n";
}

Result<void> add_connection(std::string& out, const JsonValue& json, const Painter& painter)
{
    const auto worker = SLIPWAY_TRY(json.string("worker"));
    const auto name = SLIPWAY_TRY(json.string("pool_name"));
    line(out, "worker", worker.empty() ? painter(kRed, "not registered") : painter({}, worker));
    const auto pool = SLIPWAY_TRY(json.string("pool"));
    if (SLIPWAY_TRY(json.string_or("work", "stage")) == kBuild)
        line(out, "routes", painter({}, pool));
    else
        line(out, "pool", painter({}, pool + (name.empty() ? "" : " (" + name + ")")));
    line(out, "server", painter({}, SLIPWAY_TRY(json.string("url"))));
    const auto age = SLIPWAY_TRY(json.integer_or("contact_age_ms", -1));
    const auto error = SLIPWAY_TRY(json.string("contact_error"));
    std::string contact = age < 0 ? painter(kRed, "never") : human_duration(millis(age)) + " ago";
    if (!error.empty())
        contact += ", " + painter(kRed, error);
    line(out, "last contact", contact);
    return {};
}

Result<void> add_machine(std::string& out, const JsonValue& json, const Painter& painter)
{
    const auto docker = SLIPWAY_TRY(json.at("docker"));
    const auto since = human_duration(millis(SLIPWAY_TRY(docker.integer("since_ms"))));
    line(out, "Docker",
        SLIPWAY_TRY(docker.boolean("answers")) == kYes
            ? painter(kGreen, "answers")
            : painter(kRed, "silent for " + since + ": " + SLIPWAY_TRY(docker.string("error"))));
    if (const auto transport = SLIPWAY_TRY(json.string("transport")); !transport.empty())
        line(out, "transport", painter({}, transport));
    const auto disk = SLIPWAY_TRY(json.at("disk"));
    const auto free = SLIPWAY_TRY(disk.integer("free_bytes"));
    const auto least = SLIPWAY_TRY(disk.integer("least_free_bytes"));
    line(out, "disk",
        painter(free < least ? kRed : kGreen, gigabytes(free) + " free")
            + (least == 0 ? "" : ", intake stops below " + gigabytes(least)));
    return {};
}

Result<void> add_stages(std::string& out, const JsonValue& json, const Painter& painter)
{
    const auto stages = SLIPWAY_TRY(elements(json, "stages"));
    const auto work = SLIPWAY_TRY(json.string_or("work", "stage"));
    line(out, "places",
        std::to_string(stages.size()) + " of " + std::to_string(SLIPWAY_TRY(json.integer("capacity")))
            + " taken");
    if (const auto warm = SLIPWAY_TRY(json.integer("warm_slots")); warm > 0)
        line(out, "warm slots", std::to_string(warm));
    for (const auto& stage : stages) {
        const auto elapsed = human_duration(millis(SLIPWAY_TRY(stage.integer("elapsed_ms"))));
        out += "  " + painter(kBold, SLIPWAY_TRY(stage.string("phase"))) + " for " + elapsed + ", ";
        if (work == kBuild)
            out += "build " + painter({}, SLIPWAY_TRY(stage.string("run"))) + "\n";
        else
            out += painter({}, SLIPWAY_TRY(stage.string("kind"))) + " stage of run "
                + painter({}, SLIPWAY_TRY(stage.string("run"))) + ", job "
                + painter({}, SLIPWAY_TRY(stage.string("stage"))) + "\n";
    }
    return {};
}

} // namespace

Result<std::string> status_text(std::string_view json_text, Paint paint)
{
    const Painter painter{paint};
    const auto document = SLIPWAY_TRY(parse(json_text));
    const auto json = document.root();
    std::string out;
    const bool ready = SLIPWAY_TRY(json.boolean("ready")) == kYes;
    const auto drains = SLIPWAY_TRY(elements(json, "draining"));
    line(out, "launcher",
        painter({}, SLIPWAY_TRY(json.string("version"))) + ", process "
            + std::to_string(SLIPWAY_TRY(json.integer("pid"))) + ", for "
            + human_duration(millis(SLIPWAY_TRY(json.integer("uptime_ms")))));
    line(out, "state",
        ready ? painter(kGreen, "ready for work")
              : painter(kYellow, drains.empty() ? "takes nothing now; slipway-launcher why" : "draining"));
    for (const auto& drain : drains)
        line(out, "drained by",
            painter({}, SLIPWAY_TRY(drain.string("by")) + " since " + SLIPWAY_TRY(drain.string("since")))
                + (SLIPWAY_TRY(drain.boolean("leaves")) == kYes ? ", ends when idle" : ""));
    SLIPWAY_TRY(add_connection(out, json, painter));
    SLIPWAY_TRY(add_machine(out, json, painter));
    SLIPWAY_TRY(add_stages(out, json, painter));
    return out;
}

Result<Why> why_text(std::string_view json_text, Paint paint)
{
    const Painter painter{paint};
    const auto document = SLIPWAY_TRY(parse(json_text));
    const auto json = document.root();
    Why why{.ready = SLIPWAY_TRY(json.boolean("ready")) == kYes, .text = {}};
    if (why.ready && SLIPWAY_TRY(json.string_or("work", "stage")) == kBuild) {
        why.text = painter(kGreen, "ready")
            + ": nothing holds this worker back; its queue is empty.\n  If a build is pending: is its route "
              "one of "
            + painter({}, SLIPWAY_TRY(json.string("pool"))) + "?\n";
        return why;
    }
    if (why.ready) {
        why.text = painter(kGreen, "ready")
            + ": nothing holds this launcher back; the control plane offers it "
              "nothing.\n"
            + "  If a run waits: \"slipway run show RUN\" says what for. Is its stack attached to the pool "
            + painter({}, SLIPWAY_TRY(json.string("pool_name"))) + "?\n";
        return why;
    }
    for (const auto& hold : SLIPWAY_TRY(elements(json, "holds"))) {
        why.text += painter(kYellow, SLIPWAY_TRY(hold.string("text"))) + "\n";
        why.text += "  Remedy: " + painter({}, SLIPWAY_TRY(hold.string("remedy"))) + "\n";
    }
    return why;
}

Result<std::string> held_text(std::string_view json_text)
{
    const auto document = SLIPWAY_TRY(parse(json_text));
    const auto json = document.root();
    const auto count = SLIPWAY_TRY(elements(json, "stages")).size();
    return std::to_string(count) + " " + SLIPWAY_TRY(json.string_or("work", "stage"))
        + (count == 1 ? "" : "s");
}

Result<std::size_t> stages_held(std::string_view json_text)
{
    const auto document = SLIPWAY_TRY(parse(json_text));
    return SLIPWAY_TRY(elements(document.root(), "stages")).size();
}

} // namespace slipway::launcher
