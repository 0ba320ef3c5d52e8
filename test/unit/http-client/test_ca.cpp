#include "test/unit/http-client/test_ca.h"

#include <cstdlib>
#include <stdexcept>

namespace slipway::test {

namespace {

void run(const std::filesystem::path& directory, const std::string& command)
{
    const std::string line = "cd '" + directory.string() + "' && { " + command + "; } >log 2>&1";
    if (std::system(line.c_str()) != 0) // NOLINT(concurrency-mt-unsafe): no other thread sets handlers
        throw std::runtime_error{"failed: " + command};
}

const std::string kNewKey = " -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes ";

} // namespace

TestCa::TestCa()
{
    run(directory_.path(),
        "openssl req -x509 -days 2 -subj '/CN=test CA'" + kNewKey + "-keyout ca.key -out ca.pem");
}

TestCa::Files TestCa::issue(const std::string& name) const
{
    run(directory_.path(),
        "openssl req -subj '/CN=" + name + "'" + kNewKey + "-keyout '" + name + ".key' -out '" + name
            + ".csr' && echo 'subjectAltName=DNS:" + name + "' > ext && openssl x509 -req -days 2 -in '"
            + name + ".csr' -CA ca.pem -CAkey ca.key -CAcreateserial -extfile ext -out '" + name + ".pem'");
    return {directory_.path() / (name + ".pem"), directory_.path() / (name + ".key")};
}

} // namespace slipway::test
