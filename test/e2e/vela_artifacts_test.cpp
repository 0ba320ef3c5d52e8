#include "crypto/digest.h"
#include "test/bench/process_figures.h"
#include "test/e2e/vela_lab.h"

#include <catch2/catch.hpp>

namespace slipway::test {

TEST_CASE(
    "a large artifact of a Vela build arrives whole, its worker does not hold it, and a larger one is left")
{
    constexpr std::int64_t kMebibytes = 64;
    const auto size = std::to_string(kMebibytes << 20U);
    const auto more = std::to_string((kMebibytes << 20U) + 1);
    VelaLab lab;
    lab.start({{"VELA_EXECUTOR_OUTPUTS_IMAGE", lab.image()},
        {"VELA_STORAGE_FILE_SIZE_LIMIT", std::to_string(kMebibytes)}});
    const auto step = [](const std::vector<std::string>& commands) {
        return VelaStep{
            .name = "one", .commands = commands, .image = {}, .more = R"("artifacts":{"paths":["*.bin"]},)"};
    };
    const auto small = lab.push(lab.steps({step({"echo small > small.bin"})}));
    CHECK(lab.ended(small).text("status") == "success");
    CHECK(lab.server().object(small + "/small.bin") == "small\n");
    const double before = bench::status_megabytes(lab.pid(), "VmHWM");
    const auto large = lab.push(lab.steps({step({"head -c " + size + " /dev/urandom > large.bin",
        "head -c " + more + " /dev/zero > larger.bin", "sha256sum large.bin"})}));
    CHECK(lab.ended(large).text("status") == "success");
    const double after = bench::status_megabytes(lab.pid(), "VmHWM");
    const auto came = lab.server().object(large + "/large.bin");
    REQUIRE(came);
    CHECK(std::to_string(came->size()) == size);
    CHECK(lab.server().step_log(large, 2).find("\n" + crypto::sha256(*came).hex() + "  large.bin\n")
        != std::string::npos);
    CHECK(after - before < static_cast<double>(kMebibytes) / 2);
    CHECK_FALSE(lab.server().object(large + "/larger.bin"));
    CHECK(lab.log().find("it has " + more + " bytes; " + size + " are allowed") != std::string::npos);
}

} // namespace slipway::test
