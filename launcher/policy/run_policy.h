#pragma once

#include "common/result.h"
#include "launcher/exit_codes.h"
#include "launcher/policy/verdict.h"

#include <chrono>
#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace slipway::launcher {

struct PolicySettings {
    std::filesystem::path file; ///< Rego, package `spacelift`.
    std::string opa = "opa"; ///< The program: a path, or a name that is looked up in PATH.
    std::chrono::milliseconds deadline{10'000}; ///< Of one evaluation.
    /// Of the program, which shows it to the policy (`opa.runtime`): nothing secret.
    std::vector<std::pair<std::string, std::string>> environment;
};

/// The variables of ours that OPA gets: what finds programs, temporary files, proxies and certificates.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> policy_environment(
    const std::vector<std::pair<std::string, std::string>>& variables);

/// The run initialization policy: a Rego file that decides whether a stage may run on this worker, evaluated
/// by the program `opa` (openpolicyagent.org; its meaning is OPA's, so no other evaluator was written or
/// linked). Thread-safe.
class RunPolicy {
public:
    /// Evaluates the file with a sample input, in the language of this OPA, then, when that fails, as Rego v0
    /// and v1; what works is kept. Refuses an OPA that cannot be run, a file that cannot be read or does not
    /// compile, and a policy that can deny nothing.
    static std::variant<RunPolicy, Refusal> open(
        PolicySettings settings, std::string_view sample_input, std::stop_token stop);

    /// Fails with `invalid_input` when the policy is at fault (it would be on every worker that has it), with
    /// another code when this machine is. No failure is a permission.
    [[nodiscard]] Result<PolicyVerdict> evaluate(std::string_view input, std::stop_token stop) const;

private:
    explicit RunPolicy(PolicySettings settings)
        : settings_{std::move(settings)}
    {
    }

    PolicySettings settings_;
    std::string dialect_; ///< A flag of OPA; empty: its own.
};

/// A line of JSON that shows what a policy was asked and what it said.
[[nodiscard]] std::string sample_line(std::string_view input, const PolicyVerdict& verdict);

/// The answer of `opa eval data.spacelift`. Fails with `invalid_input`.
[[nodiscard]] Result<PolicyVerdict> parse_policy_answer(std::string_view json);

} // namespace slipway::launcher
