#pragma once

#include "launcher/masking/add_mask.h"
#include "launcher/masking/patterns.h"
#include "launcher/masking/stream_filter.h"
#include "launcher/masking/value_filter.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::launcher {

/// What a masker knows before the first byte.
struct MaskRules {
    std::shared_ptr<const Needles> needles = std::make_shared<Needles>(); ///< Of the secret values.
    bool patterns = true; ///< What has the form of a well-known secret is masked, too.
    std::string stars{kStars};
};

/// Rules that mask these values, and `more`; values that are too short are not masked.
[[nodiscard]] std::shared_ptr<const MaskRules> make_mask_rules(const std::vector<std::string_view>& values,
    bool patterns, std::string_view stars = kStars, std::vector<Needle> more = {});

/// Masks a job's log: the values of the rules in all their forms, words that the job adds by `::add-mask`
/// from that line on, and well-known patterns. See ValueFilter, AddMask and PatternFilter for what each does.
class Masker final : public StreamFilter {
public:
    explicit Masker(std::shared_ptr<const MaskRules> rules);

    void push(std::string_view bytes, std::string& out) override;
    void finish(std::string& out) override;
    [[nodiscard]] std::string text(std::string_view text) const override;
    ~Masker() override;

private:
    struct Batch {
        std::vector<Needle> forms;
        std::shared_ptr<const Needles> needles; ///< Of the same.
    };

    void pass(std::string_view bytes);
    [[nodiscard]] std::vector<std::shared_ptr<const Needles>> added() const;
    void learn(const std::vector<std::string_view>& words);
    void filter_patterns(std::string& out);

    std::shared_ptr<const MaskRules> rules_;
    std::vector<Batch> batches_; ///< Of what the job has added, each much larger than the next.
    AddMask add_mask_;
    ValueFilter values_;
    PatternFilter patterns_;
    std::string between_; ///< What went through values_ and is to go through patterns_.
    std::string* target_ = nullptr; ///< Of the push that is under way.
};

} // namespace slipway::launcher
