#include "launcher/vela/parse.h"

#include "common/json.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace slipway::vela {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Result<void> read_flag(const JsonValue& json, std::string_view name, bool& into)
{
    into = SLIPWAY_TRY(json.boolean_or(name, false)) == JsonValue::Boolean::yes;
    return {};
}

Result<void> read_text(const JsonValue& json, std::string_view name, std::string& into)
{
    into = SLIPWAY_TRY(json.string_or(name, ""));
    return {};
}

Result<void> read_number(const JsonValue& json, std::string_view name, std::int64_t& into)
{
    into = SLIPWAY_TRY(json.integer_or(name, 0));
    return {};
}

/// Where an event is allowed in "allow_events", and how the environment spells it, in its order.
struct EventPlace {
    std::string_view group;
    std::string_view name;
    std::string_view spelt;
};

constexpr std::array<EventPlace, 14> kEvents{{
    {"push", "branch", "push"},
    {"pull_request", "opened", "pull_request:opened"},
    {"pull_request", "synchronize", "pull_request:synchronize"},
    {"pull_request", "edited", "pull_request:edited"},
    {"pull_request", "reopened", "pull_request:reopened"},
    {"pull_request", "labeled", "pull_request:labeled"},
    {"pull_request", "unlabeled", "pull_request:unlabeled"},
    {"push", "tag", "tag"},
    {"deployment", "created", "deployment"},
    {"comment", "created", "comment:created"},
    {"comment", "edited", "comment:edited"},
    {"schedule", "run", "schedule"},
    {"push", "delete_branch", "delete:branch"},
    {"push", "delete_tag", "delete:tag"},
}};

Result<std::vector<std::string>> read_events(const JsonValue& json)
{
    std::vector<std::string> events;
    const auto allowed = SLIPWAY_TRY(json.find("allow_events"));
    if (!allowed)
        return events;
    for (const auto& [group, name, spelt] : kEvents) {
        const auto of_group = SLIPWAY_TRY(allowed->find(group));
        if (of_group && SLIPWAY_TRY(of_group->boolean_or(name, false)) == JsonValue::Boolean::yes)
            events.emplace_back(spelt);
    }
    return events;
}

/// An object of strings; a value of another kind is taken as its JSON.
Result<Pairs> read_pairs(const JsonValue& json, std::string_view name)
{
    Pairs pairs;
    const auto found = SLIPWAY_TRY(json.find(name));
    if (!found)
        return pairs;
    for (const auto& [key, value] : SLIPWAY_TRY(found->members())) {
        auto text = value.string();
        pairs.emplace_back(key, text ? *std::move(text) : value.dump());
    }
    return pairs;
}

Result<Repo> read_repo(const JsonValue& json)
{
    Repo repo;
    SLIPWAY_TRY(read_number(json, "id", repo.id));
    if (const auto owner = SLIPWAY_TRY(json.find("owner")))
        SLIPWAY_TRY(read_text(*owner, "name", repo.owner));
    for (auto& [name, into] : {std::pair{"org", &repo.org}, {"name", &repo.name},
             {"full_name", &repo.full_name}, {"link", &repo.link}, {"clone", &repo.clone},
             {"branch", &repo.branch}, {"visibility", &repo.visibility},
             {"pipeline_type", &repo.pipeline_type}, {"approve_build", &repo.approve_build}})
        SLIPWAY_TRY(read_text(json, name, *into));
    for (auto& [name, into] : {std::pair{"build_limit", &repo.build_limit}, {"timeout", &repo.timeout},
             {"approval_timeout", &repo.approval_timeout}, {"install_id", &repo.install_id}})
        SLIPWAY_TRY(read_number(json, name, *into));
    SLIPWAY_TRY(read_flag(json, "private", repo.is_private));
    SLIPWAY_TRY(read_flag(json, "trusted", repo.trusted));
    SLIPWAY_TRY(read_flag(json, "active", repo.active));
    repo.topics = SLIPWAY_TRY(json.string_list("topics"));
    repo.allow_events = SLIPWAY_TRY(read_events(json));
    if (const auto props = SLIPWAY_TRY(json.find("custom_props")))
        repo.custom_props = props->dump();
    if (repo.org.empty() || repo.name.empty())
        return Error{Errc::invalid_input, json.path() + ": a repository needs org and name"};
    return repo;
}

