#pragma once

#include "test/support/temp_dir.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace slipway::test {

/// A directory of shell scripts that stands first in this process's PATH while it lives.
class ToolBox {
public:
    ToolBox();
    ToolBox(const ToolBox&) = delete;
    ToolBox& operator=(const ToolBox&) = delete;
    ~ToolBox();

    void add(std::string_view name, std::string_view script) const;

    [[nodiscard]] const std::filesystem::path& path() const { return directory_.path(); }

private:
    TempDir directory_;
    std::string before_;
};

} // namespace slipway::test
