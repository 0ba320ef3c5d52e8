#include "mothership/clones.h"

#include "common/json.h"

#include <algorithm>

namespace slipway::mothership {

namespace {

using protocol::Millis;

constexpr Millis kQuiet = 60'000;
/// A registration that was under way when its process died may arrive late and look like one comeback, and
/// its successor's answer to that like a second.
constexpr int kProof = 3;
constexpr std::size_t kMaxRecent = 8;

} // namespace

void note_registration(Registrations& r, Sighting who, Millis now)
{
    const auto known = std::ranges::find(r.recent, who.process, &Sighting::process);
    const bool back = known != r.recent.end() && known + 1 != r.recent.end();
    const bool elsewhere = !r.recent.empty()
        && (r.recent.back().hostname != who.hostname || r.recent.back().boot_id != who.boot_id);
    const bool quiet = now - r.newest >= kQuiet;
    if (known != r.recent.end())
        r.recent.erase(known);
    r.recent.push_back(std::move(who));
    if (r.recent.size() > kMaxRecent)
        r.recent.erase(r.recent.begin());
    r.newest = now;
    if (r.clones(now)) {
        if (back || elsewhere)
            r.refused_until = now + kQuiet;
        return;
    }
    r.comebacks = (quiet ? 0 : r.comebacks) + (back ? 1 : 0);
    if (r.comebacks < kProof)
        return;
    r.comebacks = 0;
    r.refused_until = now + kQuiet;
}

std::string clones_text(const Registrations& r)
{
    std::vector<std::string> names;
    for (const auto& one : r.recent)
        if (auto name = one.hostname + " (boot " + one.boot_id + ")"; !std::ranges::count(names, name))
            names.push_back(std::move(name));
    std::string who;
    for (const auto& name : names)
        who += (who.empty() ? "" : ", ") + name;
    return "two launchers run with the same state directory or a copy of it: " + who
        + ". Keep the one that has work. On each other one stop the launcher, remove the file `instance` (or "
          "the "
          "whole state directory) and start it again; make machine images without it. The one that is kept "
          "is "
          "taken a minute later";
}

std::string to_json(const Registrations& r)
{
    JsonWriter json;
    json.begin_object().field("newest", r.newest).field("comebacks", std::int64_t{r.comebacks});
    json.field("refused_until", r.refused_until).key("recent").begin_array();
    for (const auto& one : r.recent) {
        json.begin_object().field("process", one.process).field("hostname", one.hostname);
        json.field("boot_id", one.boot_id).end_object();
    }
    return json.end_array().end_object().take();
}

Result<Registrations> read_registrations(std::string_view text)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(text));
    const JsonValue json = document.root();
    Registrations r;
    r.newest = SLIPWAY_TRY(json.integer("newest", 0));
    r.comebacks = static_cast<int>(SLIPWAY_TRY(json.integer("comebacks", 0, kProof)));
    r.refused_until = SLIPWAY_TRY(json.integer("refused_until", 0));
    const auto recent = SLIPWAY_TRY(json.at("recent"));
    for (const auto& element : SLIPWAY_TRY(recent.elements())) {
        Sighting one;
        one.process = SLIPWAY_TRY(element.string("process"));
        one.hostname = SLIPWAY_TRY(element.string("hostname"));
        one.boot_id = SLIPWAY_TRY(element.string("boot_id"));
        r.recent.push_back(std::move(one));
    }
    return r;
}

} // namespace slipway::mothership
