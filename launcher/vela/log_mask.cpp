#include "launcher/vela/log_mask.h"

#include "common/secret.h"
#include "launcher/masking/forms.h"
#include "launcher/masking/value_filter.h"

#include <algorithm>

namespace slipway::vela {

namespace {

constexpr std::string_view kBlank = " \t\r\n\v\f";

std::string_view trimmed(std::string_view text)
{
    const auto first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// Replaces values that are too short for Needles.
class ShortFilter {
public:
    explicit ShortFilter(const std::vector<std::string>& values)
        : values_{values}
    {
    }

    void push(std::string_view bytes, bool last, std::string& out)
    {
        if (values_.empty()) {
            out.append(bytes);
            return;
        }
        held_.append(bytes);
        std::size_t at = 0;
        while (at < held_.size()) {
            const auto rest = std::string_view{held_}.substr(at);
            const auto whole
                = std::ranges::find_if(values_, [&](const auto& value) { return rest.starts_with(value); });
            // A longer value may be about to show.
            const auto open = std::ranges::find_if(values_,
                [&](const auto& value) { return value.size() > rest.size() && value.starts_with(rest); });
            if (!last && open != values_.end())
                break;
            if (whole != values_.end()) {
                out.append(kBuildStars);
                at += whole->size();
            } else {
                out.push_back(held_[at++]);
            }
        }
        held_.erase(0, at);
    }

private:
    const std::vector<std::string>& values_;
    std::string held_;
};

class LogMask final : public launcher::StreamFilter {
public:
    explicit LogMask(std::shared_ptr<const MaskedValues> values)
        : masked_{std::move(values)}
        , values_{masked_->needles(), kBuildStars}
        , short_{masked_->short_ones()}
    {
    }

    void push(std::string_view bytes, std::string& out) override
    {
        if (masked_->short_ones().empty()) {
            values_.push(bytes, out);
            return;
        }
        between_.clear();
        values_.push(bytes, between_);
        short_.push(between_, false, out);
    }

    void finish(std::string& out) override
    {
        between_.clear();
        values_.finish(between_);
        short_.push(between_, true, out);
    }

    [[nodiscard]] std::string text(std::string_view text) const override
    {
        LogMask other{masked_};
        std::string out;
        other.push(text, out);
        other.finish(out);
        return out;
    }

private:
    std::shared_ptr<const MaskedValues> masked_;
    launcher::ValueFilter values_;
    ShortFilter short_;
    std::string between_;
};

} // namespace

MaskedValues::MaskedValues(const std::vector<std::string_view>& values)
{
    std::vector<std::string> forms;
    for (const auto value : values) {
        add(value, forms);
        if (value.find('\n') == std::string_view::npos)
            continue;
        // Shells print a value of several lines as one where it is not quoted.
        std::string line{value};
        std::ranges::replace(line, '\n', ' ');
        add(line, forms);
        wipe(line);
    }
    std::ranges::sort(short_,
        [](const auto& a, const auto& b) { return a.size() != b.size() ? a.size() > b.size() : a < b; });
    std::vector<launcher::Needle> needles;
    needles.reserve(forms.size());
    for (auto& form : forms)
        needles.push_back({.text = std::move(form)});
    needles_ = std::make_shared<launcher::Needles>(needles);
    for (auto& needle : needles)
        wipe(needle.text);
}

void MaskedValues::add(std::string_view value, std::vector<std::string>& forms)
{
    const auto text = trimmed(value);
    // Stars would be replaced by more of them.
    if (text.size() < launcher::kLeastMasked && text.find_first_not_of('*') != std::string_view::npos)
        short_.emplace_back(text);
    launcher::add_forms(value, forms);
}

MaskedValues::~MaskedValues()
{
    for (auto& value : short_)
        wipe(value);
}

std::unique_ptr<launcher::StreamFilter> make_log_mask(std::shared_ptr<const MaskedValues> values)
{
    return std::make_unique<LogMask>(std::move(values));
}

} // namespace slipway::vela
