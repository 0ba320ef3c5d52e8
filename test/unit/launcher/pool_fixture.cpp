#include "test/unit/launcher/pool_fixture.h"

#include "common/base64.h"
#include "common/file.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

#include <stdexcept>

namespace slipway::test {

namespace {

constexpr int kBits = 2048;

template <class T> T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
    return *std::move(result);
}

crypto::CertificateAuthority make_authority(std::chrono::system_clock::time_point issued)
{
    SystemRandom random;
    return must(crypto::CertificateAuthority::create("test", random, issued));
}

} // namespace

PoolFixture::PoolFixture(std::chrono::system_clock::time_point issued)
    : authority{make_authority(issued)}
    , key{must(crypto::PrivateKey::generate(kBits))}
{
    SystemRandom random;
    const auto request = must(crypto::Csr::from_text(request_for(key)));
    fields = {.broker_endpoint = "127.0.0.1:8443",
        .comms_url = "https://127.0.0.1:8443",
        .pool_ulid = "01J0000000000000000000000P",
        .certificate_pem
        = must(must(authority.sign_pool_csr(request, "01J0000000000000000000000P", random, issued)).to_pem()),
        .ca_pem = must(authority.certificate().to_pem())};
}

std::string PoolFixture::key_pem() const { return std::string{must(key.to_pem()).reveal()}; }

std::string PoolFixture::key_base64() const { return base64_encode(key_pem()); }

std::string request_for(const crypto::PrivateKey& key)
{
    const TempDir directory;
    if (!replace_file(directory.path() / "key", must(key.to_pem()).reveal()))
        throw std::runtime_error{"writing a key"};
    return must(run_program({"openssl", "req", "-new", "-key", "key", "-subj", "/"}, directory.path()));
}

} // namespace slipway::test
