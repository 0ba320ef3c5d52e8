#include "test/support/free_port.h"

#include "common/unique_fd.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <random>
#include <stdexcept>

namespace slipway::test {

std::uint16_t free_port()
{
    std::random_device dice;
    for (int tries = 0; tries < 100; ++tries) {
        const auto port = static_cast<std::uint16_t>(20'000 + dice() % 12'000);
        const UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_ANY);
        address.sin_port = htons(port);
        if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
            return port;
    }
    throw std::runtime_error{"no free port"};
}

} // namespace slipway::test
