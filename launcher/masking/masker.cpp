#include "launcher/masking/masker.h"

#include "common/secret.h"
#include "launcher/masking/forms.h"

namespace slipway::launcher {

namespace {

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

Masker::~Masker() { wipe_texts(words_); }

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

/// The line is not masked yet and shows no word, so the words count from its begin on.
void Masker::learn(const std::vector<std::string_view>& words)
{
    std::vector<std::string> forms;
    for (const auto word : words)
        add_forms(word, forms);
    for (auto& form : forms)
        words_.push_back({.text = std::move(form), .from = values_.offset()});
    added_ = std::make_shared<Needles>(words_);
    values_.add(added_);
}

std::string Masker::text(std::string_view text) const
{
    std::string masked;
    ValueFilter values{rules_->needles, rules_->stars, values_.offset()};
    values.add(added_);
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
