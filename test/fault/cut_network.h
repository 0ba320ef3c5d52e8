#pragma once

#include <string>
#include <vector>

namespace slipway::test {

/// A network namespace whose one link leads to the machine. What passes between it and the machine can be
/// dropped without a word. It needs ip(8), iptables(8) and the right to make namespaces; failures are thrown
/// as std::runtime_error.
class CutNetwork {
public:
    CutNetwork();
    CutNetwork(const CutNetwork&) = delete;
    CutNetwork& operator=(const CutNetwork&) = delete;
    ~CutNetwork();

    /// Of the machine, as the namespace sees it.
    [[nodiscard]] const std::string& address() const { return address_; }

    /// A program with these arguments before its own runs in the namespace.
    [[nodiscard]] std::vector<std::string> inside() const { return {"ip", "netns", "exec", name_}; }

    void cut();
    void heal();

private:
    std::string name_;
    std::string link_;
    std::string address_;
};

} // namespace slipway::test
