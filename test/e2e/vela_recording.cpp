#include "test/e2e/vela_recording.h"

#include "common/file.h"
#include "common/json.h"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace slipway::test {

namespace {

constexpr JsonLimits kLimits{.max_bytes = 16UL * 1024 * 1024, .max_depth = 64};

using Fields = std::map<std::string, std::string>;

template <class T> T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
    return *std::move(result);
}

void replace_all(std::string& text, const std::string& from, const std::string& to)
{
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
}

bool ends_in(std::string_view name, const std::vector<std::string_view>& ends)
{
    return std::ranges::any_of(ends, [&](std::string_view end) { return name.ends_with(end); });
}

/// What of a value can be the same in two runs.
std::string value_of(std::string_view field, std::string value)
{
    const bool set = value != "0";
    const auto name = field.substr(field.rfind('.') + 1);
    if (name == "id" || ends_in(name, {"_id"}))
        return set ? "(an id)" : value;
    if (ends_in(name, {"started", "finished", "created", "enqueued", "_at"}))
        return set ? "(a time)" : value;
    return name == "data" ? "(a log)" : value;
}

void flatten(const JsonValue& value, const std::string& name, Fields& into)
{
    if (const auto members = value.members()) {
        for (const auto& [key, member] : *members)
            flatten(member, name.empty() ? key : name + "." + key, into);
    } else if (const auto elements = value.elements()) {
        into[name] = "(" + std::to_string(elements->size()) + " elements)";
        for (const auto& element : *elements)
            flatten(element, name + "[]", into);
    } else if (const auto text = value.dump(); text != "null") {
        into[name] = value_of(name, text);
    }
}

Fields fields_of(const std::string& body)
{
    Fields fields;
    if (!body.empty())
        flatten(must(JsonDocument::parse(body, kLimits)).root(), "", fields);
    return fields;
}

/// "PUT steps/#": the kind of a request, whatever it is about.
std::string kind_of(const VelaRequest& request)
{
    auto path = request.path;
    const std::string_view before = "/builds/1";
    if (const auto at = path.find(before); at != std::string::npos)
        path.replace(0, at + before.size(), "build");
    for (const std::string list : {"steps/", "services/"})
        if (const auto at = path.find(list); at != std::string::npos) {
            const auto end = std::min(path.find('/', at + list.size()), path.size());
            path.replace(at + list.size(), end - at - list.size(), "#");
        }
    if (path.starts_with("/api/v1/workers/"))
        path = path.ends_with("/refresh") ? "worker/refresh" : "worker";
    return request.method + " " + path;
}

/// All requests of one kind about one thing.
struct Calls {
    std::string kind;
    std::set<std::string> tokens;
    std::set<std::string> types;
    std::string statuses; ///< One after the other.
    std::map<std::string, Fields> bodies; ///< By their status; the last one counts.
};

std::map<std::string, Calls> by_target(const std::vector<VelaRequest>& requests)
{
    std::map<std::string, Calls> targets;
    for (const auto& request : requests) {
        auto& calls = targets[request.method + " " + request.path];
        calls.kind = kind_of(request);
        calls.tokens.insert(request.token_kind);
        calls.types.insert(request.content_type + (request.query.empty() ? "" : "?" + request.query));
        auto fields = fields_of(request.body);
        const auto found = fields.find("status");
        const auto status = found == fields.end() ? "" : found->second;
        if (!status.empty() && !calls.statuses.ends_with(status))
            calls.statuses += status;
        for (auto& [name, value] : fields)
            calls.bodies[status][name] = value;
    }
    return targets;
}

std::string joined(const std::set<std::string>& texts)
{
    std::string all;
    for (const auto& text : texts)
        all += (all.empty() ? "" : ", ") + text;
    return all;
}

class Comparison {
public:
    void compare(const Calls& theirs, const Calls& ours)
    {
        values(theirs.kind, "token", joined(theirs.tokens), joined(ours.tokens));
        values(theirs.kind, "type", joined(theirs.types), joined(ours.types));
        values(theirs.kind, "status goes", theirs.statuses, ours.statuses);
        for (const auto& [status, fields] : theirs.bodies)
            if (const auto found = ours.bodies.find(status); found != ours.bodies.end())
                compare(theirs.kind, status, fields, found->second);
    }

    void add(const std::string& text) { found_.insert(text); }

    [[nodiscard]] std::vector<std::string> take() const { return {found_.begin(), found_.end()}; }

private:
    void compare(const std::string& kind, const std::string& status, const Fields& theirs, const Fields& ours)
    {
        const auto of = kind + (status.empty() ? "" : " with " + status);
        for (const auto& [name, value] : theirs)
            if (const auto found = ours.find(name); found == ours.end())
                add(of + ": " + name + ": not sent");
            else
                values(of, name, value, found->second);
        for (const auto& [name, value] : ours)
            if (!theirs.contains(name))
                add(of + ": " + name + ": sent as well: " + value);
    }

    void values(
        const std::string& kind, const std::string& name, const std::string& theirs, const std::string& ours)
    {
        if (theirs != ours)
            add(kind + ": " + name + ": " + ours + ", not " + theirs);
    }

    std::set<std::string> found_;
};

} // namespace

VelaRecording read_vela_recording(
    const std::string& name, const std::vector<std::pair<std::string, std::string>>& renamed)
{
    auto text
        = must(read_file(SLIPWAY_SOURCE_DIR "/test/e2e/vela_recorded/" + name + ".json", kLimits.max_bytes));
    for (const auto& [from, to] : renamed)
        replace_all(text, from, to);
    const auto document = must(JsonDocument::parse(text, kLimits));
    const auto root = document.root();
    VelaRecording recording{.build = must(root.at("build")).dump(),
        .pipeline = must(root.at("pipeline")).dump(),
        .secrets = {},
        .logs = must(root.string_map("logs")),
        .requests = {}};
    for (const auto& [path, secret] : must(must(root.at("secrets")).members()))
        recording.secrets[path] = secret.dump();
    for (const auto& request : must(must(root.at("requests")).elements())) {
        const auto body = must(request.find("body"));
        recording.requests.push_back({.method = must(request.string("method")),
            .path = must(request.string("path")),
            .body = body ? body->dump() : "",
            .token_kind = must(request.string("token")),
            .status = 0,
            .query = "",
            .content_type = must(request.string("content_type"))});
    }
    return recording;
}

std::vector<std::string> vela_differences(
    const std::vector<VelaRequest>& theirs, const std::vector<VelaRequest>& ours)
{
    const auto their_targets = by_target(theirs);
    const auto our_targets = by_target(ours);
    Comparison comparison;
    for (const auto& [target, calls] : their_targets)
        if (const auto found = our_targets.find(target); found == our_targets.end())
            comparison.add(calls.kind + ": not made");
        else
            comparison.compare(calls, found->second);
    for (const auto& [target, calls] : our_targets)
        if (!their_targets.contains(target))
            comparison.add(calls.kind + ": made as well");
    return comparison.take();
}

} // namespace slipway::test
