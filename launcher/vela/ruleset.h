#pragma once

#include "common/result.h"
#include "launcher/vela/model.h"

#include <string_view>

namespace slipway::vela {

enum class Runs : bool { no, yes };

/// Whether a step runs now. `status`: of the build, or of its stage where that is independent. Rules are
/// evaluated as the original does at run time: comment, path, sender, label and instance are unknown there.
/// `invalid_input`: a pattern or an expression is malformed.
[[nodiscard]] Result<Runs> should_run(const Container& step, const Build& build, std::string_view status);

/// An expression of the expr language over variables (all values strings, unknown names nil) that must yield
/// a boolean. `invalid_input`: it cannot be read, or yields something else.
[[nodiscard]] Result<Runs> evaluate(std::string_view expression, const Variables& variables);

} // namespace slipway::vela
