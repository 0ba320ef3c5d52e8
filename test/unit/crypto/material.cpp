#include "test/unit/crypto/material.h"

#include "common/base64.h"
#include "common/file.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

#include <stdexcept>

namespace slipway::crypto::test {

namespace {

template <class T> T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
    return *std::move(result);
}

constexpr std::size_t kMaxFile = 1024 * 1024;

} // namespace

const PrivateKey& first_key()
{
    static const PrivateKey key = must(PrivateKey::generate(2048));
    return key;
}

const PrivateKey& second_key()
{
    static const PrivateKey key = must(PrivateKey::generate(2048));
    return key;
}

const PrivateKey& third_key()
{
    static const PrivateKey key = must(PrivateKey::generate(2048));
    return key;
}

PublicKey numbered_key(std::size_t i)
{
    constexpr std::string_view kBegin = "-----BEGIN PUBLIC KEY-----\n";
    constexpr std::string_view kEnd = "\n-----END PUBLIC KEY-----\n";
    const std::string pem = must(first_key().public_key().to_pem());
    std::string der = must(
        base64_decode(std::string_view{pem}.substr(kBegin.size(), pem.size() - kBegin.size() - kEnd.size())));
    der.at(150) = static_cast<char>(i); // in the middle of the modulus
    return must(PublicKey::from_pem(std::string{kBegin} + base64_encode(der) + std::string{kEnd}));
}

std::string pem_of(const PrivateKey& key) { return std::string{must(key.to_pem()).reveal()}; }

std::string openssl(const std::vector<std::string>& arguments, std::string_view input)
{
    const slipway::test::TempDir directory;
    if (auto written = replace_file(directory.path() / "in", input); !written)
        throw std::runtime_error{written.error().message()};
    std::vector<std::string> argv{"openssl"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    auto output = must(slipway::test::run_program(argv, directory.path()));
    return must(read_file_if_exists(directory.path() / "out", kMaxFile)).value_or(std::move(output));
}

std::string request_pem(const PrivateKey& key, const std::string& subject)
{
    return openssl({"req", "-new", "-batch", "-key", "in", "-subj", subject, "-out", "out"}, pem_of(key));
}

Csr request(const PrivateKey& key) { return must(Csr::from_text(request_pem(key))); }

std::string with_crlf(std::string_view text)
{
    std::string converted;
    for (const char c : text)
        converted += c == '\n' ? std::string{"\r\n"} : std::string{c};
    return converted;
}

std::string wrapped_base64(std::string_view bytes)
{
    std::string text = base64_encode(bytes);
    for (std::size_t at = 76; at < text.size(); at += 77)
        text.insert(at, 1, '\n');
    return text + '\n';
}

std::string from_hex(std::string_view digits)
{
    std::string bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes += static_cast<char>(std::stoi(std::string{digits.substr(i, 2)}, nullptr, 16));
    return bytes;
}

} // namespace slipway::crypto::test
