#pragma once

#include "crypto/csr.h"
#include "crypto/key.h"

#include <string>
#include <string_view>
#include <vector>

namespace slipway::crypto::test {

/// Three RSA keys of 2048 bits, made once a process. Throw std::runtime_error when that fails, as all below.
const PrivateKey& first_key();
const PrivateKey& second_key();
const PrivateKey& third_key();

/// Public keys of 2048 bits that differ, `i` below 100; nobody has their private halves.
PublicKey numbered_key(std::size_t i);

/// Unencrypted PKCS#8 PEM.
std::string pem_of(const PrivateKey& key);

/// Runs the openssl command with `input` in the file "in" of an empty directory; returns the content of the
/// file "out" if the command wrote one, else its standard output.
std::string openssl(const std::vector<std::string>& arguments, std::string_view input = {});

/// PEM of a request for `key`; `subject` as openssl's -subj takes it.
std::string request_pem(const PrivateKey& key, const std::string& subject = "/CN=pool");
Csr request(const PrivateKey& key);

/// `text` with "\r\n" in place of "\n".
std::string with_crlf(std::string_view text);

/// Base64 in lines of 76 characters, as the base64 command writes it.
std::string wrapped_base64(std::string_view bytes);

/// Takes hexadecimal digits apart.
std::string from_hex(std::string_view digits);

} // namespace slipway::crypto::test
