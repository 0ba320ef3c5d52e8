include(host.cmake)

# What brings each build to its end.
add_library(slipway_vela_engine STATIC)
add_library(slipway::vela_engine ALIAS slipway_vela_engine)
target_sources(slipway_vela_engine
  PRIVATE
    build_context.cpp build_execute.cpp build_prepare.cpp build_run.cpp container_run.cpp log_shipper.cpp outbox.cpp outputs_sidecar.cpp row.cpp
    secret_plugin.cpp secrets.cpp stage_order.cpp step_flow.cpp
    step_image.cpp
  PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES
    build_context.h build_run.h container_run.h log_shipper.h outbox.h outputs_sidecar.h row.h secret_plugin.h
    stage_order.h step_flow.h)
target_link_libraries(slipway_vela_engine PUBLIC slipway::vela_host slipway::vela_rules slipway::vela_model)

# The program.
add_library(slipway_vela_worker STATIC)
add_library(slipway::vela_worker ALIAS slipway_vela_worker)
target_sources(slipway_vela_worker
  PRIVATE check_in.cpp credentials.cpp launch.cpp worker.cpp worker_hooks.cpp worker_orders.cpp worker_status.cpp
  PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES credentials.h launch.h worker.h)
target_link_libraries(slipway_vela_worker
  PUBLIC slipway::vela_engine slipway::vela_front slipway::vela_queue slipway::launcher_shell slipway::launcher_control)
target_compile_definitions(slipway_vela_worker PRIVATE SLIPWAY_VERSION="${PROJECT_VERSION}")
