#include "launcher/masking/masker.h"

#include "common/secret.h"
#include "launcher/masking/forms.h"

#include <algorithm>
#include <iterator>

namespace slipway::launcher {

namespace {

constexpr std::size_t kBatchRatio = 4;

void wipe_texts(std::vector<Needle>& needles)
{
    for (auto& needle : needles)
        wipe(needle.text);
}

} // namespace

std::shared_ptr<const MaskRules> make_mask_rules(const std::vector<std::string_view>& values, bool patterns,
    std::string_view stars, std::vector<Needle> more)
{
    std::vector<std::string> forms;
    for (const auto value : values)
        add_forms(value, forms);
    std::vector<Needle> needles = std::move(more);
    for (auto& form : forms)
        needles.push_back({.text = std::move(form)});
    auto rules = std::make_shared<MaskRules>();
    rules->needles = std::make_shared<Needles>(needles);
    rules->patterns = patterns;
    rules->stars = stars;
    wipe_texts(needles);
    return rules;
}

Masker::Masker(std::shared_ptr<const MaskRules> rules)
    : rules_{std::move(rules)}
    , add_mask_{rules_->stars, [this](std::string_view bytes) { pass(bytes); },
          [this](const std::vector<std::string_view>& words) { learn(words); }}
    , values_{rules_->needles, rules_->stars}
    , patterns_{rules_->stars}
{
}

Masker::~Masker()
{
    for (auto& batch : batches_)
        wipe_texts(batch.forms);
}

void Masker::push(std::string_view bytes, std::string& out)
{
    target_ = rules_->patterns ? &between_ : &out;
    add_mask_.push(bytes);
    filter_patterns(out);
}

void Masker::finish(std::string& out)
{
    target_ = rules_->patterns ? &between_ : &out;
    add_mask_.finish();
    values_.finish(*target_);
    filter_patterns(out);
    if (rules_->patterns)
        patterns_.finish(out);
}

void Masker::filter_patterns(std::string& out)
{
    target_ = nullptr;
    if (!rules_->patterns)
        return;
    patterns_.push(between_, out);
    between_.clear();
}

void Masker::pass(std::string_view bytes) { values_.push(bytes, *target_); }

std::vector<std::shared_ptr<const Needles>> Masker::added() const
{
    std::vector<std::shared_ptr<const Needles>> added;
    for (const auto& batch : batches_)
        added.push_back(batch.needles);
    return added;
}

/// The line is not masked yet and shows no word, so the words count from its begin on. The needles of small
/// batches are made anew with those of the line: so there are never many batches, and no form is in many that
/// were made.
void Masker::learn(const std::vector<std::string_view>& words)
{
    std::vector<std::string> texts;
    for (const auto word : words)
        add_forms(word, texts);
    std::vector<Needle> forms;
    for (auto& text : texts)
        forms.push_back({.text = std::move(text), .from = values_.offset()});
    for (; !batches_.empty() && batches_.back().forms.size() <= kBatchRatio * forms.size();
         batches_.pop_back())
        std::ranges::move(batches_.back().forms, std::back_inserter(forms));
    auto needles = std::make_shared<const Needles>(forms);
    batches_.push_back({.forms = std::move(forms), .needles = std::move(needles)});
    values_.add(added());
}

std::string Masker::text(std::string_view text) const
{
    std::string masked;
    ValueFilter values{rules_->needles, rules_->stars, values_.offset()};
    values.add(added());
    values.push(text, masked);
    values.finish(masked);
    if (!rules_->patterns)
        return masked;
    std::string out;
    PatternFilter patterns{rules_->stars};
    patterns.push(masked, out);
    patterns.finish(out);
    return out;
}

} // namespace slipway::launcher
