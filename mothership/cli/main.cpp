#include "mothership/cli/command_line.h"

#include <csignal>

int main(int argc, char** argv)
{
    std::signal(SIGPIPE, SIG_IGN); // NOLINT(cert-err33-c)
    return slipway::cli::run_command_line(argc, argv);
}
