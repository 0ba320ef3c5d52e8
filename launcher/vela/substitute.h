#pragma once

#include "common/result.h"
#include "launcher/vela/model.h"

#include <string>
#include <string_view>

namespace slipway::vela {

/// Expands "${…}" as drone/envsubst 1.0.3 does: unknown names are empty, "$$" is "$", "$NAME" is left alone.
/// `invalid_input` on an expression that does not end or is malformed.
[[nodiscard]] Result<std::string> substitute(std::string_view text, const Variables& variables);

/// The same for every text of a container, with its variables as they are at the start. Fails with
/// `invalid_input` and the place: `container.Environment["NAME"]: missing closing brace`.
[[nodiscard]] Result<void> substitute(Container& container);

} // namespace slipway::vela
