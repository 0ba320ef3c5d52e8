#include "launcher/exit_codes.h"
#include "launcher/launch.h"
#include "launcher/vela/launch.h"

#include <algorithm>
#include <cstdio>
#include <exception>

namespace {

using namespace slipway;

/// A kind of control plane that the program serves.
struct Service {
    bool (*is_meant)(int argc, char** argv);
    int (*run)(int argc, char** argv);
};

/// The first one that is meant; the last one always is.
constexpr Service kServices[] = {
    {.is_meant = launcher::asks_one_that_runs, .run = launcher::run_launcher},
    {.is_meant = vela::is_meant, .run = vela::run_worker},
    {.is_meant = [](int, char**) { return true; }, .run = launcher::run_launcher},
};

} // namespace

int main(int argc, char** argv)
{
    try {
        return std::ranges::find_if(kServices, [&](const auto& service) {
            return service.is_meant(argc, argv);
        })->run(argc, argv);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "slipway-launcher: unexpected: %s\n", failure.what());
        return launcher::to_int(launcher::ExitCode::internal);
    }
}
