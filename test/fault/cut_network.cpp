#include "test/fault/cut_network.h"

#include "test/support/process.h"

#include <unistd.h>

#include <sstream>
#include <stdexcept>

namespace slipway::test {

namespace {

/// A command without quoting.
void must_run(const std::string& command)
{
    std::istringstream words{command};
    std::vector<std::string> argv;
    for (std::string word; words >> word;)
        argv.push_back(word);
    if (const auto done = run_program(argv); !done)
        throw std::runtime_error{command + ": " + done.error().message()};
}

} // namespace

CutNetwork::CutNetwork()
    : name_{"slipway-test-" + std::to_string(::getpid())}
    , link_{"swn" + std::to_string(::getpid())}
{
    // Of the range for benchmarks (RFC 2544), which nobody routes.
    const auto net = "198.18." + std::to_string(::getpid() % 250) + ".";
    address_ = net + "1";
    must_run("ip netns add " + name_);
    must_run("ip link add " + link_ + " type veth peer name out0 netns " + name_);
    must_run("ip addr add " + address_ + "/24 dev " + link_);
    must_run("ip link set " + link_ + " up");
    must_run("ip -n " + name_ + " addr add " + net + "2/24 dev out0");
    must_run("ip -n " + name_ + " link set out0 up");
    must_run("ip -n " + name_ + " link set lo up");
}

CutNetwork::~CutNetwork()
{
    (void)run_program({"ip", "link", "del", link_});
    (void)run_program({"ip", "netns", "del", name_});
}

void CutNetwork::cut()
{
    must_run("ip netns exec " + name_ + " iptables -I INPUT -i out0 -j DROP");
    must_run("ip netns exec " + name_ + " iptables -I OUTPUT -o out0 -j DROP");
}

void CutNetwork::heal() { must_run("ip netns exec " + name_ + " iptables -F"); }

} // namespace slipway::test
