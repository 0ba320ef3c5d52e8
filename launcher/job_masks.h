#pragma once

#include "common/protocol/assignment.h"
#include "common/result.h"
#include "common/secret.h"
#include "launcher/engine_settings.h"
#include "launcher/journal.h"
#include "launcher/mask_fact.h"
#include "launcher/masking/masker.h"
#include "launcher/vault.h"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::launcher {

/// What is masked in the log of one stage: the values of the operator's masked names wherever they come from,
/// the secret variables and sealed files of the stack, the pool's private keys, and well-known patterns. Made
/// once for a stage; a launcher that takes the stage over works out the same. Thread-safe.
class JobMasks {
public:
    /// Reads what an earlier launcher has written down, or writes it down now. What is sealed and cannot be
    /// opened is no secret of this job, since the job cannot get it; but when it could be opened once, the
    /// failure is returned: the log must not go out without it.
    static Result<JobMasks> make(const JobEntry& entry, const protocol::Assignment& assignment,
        const EngineSettings& settings, const Vault& vault);

    /// Works out the rules of the moment, if nobody has wanted them yet.
    void work_out() const { (void)rules_->get(); }

    /// Makes the filter of the stage's log, by the rules of the moment.
    [[nodiscard]] FilterMaker filter() const;

    /// Masks the mounted files too that came sealed as blobs and were kept (mask_fact.h), from `offset` of
    /// the raw log on or from where an earlier call said. Filters that were made before know nothing of them.
    Result<void> learn_files(const JobEntry& entry, const protocol::Assignment& assignment,
        const Vault& vault, std::uint64_t offset);

    /// A text that leaves on another way, masked by all but what the job itself has added.
    [[nodiscard]] std::string text(std::string_view text) const;

    /// A sealed variable of the stage.
    [[nodiscard]] Result<Secret> open(const protocol::Variable& variable) const;

    /// Variables whose values are too short to be masked.
    [[nodiscard]] const std::vector<std::string>& too_short() const noexcept { return too_short_; }

private:
    struct Opened {
        std::string name;
        std::string sealed;
        Result<Secret> value;
    };

    /// The rules of the moment. Worked out when somebody wants them first: not while a stage is made ready,
    /// which needs the processor.
    class Rules {
    public:
        using Make = std::function<std::shared_ptr<const MaskRules>()>;

        void set(Make make)
        {
            const std::lock_guard lock{mutex_};
            make_ = std::move(make);
        }

        [[nodiscard]] std::shared_ptr<const MaskRules> get() const
        {
            const std::lock_guard lock{mutex_};
            if (const auto make = std::exchange(make_, {}))
                rules_ = make();
            return rules_;
        }

    private:
        mutable std::mutex mutex_;
        mutable Make make_;
        mutable std::shared_ptr<const MaskRules> rules_ = std::make_shared<MaskRules>();
    };

    void open_all(const protocol::Assignment& assignment, const Vault& vault);
    Result<void> make_rules(const JobEntry& entry, const protocol::Assignment& assignment, const Vault& vault,
        const MaskFact& fact);

    std::vector<Opened> opened_;
    std::vector<std::string> too_short_;
    std::shared_ptr<Rules> rules_ = std::make_shared<Rules>();
};

/// The masks of a job for loggers that are made before them. Thread-safe.
class LateMasks {
public:
    void set(std::shared_ptr<const JobMasks> masks)
    {
        const std::lock_guard lock{mutex_};
        masks_ = std::move(masks);
    }

    [[nodiscard]] std::string text(std::string_view text) const
    {
        const std::lock_guard lock{mutex_};
        return masks_ ? masks_->text(text) : std::string{text};
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const JobMasks> masks_;
};

} // namespace slipway::launcher