Result<Build> build_of(const JsonValue& json)
{
    Build build;
    build.whole = json.dump();
    const auto repo = SLIPWAY_TRY(json.at("repo"));
    build.repo = SLIPWAY_TRY(read_repo(repo));
    for (auto& [name, into] : {std::pair{"id", &build.id}, {"number", &build.number},
             {"parent", &build.parent}, {"enqueued", &build.enqueued}, {"created", &build.created},
             {"started", &build.started}, {"finished", &build.finished},
             {"deploy_number", &build.deploy_number}, {"approved_at", &build.approved_at}})
        SLIPWAY_TRY(read_number(json, name, *into));
    for (auto& [name, into] : {std::pair{"event", &build.event}, {"event_action", &build.event_action},
             {"status", &build.status}, {"error", &build.error}, {"deploy", &build.deploy},
             {"clone", &build.clone}, {"source", &build.source}, {"title", &build.title},
             {"message", &build.message}, {"commit", &build.commit}, {"sender", &build.sender},
             {"sender_scm_id", &build.sender_scm_id}, {"author", &build.author}, {"email", &build.email},
             {"link", &build.link}, {"branch", &build.branch}, {"ref", &build.ref},
             {"base_ref", &build.base_ref}, {"head_ref", &build.head_ref}, {"host", &build.host},
             {"route", &build.route}, {"runtime", &build.runtime}, {"distribution", &build.distribution},
             {"approved_by", &build.approved_by}})
        SLIPWAY_TRY(read_text(json, name, *into));
    SLIPWAY_TRY(read_flag(json, "fork", build.fork));
    build.deploy_payload = SLIPWAY_TRY(read_pairs(json, "deploy_payload"));
    if (build.number <= 0)
        return Error{Errc::invalid_input, json.path() + ".number: a build has a number above 0"};
    return build;
}

Result<JsonDocument> parse_text(std::string_view text, std::size_t most)
{
    return JsonDocument::parse(text, {.max_bytes = most, .max_depth = 64});
}

} // namespace

Result<QueueItem> read_item(std::string_view json)
{
    const auto document = SLIPWAY_TRY(parse_text(json, kMaxItem));
    QueueItem item;
    item.item_version = SLIPWAY_TRY(document.root().integer_or("item_version", 0));
    const auto build = SLIPWAY_TRY(document.root().at("build"));
    item.build = SLIPWAY_TRY(build_of(build));
    return item;
}

Result<Build> read_build(std::string_view json)
{
    const auto document = SLIPWAY_TRY(parse_text(json, kMaxItem));
    return build_of(document.root());
}

Result<SecretValue> read_secret(std::string_view json)
{
    const auto document = SLIPWAY_TRY(parse_text(json, kMaxItem));
    const JsonValue root = document.root();
    SecretValue secret;
    secret.name = SLIPWAY_TRY(root.string_or("name", ""));
    auto value = SLIPWAY_TRY(root.string_or("value", ""));
    secret.value = Secret::take(value);
    secret.images = SLIPWAY_TRY(root.string_list("images"));
    secret.allow_events = SLIPWAY_TRY(read_events(root));
    SLIPWAY_TRY(read_flag(root, "allow_command", secret.allow_command));
    SLIPWAY_TRY(read_flag(root, "allow_substitution", secret.allow_substitution));
    JsonWriter shown;
    shown.begin_object();
    for (const auto& [name, member] : SLIPWAY_TRY(root.members())) {
        if (name == "value")
            shown.field(name, "[secure]");
        else
            shown.key(name).raw(member.dump());
    }
    shown.end_object();
    const auto hidden
        = SLIPWAY_TRY(JsonDocument::parse(shown.text(), {.max_bytes = kMaxItem, .max_depth = 64}));
    secret.shown = hidden.root().dump_indented();
    return secret;
}

std::string whole_build(const Build& build)
{
    const std::array<std::pair<std::string_view, std::string_view>, 5> texts{
        {{"status", build.status}, {"error", build.error}, {"host", build.host}, {"runtime", build.runtime},
            {"distribution", build.distribution}}};
    const std::array<std::pair<std::string_view, std::int64_t>, 2> numbers{
        {{"started", build.started}, {"finished", build.finished}}};
    JsonWriter json;
    json.begin_object();
    const auto document = parse_text(build.whole.empty() ? "{}" : build.whole, kMaxItem);
    if (document) {
        const auto members = document->root().members();
        const auto replaced = [&](std::string_view name) {
            const auto same = [&](const auto& pair) { return pair.first == name; };
            return std::ranges::any_of(texts, same) || std::ranges::any_of(numbers, same);
        };
        if (members)
            for (const auto& [name, member] : *members)
                if (!replaced(name))
                    json.key(name).raw(member.dump());
    }
    for (const auto& [name, text] : texts)
        json.field(name, text);
    for (const auto& [name, number] : numbers)
        json.field(name, number);
    json.end_object();
    return json.take();
}

} // namespace slipway::vela
