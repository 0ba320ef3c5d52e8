#pragma once

#include <bitset>
#include <cstddef>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// Masks what has the form of a well-known secret, whether anyone has named it or not:
///
/// - AWS access key ids, and the secret after a name such as aws_secret_access_key;
/// - Azure client secrets, and keys of storage accounts and service buses in connection strings;
/// - tokens of GitHub and Slack; JSON web tokens (RFC 7519);
/// - private keys in PEM (RFC 7468), OpenSSH's and PGP's form: between their first and their last line.
///
/// Each is found by a literal that it begins with or follows, and decided within kLongestLook bytes; once it
/// is, it is left out up to its end, of a private key at most kLongestKey bytes. Holds back what is not
/// decided. One thread.
class PatternFilter {
public:
    /// Of the first part of a JSON web token; a longer one passes.
    static constexpr std::size_t kLongestLook = 4096;
    static constexpr std::size_t kLongestKey = 64 * 1024;

    /// `stars` outlives this object.
    explicit PatternFilter(std::string_view stars)
        : stars_{stars}
    {
    }

    void push(std::string_view bytes, std::string& out);
    void finish(std::string& out);

private:
    [[nodiscard]] std::size_t filter(std::string_view text, bool last, std::string& out);
    [[nodiscard]] std::size_t leave_out(std::string_view text, bool last);
    [[nodiscard]] std::size_t leave_out_key(std::string_view text, bool last);

    std::string_view stars_;
    std::string held_;
    const std::bitset<256>* left_out_ = nullptr; ///< Characters that are being left out.
    std::size_t key_left_ = 0; ///< So much more of a private key is left out, at most.
    char before_ = '\0'; ///< The last byte that went out.
};

} // namespace slipway::launcher
