add_library(slipway_engine_fakes STATIC
  ${PROJECT_SOURCE_DIR}/test/support/fake_backend.cpp engine_fake_host.cpp)
target_link_libraries(slipway_engine_fakes PUBLIC slipway::test_support slipway::world slipway::engine_core)

slipway_test(NAME engine LABEL unit
  SOURCES
    engine_ahead_test.cpp engine_drain_test.cpp engine_job_test.cpp engine_journal_test.cpp engine_leave_test.cpp engine_log_test.cpp engine_mask_test.cpp
    engine_outage_test.cpp engine_plugins_test.cpp engine_policy_test.cpp engine_reconcile_test.cpp engine_settings_test.cpp
    engine_sources_test.cpp engine_state_test.cpp engine_supervisor_test.cpp engine_workspace_test.cpp run_logs_test.cpp
  LIBS slipway_engine_fakes)

slipway_test(NAME warm_pool LABEL unit SOURCES warm_pool_test.cpp LIBS slipway::engine_core)
slipway_test(NAME container_settings LABEL unit SOURCES container_settings_test.cpp LIBS slipway::engine)
slipway_test(NAME docker_host LABEL unit SOURCES docker_host_test.cpp LIBS slipway::engine slipway::world)
slipway_test(NAME own_container LABEL unit SOURCES own_container_test.cpp LIBS slipway::engine)
slipway_test(NAME provider_cache LABEL unit SOURCES provider_lock_test.cpp provider_store_test.cpp
  LIBS slipway::engine_core slipway::slot_init_parts slipway::world)
