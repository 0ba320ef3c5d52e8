# What an operator sets, and the worker's own HTTP API.
add_library(slipway_vela_front STATIC)
add_library(slipway::vela_front ALIAS slipway_vela_front)
target_sources(slipway_vela_front
  PRIVATE
    dotenv.cpp jwt.cpp option_inputs.cpp option_inputs.h option_reading.cpp option_reading.h option_rows.cpp
    option_rows.h options.cpp options_help.cpp worker_api.cpp worker_api_replies.cpp worker_api_replies.h
    worker_api_routes.cpp worker_api_routes.h worker_version.cpp
  PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES
    dotenv.h jwt.h options.h worker_api.h)
target_link_libraries(slipway_vela_front
  PUBLIC slipway::common
  PRIVATE slipway::launcher_shell slipway::http_server slipway::crypto)
