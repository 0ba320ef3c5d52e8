# Logins at registries.
add_library(slipway_registry STATIC)
add_library(slipway::registry ALIAS slipway_registry)
target_sources(slipway_registry
  PRIVATE
    program.cpp registry/aws_keys.cpp registry/aws_signature.cpp registry/credential_helper.cpp
    registry/docker_config.cpp registry/ecr.cpp registry/image_reference.cpp registry/registry_logins.cpp
    registry/role_warning.cpp
  PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES
    program.h registry/aws_keys.h registry/aws_signature.h registry/credential_helper.h registry/docker_config.h
    registry/ecr.h registry/image_reference.h registry/registry_logins.h registry/role_warning.h)
target_link_libraries(slipway_registry PUBLIC slipway::common slipway::http_client slipway::crypto)

# Asks the run initialization policy.
add_library(slipway_policy STATIC)
add_library(slipway::policy ALIAS slipway_policy)
target_sources(slipway_policy
  PRIVATE policy/policy_input.cpp policy/run_policy.cpp
  PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES
    policy/policy_input.h policy/run_policy.h policy/verdict.h)
target_link_libraries(slipway_policy PUBLIC slipway::protocol slipway::registry)

# Packages of providers as jobs give them, and the lock files that name them.
add_library(slipway_provider_package STATIC)
add_library(slipway::provider_package ALIAS slipway_provider_package)
target_sources(slipway_provider_package
  PRIVATE provider_cache/lock_file.cpp provider_cache/package_receiver.cpp provider_cache/package_tar.cpp
  PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES
    provider_cache/lock_file.h provider_cache/package_receiver.h provider_cache/package_tar.h tar_number.h)
target_link_libraries(slipway_provider_package PUBLIC slipway::common slipway::crypto)

# What takes stages from a backend and brings each to its end. The core knows containers only as `JobHost`; the engine
# adds the Docker side.
add_library(slipway_engine_core STATIC)
add_library(slipway::engine_core ALIAS slipway_engine_core)
target_sources(slipway_engine_core
  PRIVATE
    blob_transfer.cpp compression.cpp disk_room.cpp disk_use.cpp drain_mark.cpp file_tar.cpp filtered_log.cpp git_source.cpp job.cpp
    job_end.cpp job_masks.cpp job_prepare.cpp job_settings.cpp journal.cpp journaled_stage.cpp limits.cpp
    log_uploader.cpp mask_fact.cpp outputs_file.cpp phase_runner.cpp provider_cache/job_plugins.cpp
    provider_cache/provider_store.cpp reconcile.cpp root_cas.cpp run_logs.cpp spool.cpp stage_end.cpp start_pages.cpp
    state_file.cpp status.cpp supervisor.cpp supervisor_poll.cpp supervisor_rounds.cpp supervisor_status.cpp vault.cpp
    warm_pool.cpp workspace.cpp
  PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES
    backoff.h blob_transfer.h call_gate.h compression.h disk_room.h disk_use.h drain_mark.h engine.h file_tar.h filtered_log.h git_source.h job.h
    job_context.h job_control.h job_host.h job_masks.h job_settings.h journal.h journaled_stage.h limits.h log_uploader.h
    mask_fact.h outputs_file.h phase_runner.h provider_cache/job_plugins.h provider_cache/places.h
    provider_cache/provider_store.h reconcile.h root_cas.h run_logs.h spool.h stage_end.h start_pages.h
    state_file.h status.h supervisor.h tally.h vault.h warm_pool.h workspace.h)
target_link_libraries(slipway_engine_core
  PUBLIC slipway::common slipway::protocol slipway::http_client slipway::crypto slipway::docker_client
    slipway::masking slipway::policy slipway::provider_package slipway::registry
  PRIVATE PkgConfig::ZSTD)

add_library(slipway_engine STATIC)
add_library(slipway::engine ALIAS slipway_engine)
target_sources(slipway_engine
  PRIVATE
    container_settings.cpp container_settings.h docker_host.cpp docker_host.h docker_slot.cpp docker_slot.h engine.cpp
    image_disk.cpp image_disk.h image_source.cpp image_source.h image_store.cpp image_store.h metadata_block.cpp
    metadata_block.h own_container.cpp own_container.h provider_cache/store_mount.cpp provider_cache/store_mount.h
    pulled_images.cpp pulled_images.h runner_image.cpp runner_image.h slot_site.cpp slot_site.h
    transport_check.cpp transport_check.h)
target_link_libraries(slipway_engine PUBLIC slipway::engine_core slipway_slot)
