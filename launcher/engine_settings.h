#pragma once

#include "common/protocol/wire.h"
#include "docker-client/types.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace slipway::launcher {

/// Which stages see a variable or a mount of the launcher.
enum class StageClass : std::uint8_t {
    every,
    read, ///< `ro_`, `_RO_`: every stage but apply.
    write, ///< `wo_`, `_WO_`: apply only.
};

/// A variable of the launcher that jobs get.
struct PassedVariable {
    std::string name;
    std::string value;
    StageClass stages = StageClass::every;
};

/// A path of Docker's host that jobs see.
struct ExtraMount {
    std::string host; ///< Absolute, as the host of the Docker Engine names it.
    std::string container; ///< Absolute.
    bool read_only = false;
    StageClass stages = StageClass::every;
};

/// How long a stage may run and how it is stopped. All in milliseconds.
struct Limits {
    protocol::Millis run = 70 * 60'000; ///< From the first process of a stage to its last.
    protocol::Millis silence = 7 * 60'000; ///< Without a byte of output.
    protocol::Millis grace = 30'000; ///< Between INT and TERM for a stage that reads.
    protocol::Millis write_grace = 5 * 60'000; ///< The same for one that writes: terraform saves its state.
};

/// What each job's container gets and may do. An assignment may ask for less, never for more.
struct JobResources {
    std::uint64_t memory_bytes = 0; ///< 0: what the host has.
    std::int64_t nano_cpus = 0; ///< 1e9 is one CPU; 0: what the host has.
    std::int64_t pids = 4096; ///< Processes and threads at once; 0: no limit.
    std::uint64_t shm_bytes = 0; ///< Of /dev/shm; 0: the engine's default.
    std::vector<docker::Ulimit> ulimits;
    docker::Strings cap_add;
    docker::Strings cap_drop{"NET_RAW", "MKNOD", "AUDIT_WRITE"};
    docker::Strings security_opt;
    std::string user; ///< "name", "uid" or "uid:gid"; empty: the image's.
};

/// When a registry is asked for an image.
enum class Pull : std::uint8_t {
    always, ///< For each run; what is there already is not fetched again.
    if_missing,
    never,
};

/// How a launcher and PID 1 of a slot reach each other.
enum class SlotTransport : std::uint8_t {
    automatic, ///< A test at the start decides.
    socket,
    stdio,
};

/// Whether jobs reach the addresses at which clouds answer for the machine's role.
enum class JobMetadata : std::uint8_t { allow, deny };

/// What the engine needs to know; nothing of where a value comes from.
struct EngineSettings {
    std::filesystem::path state_directory;
    int capacity = 1; ///< Jobs at once.
    Limits limits;

    // What jobs see.
    std::vector<PassedVariable> passed; ///< Of the launcher's environment, for jobs.
    std::vector<ExtraMount> extra_mounts;
    std::string root_cas; ///< PEM of all authorities that jobs shall trust; empty: those of their images.
    JobMetadata job_metadata = JobMetadata::allow;
    JobResources job;
    std::filesystem::path provider_cache; ///< Of plugins that jobs share; empty: none.
    std::uint64_t provider_cache_size = 20ULL * 1024 * 1024 * 1024; ///< Of all packages; 0: no limit.

    // Images and slots.
    std::string default_image
        = "public.ecr.aws/spacelift/runner-terraform:latest"; ///< For stages that name none.
    std::string default_ansible_image = "public.ecr.aws/spacelift/runner-ansible:latest"; ///< For Ansible's.
    Pull pull = Pull::always;
    bool image_cleanup = true; ///< Images that this launcher pulled are removed when the disk is full.
    std::optional<int> warm_slots; ///< Absent: as many as `capacity`.
    SlotTransport slot_transport = SlotTransport::automatic;

    // Output.
    std::vector<std::string> mask_names; ///< Variables whose values no log shows; in `passed`, too.
    bool mask_patterns = true; ///< Nor what has the form of a well-known secret.
    bool run_logs_on_stdout = false;
    bool sensitive_outputs = false; ///< Those of an apply are uploaded, sealed to the pool.
    std::uint64_t log_quota = 512ULL * 1024 * 1024; ///< Of one job's output; 0: none.

    // The disk of the state directory.
    std::uint64_t least_free_bytes = 256ULL * 1024 * 1024; ///< For intake.
    std::uint64_t least_free_inodes = 1000; ///< For intake.
    int disk_threshold = 0; ///< Percent in use at which the launcher drains and ends; 0: none.

    // For the registration.
    std::string pool_id; ///< Offers for another pool are declined.
    std::string version;
    std::string hostname;
    protocol::Metadata metadata;

    std::chrono::milliseconds reconcile_interval{5000};
    /// A state file is looked at so often while a stage writes.
    std::chrono::milliseconds state_interval{15'000};
    /// How long image, container and workspace of a stage may fail before it is given back.
    std::chrono::milliseconds prepare_limit{std::chrono::minutes{15}};
};

} // namespace slipway::launcher
