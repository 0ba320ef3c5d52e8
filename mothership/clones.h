#pragma once

#include "common/protocol/fence.h"
#include "common/result.h"

#include <string>
#include <string_view>
#include <vector>

/// Clones: two running launchers with one `instance` file, from a machine image or a copied state directory.
/// They share one worker, so each would take the other's session, offers and stages.
namespace slipway::mothership {

/// One process that registered as an instance.
struct Sighting {
    std::string process; ///< That it made for itself.
    std::string hostname;
    std::string boot_id;
};

/// How an instance registered lately. A value that the store keeps as text.
struct Registrations {
    std::vector<Sighting> recent; ///< Newest last, each process once.
    protocol::Millis newest = 0; ///< Served time.
    int comebacks = 0; ///< How often a replaced process came back, without a quiet minute in between.
    protocol::Millis refused_until = 0; ///< Served time; later when clones go on asking.

    [[nodiscard]] bool clones(protocol::Millis now) const noexcept { return now < refused_until; }
};

/// Notes that `who` registers at served time `now`. A process that was replaced and comes back is alive
/// beside its successor; after three comebacks all are refused, until for a minute only one of them asks.
void note_registration(Registrations& registrations, Sighting who, protocol::Millis now);

/// Who they are and the remedy, as a sentence.
[[nodiscard]] std::string clones_text(const Registrations& registrations);

[[nodiscard]] std::string to_json(const Registrations& registrations);
[[nodiscard]] Result<Registrations> read_registrations(std::string_view text);

} // namespace slipway::mothership
