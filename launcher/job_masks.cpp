#include "launcher/job_masks.h"

#include "launcher/mask_fact.h"
#include "launcher/masking/forms.h"

#include <algorithm>

namespace slipway::launcher {

namespace {

using protocol::Assignment;

bool has(const std::vector<std::string>& names, const std::string& name)
{
    return std::ranges::find(names, name) != names.end();
}

MaskFact fact_of(const EngineSettings& settings)
{
    MaskFact fact{
        .patterns = settings.mask_patterns, .names = settings.mask_names, .values = {}, .opened = {}};
    for (const auto& variable : settings.passed)
        if (has(fact.names, variable.name))
            fact.values.emplace_back(variable.name, variable.value);
    return fact;
}

/// A name for the list of what was opened: files and variables may have the same.
std::string file_name(const std::string& path) { return "file " + path; }

/// What was masked once cannot be masked any more.
Error closed(const std::string& name, const Error& why)
{
    return Error{why}.in(name
        + " was opened by an earlier launcher and cannot be opened now, and the log does not go out without "
          "it being "
          "masked: give the launcher the pool key that it had");
}

/// What rules are made of, all values in one piece of memory.
struct Ingredients {
    Secret text;
    std::vector<std::size_t> sizes;
    bool patterns = true;
    std::vector<Needle> files;
};

std::shared_ptr<Ingredients> keep(
    const std::vector<std::string_view>& values, bool patterns, std::vector<Needle> files)
{
    auto kept = std::make_shared<Ingredients>(
        Ingredients{.text = {}, .sizes = {}, .patterns = patterns, .files = std::move(files)});
    std::size_t size = 0;
    for (const auto value : values)
        size += value.size();
    std::string text;
    text.reserve(size); // so that no part of it is left behind in growing
    for (const auto value : values) {
        text += value;
        kept->sizes.push_back(value.size());
    }
    kept->text = Secret::take(text);
    return kept;
}

std::shared_ptr<const MaskRules> rules_of(Ingredients& kept)
{
    std::vector<std::string_view> values;
    std::string_view rest = kept.text.reveal();
    for (const auto size : kept.sizes) {
        values.push_back(rest.substr(0, size));
        rest.remove_prefix(size);
    }
    return make_mask_rules(values, kept.patterns, kStars, std::move(kept.files));
}

void wipe_values(MaskFact& fact)
{
    for (auto& [name, value] : fact.values)
        wipe(value);
}

} // namespace

void JobMasks::open_all(const Assignment& assignment, const Vault& vault)
{
    const auto open = [&](const std::string& name, const std::string& listed, const std::string& sealed) {
        opened_.push_back({listed, sealed, vault.open_secret(assignment.pool_id, name, sealed)});
    };
    for (const auto& variable : assignment.variables)
        if (variable.sealed)
            open(variable.name, variable.name, variable.value);
    for (const auto& file : assignment.files)
        if (file.sealed && file.blob.empty())
            open(file.path, file_name(file.path), file.content);
}

/// Works the rules out from what is written down, the assignment, and the files that were kept.
Result<void> JobMasks::make_rules(
    const JobEntry& entry, const Assignment& assignment, const Vault& vault, const MaskFact& fact)
{
    std::vector<std::string_view> values;
    const auto mask = [&](const std::string& name, std::string_view value) {
        if (is_too_short(value) && !has(too_short_, name))
            too_short_.push_back(name);
        values.push_back(value);
    };
    for (const auto& [name, value] : fact.values)
        mask(name, value);
    for (const auto& variable : assignment.variables)
        if (!variable.sealed && (variable.secret || has(fact.names, variable.name)))
            mask(variable.name, variable.value);
    for (const auto& [name, sealed, value] : opened_) {
        if (value)
            mask(name, value->reveal());
        else if (has(fact.opened, name))
            return closed(name, value.error());
    }
    std::vector<Needle> files;
    for (std::size_t i = 0; fact.files_from && i < assignment.files.size(); ++i) {
        const auto& file = assignment.files[i];
        if (!file.sealed || file.blob.empty())
            continue;
        const auto envelope = SLIPWAY_TRY(sealed_file(entry, i));
        if (!envelope)
            return closed(file_name(file.path), {Errc::not_found, "its envelope is gone"});
        const auto plain
            = vault.open_sealed(assignment.pool_id, file.path, *envelope, protocol::kMaxMountedFile);
        if (!plain)
            return closed(file_name(file.path), plain.error());
        std::vector<std::string> forms;
        add_forms(plain->reveal(), forms);
        for (auto& form : forms)
            files.push_back({.text = std::move(form), .from = *fact.files_from});
    }
    rules_->set([kept = keep(values, fact.patterns, std::move(files))] { return rules_of(*kept); });
    return {};
}

Result<JobMasks> JobMasks::make(
    const JobEntry& entry, const Assignment& assignment, const EngineSettings& settings, const Vault& vault)
{
    const auto known = SLIPWAY_TRY(read_masks(entry));
    MaskFact fact = known.value_or(fact_of(settings));
    JobMasks masks;
    masks.open_all(assignment, vault);
    SLIPWAY_TRY(masks.make_rules(entry, assignment, vault, fact));
    if (!known) {
        for (const auto& one : masks.opened_)
            if (one.value)
                fact.opened.push_back(one.name);
        SLIPWAY_TRY(write_masks(entry, fact));
    }
    wipe_values(fact);
    return masks;
}

Result<void> JobMasks::learn_files(
    const JobEntry& entry, const Assignment& assignment, const Vault& vault, std::uint64_t offset)
{
    if (std::ranges::none_of(
            assignment.files, [](const auto& file) { return file.sealed && !file.blob.empty(); }))
        return {};
    auto fact = SLIPWAY_TRY(read_masks(entry));
    if (!fact)
        return Error{Errc::internal, "what is masked is not written down"};
    if (!fact->files_from) {
        fact->files_from = offset;
        SLIPWAY_TRY(write_masks(entry, *fact));
    }
    auto made = make_rules(entry, assignment, vault, *fact);
    wipe_values(*fact);
    return made;
}

FilterMaker JobMasks::filter() const
{
    return [rules = rules_] { return std::make_unique<Masker>(rules->get()); };
}

std::string JobMasks::text(std::string_view text) const { return Masker{rules_->get()}.text(text); }

Result<Secret> JobMasks::open(const protocol::Variable& variable) const
{
    const auto found = std::ranges::find_if(opened_,
        [&](const Opened& one) { return one.name == variable.name && one.sealed == variable.value; });
    if (found == opened_.end())
        return Error{Errc::internal, "it was not opened with the others"};
    return found->value;
}

} // namespace slipway::launcher
