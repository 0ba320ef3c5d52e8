# URLs and problems, for servers too: needs no libcurl.
add_library(slipway_http_values STATIC)
add_library(slipway::http_values ALIAS slipway_http_values)
target_sources(slipway_http_values
  PRIVATE problem.cpp url.cpp
  PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES problem.h url.h)
target_link_libraries(slipway_http_values PUBLIC slipway::common)

add_library(slipway_http_client STATIC)
add_library(slipway::http_client ALIAS slipway_http_client)
target_sources(slipway_http_client
  PRIVATE
    curl_setup.h http_client.cpp http_client_exchange.cpp http_client_exchange.h retry.cpp upgrade_head.cpp
    upgraded_stream.cpp
  PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES http_client.h retry.h upgraded_stream.h)
target_link_libraries(slipway_http_client PUBLIC slipway::http_values PRIVATE CURL::libcurl)
