#include "launcher/policy/run_policy.h"

#include "common/json.h"
#include "launcher/program.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace slipway::launcher {

namespace {

constexpr std::string_view kVariable = "SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY";
constexpr std::size_t kMaxAnswer = 4 * 1024 * 1024;
constexpr std::size_t kMaxDenials = 100;
constexpr std::size_t kMaxWords = 2000; ///< Of OPA's own, in a message.
constexpr JsonLimits kAnswerLimits{.max_bytes = kMaxAnswer, .max_depth = 64};

/// "row 3: the message"
std::string words_of(const JsonValue& error)
{
    const auto location = error.find("location");
    const auto row = location && *location ? (*location)->integer_or("row", 0).value_or(0) : 0;
    return (row == 0 ? "" : "row " + std::to_string(row) + ": ")
        + error.string_or("message", "").value_or(std::string{});
}

/// OPA's words on standard output, one error after the other; else on standard error.
std::string words_of(const ProgramEnd& ended)
{
    std::string words;
    if (const auto document = JsonDocument::parse(ended.output, kAnswerLimits)) {
        const auto errors = document->root().find("errors");
        const auto list = errors && *errors ? (*errors)->elements()
                                            : Result<std::vector<JsonValue>>{std::vector<JsonValue>{}};
        if (list)
            for (const auto& error : *list)
                words += (words.empty() ? "" : "; ") + words_of(error);
    }
    if (words.empty())
        words = ended.errors;
    while (!words.empty() && (words.back() == '\n' || words.back() == ' '))
        words.pop_back();
    return words.substr(0, kMaxWords);
}

Result<PolicyVerdict> ask(
    const PolicySettings& settings, const std::string& dialect, std::string_view input, std::stop_token stop)
{
    // Without --strict-builtin-errors a failing call of a rule would look as if the rule did not apply.
    ProgramCall call{.argv = {settings.opa, "eval", "--format", "json", "--strict-builtin-errors", "--data",
                         settings.file.string(), "--stdin-input"},
        .environment = settings.environment,
        .input = input,
        .deadline = settings.deadline,
        .max_output = kMaxAnswer};
    if (!dialect.empty())
        call.argv.push_back(dialect);
    call.argv.emplace_back("data.spacelift");
    const auto ended = SLIPWAY_TRY(run_program(call, std::move(stop)));
    if (ended.code > 128)
        return Error{
            Errc::internal, settings.opa + " was killed by signal " + std::to_string(ended.code - 128)};
    if (ended.code != 0)
        return Error{Errc::invalid_input, words_of(ended)};
    return parse_policy_answer(ended.output);
}

Refusal refuse_policy(const PolicySettings& settings, const Error& error)
{
    const std::string file = std::string{kVariable} + ": the policy " + settings.file.string();
    if (error.code() == Errc::not_found)
        return {ExitCode::policy_engine_missing,
            std::string{kVariable} + " needs the program OPA, and " + error.message()
                + ": install it (openpolicyagent.org), or set SLIPWAY_OPA to its path"};
    if (error.code() != Errc::invalid_input)
        return {ExitCode::policy_engine_missing,
            std::string{kVariable} + ": OPA cannot evaluate a sample (" + error.message()
                + "): see that SLIPWAY_OPA names it, and that SLIPWAY_POLICY_TIMEOUT is long enough"};
    return {ExitCode::policy_unusable, file + " cannot be used: " + error.message()};
}

} // namespace

Result<PolicyVerdict> parse_policy_answer(std::string_view json)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(json, kAnswerLimits));
    const auto result = SLIPWAY_TRY(document.root().find("result"));
    const auto rows = result ? SLIPWAY_TRY(result->elements()) : std::vector<JsonValue>{};
    if (rows.empty())
        return Error{Errc::invalid_input, "it has no package spacelift"};
    const auto list = SLIPWAY_TRY(rows.front().at("expressions"));
    const auto expressions = SLIPWAY_TRY(list.elements());
    if (expressions.empty())
        return Error{Errc::invalid_input, "it answers nothing"};
    const auto rules = SLIPWAY_TRY(expressions.front().at("value"));
    const auto deny = SLIPWAY_TRY(rules.find("deny"));
    if (!deny)
        return Error{
            Errc::invalid_input, "its package spacelift has no rule `deny` that gives a set of texts"};
    PolicyVerdict verdict;
    verdict.result = rules.dump();
    for (const auto& one : SLIPWAY_TRY(in("deny must be a set of texts", deny->elements()))) {
        if (verdict.denials.size() == kMaxDenials)
            break;
        auto text = one.string();
        verdict.denials.push_back(text ? *std::move(text) : one.dump());
    }
    if (const auto sample = SLIPWAY_TRY(rules.find("sample"))) {
        const auto wanted = sample->boolean();
        verdict.sample = wanted && *wanted == JsonValue::Boolean::yes;
    }
    return verdict;
}

std::string sample_line(std::string_view input, const PolicyVerdict& verdict)
{
    JsonWriter json;
    json.begin_object().key("policy_sample").begin_object();
    json.key("input").raw(input).key("result").raw(verdict.result);
    return json.end_object().end_object().take() + "\n";
}

std::vector<std::pair<std::string, std::string>> policy_environment(
    const std::vector<std::pair<std::string, std::string>>& variables)
{
    constexpr std::array<std::string_view, 12> passed{"PATH", "HOME", "TMPDIR", "TZ", "HTTP_PROXY",
        "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"};
    std::vector<std::pair<std::string, std::string>> environment;
    for (const auto& variable : variables)
        if (std::ranges::find(passed, variable.first) != passed.end())
            environment.push_back(variable);
    return environment;
}

std::variant<RunPolicy, Refusal> RunPolicy::open(
    PolicySettings settings, std::string_view sample_input, std::stop_token stop)
{
    if (::access(settings.file.c_str(), R_OK) != 0)
        return Refusal{ExitCode::policy_unusable,
            std::string{kVariable} + ": the launcher cannot read " + settings.file.string() + ": "
                + std::strerror(errno)}; // NOLINT(concurrency-mt-unsafe): glibc's is
    RunPolicy policy{std::move(settings)};
    auto verdict = ask(policy.settings_, "", sample_input, stop);
    for (const std::string_view dialect : {"--v0-compatible", "--v1-compatible"}) {
        if (verdict || verdict.error().code() != Errc::invalid_input)
            break;
        // What this OPA says in its own language is what people are told.
        if (const auto other = ask(policy.settings_, std::string{dialect}, sample_input, stop)) {
            policy.dialect_ = dialect;
            return policy;
        }
    }
    if (!verdict)
        return refuse_policy(policy.settings_, verdict.error());
    return policy;
}

Result<PolicyVerdict> RunPolicy::evaluate(std::string_view input, std::stop_token stop) const
{
    auto verdict = ask(settings_, dialect_, input, std::move(stop));
    if (verdict || verdict.error().code() == Errc::cancelled)
        return verdict;
    // A program that is gone is this machine's fault; every code but this one is taken for that.
    const auto code = verdict.error().code() == Errc::not_found ? Errc::internal : verdict.error().code();
    return Error{code,
        "the run initialization policy could not be evaluated, and without its word nothing runs: "
            + verdict.error().message()};
}

} // namespace slipway::launcher
