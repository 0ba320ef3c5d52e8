# What a Vela server says, and its API.
add_library(slipway_vela_model STATIC)
add_library(slipway::vela_model ALIAS slipway_vela_model)
target_sources(slipway_vela_model
  PRIVATE parse.cpp parse_pipeline.cpp server.cpp
  PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES model.h parse.h server.h)
target_link_libraries(slipway_vela_model PUBLIC slipway::common slipway::http_client)
