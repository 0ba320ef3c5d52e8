#pragma once

#include "common/result.h"
#include "launcher/engine_settings.h"
#include "launcher/job_host.h"

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

/// Further authorities (ADDITIONAL_ROOT_CAS): whom the launcher and its jobs trust.
namespace slipway::launcher {

/// In a job's memory, never on a disk of it, and whatever way leads into the container.
inline constexpr std::string_view kJobRootCas = "/dev/shm/.slipway/ca.pem";

/// The authorities that this machine trusts, and `additional`: programs take the file that they are given in
/// place of their own. Fails with `not_found` when the machine has no such file.
[[nodiscard]] Result<std::string> with_system_authorities(std::string_view additional);

/// Variables by which programs find the file: OpenSSL's and Go's, curl's, git's, Python's, AWS', Node's.
[[nodiscard]] std::vector<PassedVariable> root_cas_variables();

/// Puts `settings.root_cas` into the job; nothing when it is empty.
[[nodiscard]] Result<void> put_root_cas(JobSlot& slot, const EngineSettings& settings, std::stop_token stop);

} // namespace slipway::launcher
