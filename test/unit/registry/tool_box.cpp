#include "test/unit/registry/tool_box.h"

#include "common/file.h"

#include <cstdlib>
#include <stdexcept>

namespace slipway::test {

ToolBox::ToolBox()
    : before_{std::getenv("PATH")}
{
    ::setenv("PATH", (directory_.path().string() + ":" + before_).c_str(), 1);
}

ToolBox::~ToolBox() { ::setenv("PATH", before_.c_str(), 1); }

void ToolBox::add(std::string_view name, std::string_view script) const
{
    const auto file = directory_.path() / name;
    if (const auto written
        = replace_file(file, "#!/bin/sh\n" + std::string{script} + "\n", Durability::process, 0700);
        !written)
        throw std::runtime_error{written.error().message()};
}

} // namespace slipway::test
