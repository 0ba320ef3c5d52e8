#pragma once

#include "common/result.h"

#include <string>
#include <string_view>

namespace slipway::launcher {

/// The name of an image, taken apart and made whole as Docker does ("ubuntu" is
/// "docker.io/library/ubuntu:latest"). Grammar: github.com/distribution/reference, reference.go.
struct ImageReference {
    std::string registry; ///< Host, with a port if one is named: "docker.io", "127.0.0.1:5000".
    std::string repository; ///< "library/ubuntu"
    std::string tag; ///< Empty where a digest is named without one.
    std::string digest; ///< "sha256:…"; empty: the tag decides.

    /// Registry and repository: what two names of one repository have in common.
    [[nodiscard]] std::string place() const { return registry + "/" + repository; }
};

/// Fails with `invalid_input` on what Docker would not take, and on the bare id of an image.
[[nodiscard]] Result<ImageReference> parse_image_reference(std::string_view text);

/// Whether the text is an image's own id: 64 hexadecimal digits, with "sha256:" before them or without.
[[nodiscard]] bool is_image_id(std::string_view text);

} // namespace slipway::launcher
