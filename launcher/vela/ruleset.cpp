#include "launcher/vela/ruleset.h"

#include "launcher/vela/path_match.h"
#include "launcher/vela/regexp.h"

#include <string>
#include <vector>

namespace slipway::vela {

namespace {

constexpr std::string_view kTags = "refs/tags/";

/// What the patterns of a ruleset are held against. What is not known at run time is empty.
struct Facts {
    std::string branch;
    std::string event;
    std::string repo;
    std::string status;
    std::string tag;
    std::string target;
};

Facts facts_of(const Build& build, std::string_view status)
{
    Facts facts;
    facts.branch = build.branch;
    facts.event = build.event_action.empty() ? build.event : build.event + ":" + build.event_action;
    facts.repo = build.repo.full_name;
    facts.status = status == "running" ? "success" : status;
    const bool of_tag = build.ref.starts_with(kTags);
    if (build.event == "tag" || (build.event == "deployment" && of_tag))
        facts.tag = of_tag ? build.ref.substr(kTags.size()) : build.ref;
    if (build.event == "deployment" || build.event == "schedule")
        facts.target = build.deploy;
    return facts;
}

Result<Matches> match(const std::string& pattern, const std::string& value, std::string_view matcher)
{
    if (matcher == "regexp" || matcher == "regex")
        return search_regexp(pattern, value);
    return path_match(pattern, value);
}

/// Gathers what the kinds of one set of rules say.
class Verdict {
public:
    explicit Verdict(const Rules& rules)
        : rules_{rules}
    {
    }

    Result<void> add(const char* kind, const std::vector<std::string>& patterns, const std::string& value)
    {
        if (patterns.empty())
            return {};
        bool matches = false;
        for (const auto& pattern : patterns)
            matches = matches || SLIPWAY_TRY(in(kind, match(pattern, value, rules_.matcher))) == Matches::yes;
        note(matches);
        return {};
    }

    void note(bool matches) { (matches ? any_ : missing_) = true; }

    [[nodiscard]] bool holds() const { return rules_.op == "or" ? any_ : !missing_; }

private:
    const Rules& rules_;
    bool any_ = false;
    bool missing_ = false;
};

Result<Matches> match(const Rules& rules, const Facts& facts, const Variables& variables)
{
    Verdict verdict{rules};
    if (!rules.eval.empty())
        verdict.note(SLIPWAY_TRY(in("eval", evaluate(rules.eval, variables))) == Runs::yes);
    SLIPWAY_TRY(verdict.add("branch", rules.branch, facts.branch));
    SLIPWAY_TRY(verdict.add("comment", rules.comment, {}));
    SLIPWAY_TRY(verdict.add("event", rules.event, facts.event));
    if (!rules.path.empty())
        verdict.note(false); // no list of paths: nothing in it can match
    SLIPWAY_TRY(verdict.add("repo", rules.repo, facts.repo));
    SLIPWAY_TRY(verdict.add("sender", rules.sender, {}));
    SLIPWAY_TRY(verdict.add("tag", rules.tag, facts.tag));
    SLIPWAY_TRY(verdict.add("target", rules.target, facts.target));
    if (!rules.label.empty())
        verdict.note(false); // as path
    SLIPWAY_TRY(verdict.add("instance", rules.instance, {}));
    SLIPWAY_TRY(verdict.add("status", rules.status, facts.status));
    return verdict.holds() ? Matches::yes : Matches::no;
}

} // namespace

Result<Runs> should_run(const Container& step, const Build& build, std::string_view status)
{
    const auto& [when, unless, continues] = step.ruleset;
    if (when.status.empty() && unless.status.empty())
        return status == "failure" || status == "error" ? Runs::no : Runs::yes;
    const Facts facts = facts_of(build, status);
    const auto& variables = step.environment;
    if (!unless.empty()
        && SLIPWAY_TRY(in("ruleset: unless", match(unless, facts, variables))) == Matches::yes)
        return Runs::no;
    if (when.empty())
        return Runs::yes;
    return SLIPWAY_TRY(in("ruleset: if", match(when, facts, variables))) == Matches::yes ? Runs::yes
                                                                                         : Runs::no;
}

} // namespace slipway::vela
