# How people, probers and the service manager look at a launcher and tell it what to do.
add_library(slipway_launcher_control STATIC)
add_library(slipway::launcher_control ALIAS slipway_launcher_control)
target_sources(slipway_launcher_control
  PRIVATE
    ask.cpp control_request.cpp control_socket.cpp health_server.cpp metrics_text.cpp service_manager.cpp status_json.cpp
    status_text.cpp watchers.cpp
  PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES
    ask.h control_request.h control_socket.h health_server.h service_manager.h status_json.h status_text.h watchers.h)
target_link_libraries(slipway_launcher_control
  PUBLIC slipway::common slipway::engine_core slipway::launcher_shell
  PRIVATE slipway::engine slipway::http_server)
