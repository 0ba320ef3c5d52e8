#include "test/support/busy_job.h"

#include <cstdlib>
#include <stdexcept>

namespace slipway::test {

std::string busy_command(const ByteGenerator& lines)
{
    constexpr const char* look = "read u x </proc/uptime; now=${u%.*}${u#*.}";
    return std::string{"i=0; longest=0; "} + look + "; last=$now; while [ ! -e /tmp/gate-is-open ]; do "
        + lines.shell_line() + "; i=$((i + 1)); " + look
        + "; [ $((now - last)) -le $longest ] || longest=$((now - last)); last=$now; done; echo total=$i "
          "longest=${longest}0ms";
}

std::uint32_t number_after(const std::string& log, const std::string& name)
{
    const auto at = log.rfind(name);
    if (at == std::string::npos)
        throw std::runtime_error{"the log does not say " + name};
    return static_cast<std::uint32_t>(std::strtoul(log.c_str() + at + name.size(), nullptr, 10));
}

} // namespace slipway::test
