#pragma once

#include "test/support/temp_dir.h"

#include <filesystem>
#include <string>

namespace slipway::test {

/// A certificate authority of one test, made with the openssl program. Throws std::runtime_error when that
/// fails.
class TestCa {
public:
    TestCa();

    struct Files {
        std::filesystem::path certificate;
        std::filesystem::path key;
    };

    /// A certificate for `name`, which is its common name and its DNS name.
    [[nodiscard]] Files issue(const std::string& name) const;

    [[nodiscard]] std::filesystem::path certificate() const { return directory_.path() / "ca.pem"; }

private:
    TempDir directory_;
};

} // namespace slipway::test
