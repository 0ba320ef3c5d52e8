#include "launcher/metadata_block.h"

#include "common/file.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <thread>

namespace slipway::launcher {

namespace {

struct Address {
    int family;
    const char* text;
};

/// AWS (instances, tasks, pods), Google, Azure, Oracle, OpenStack and others share the first; Alibaba's own.
constexpr std::array<Address, 6> kAddresses{{
    {AF_INET, "169.254.169.254"},
    {AF_INET, "169.254.170.2"},
    {AF_INET, "169.254.170.23"},
    {AF_INET, "100.100.100.200"},
    {AF_INET6, "fd00:ec2::254"},
    {AF_INET6, "fd00:ec2::23"},
}};

struct RouteRequest {
    nlmsghdr head;
    rtmsg route;
    rtattr destination;
    std::array<unsigned char, 16> address;
};

/// 0 or an errno.
int add_route(int socket, const Address& address)
{
    const bool is_v4 = address.family == AF_INET;
    const auto bytes = is_v4 ? sizeof(in_addr) : sizeof(in6_addr);
    RouteRequest request{};
    request.head.nlmsg_type = RTM_NEWROUTE;
    request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
    request.head.nlmsg_len = static_cast<unsigned>(
        NLMSG_LENGTH(sizeof request.route) + RTA_LENGTH(static_cast<unsigned>(bytes)));
    request.route.rtm_family = static_cast<unsigned char>(address.family);
    request.route.rtm_dst_len = static_cast<unsigned char>(8 * bytes);
    request.route.rtm_table = RT_TABLE_MAIN;
    request.route.rtm_protocol = RTPROT_STATIC;
    request.route.rtm_scope = RT_SCOPE_UNIVERSE;
    request.route.rtm_type = RTN_PROHIBIT;
    request.destination.rta_type = RTA_DST;
    request.destination.rta_len = static_cast<unsigned short>(RTA_LENGTH(bytes));
    if (::inet_pton(address.family, address.text, request.address.data()) != 1)
        return EINVAL;
    if (::send(socket, &request, request.head.nlmsg_len, 0) < 0)
        return errno;
    alignas(nlmsghdr) std::array<char, 1024> answer{};
    const auto got = ::recv(socket, answer.data(), answer.size(), 0);
    if (got < 0)
        return errno;
    nlmsghdr head{};
    nlmsgerr status{};
    if (static_cast<std::size_t>(got) < NLMSG_LENGTH(sizeof status))
        return EPROTO;
    std::memcpy(&head, answer.data(), sizeof head);
    std::memcpy(&status, answer.data() + NLMSG_HDRLEN, sizeof status);
    return head.nlmsg_type == NLMSG_ERROR ? -status.error : EPROTO;
}

/// A network without IPv6 has no way to these addresses.
bool is_closed(const Address& address, int code)
{
    return code == 0 || code == EEXIST
        || (address.family == AF_INET6
            && (code == EOPNOTSUPP || code == EAFNOSUPPORT || code == EACCES || code == EPERM
                || code == ENODEV));
}

Result<void> block_in(int network)
{
    if (::setns(network, CLONE_NEWNET) != 0)
        return Error::from_errno("entering the network of a job", errno);
    const UniqueFd socket{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)};
    if (socket.get() < 0)
        return Error::from_errno("looking at the routes of a job", errno);
    for (const auto& address : kAddresses)
        if (const int code = add_route(socket.get(), address); !is_closed(address, code))
            return Error::from_errno(std::string{"closing "} + address.text + " to a job", code);
    return {};
}

} // namespace

Result<void> block_metadata(pid_t pid)
{
    const UniqueFd network = SLIPWAY_TRY(open_file("/proc/" + std::to_string(pid) + "/ns/net", O_RDONLY));
    // A thread of its own: what it entered goes with it.
    std::optional<Result<void>> result;
    std::thread{[&] { result = block_in(network.get()); }}.join();
    return in("SLIPWAY_JOB_METADATA", *result);
}

} // namespace slipway::launcher
