slipway_test(NAME vela_options LABEL unit SOURCES options_names_test.cpp options_test.cpp LIBS slipway::vela_front)
slipway_test(NAME vela_worker_api LABEL unit
  SOURCES jwt_test.cpp running_api.cpp token_maker.cpp worker_api_test.cpp worker_api_tls_test.cpp
  LIBS slipway::vela_front slipway_http_server_test_support)
target_compile_definitions(vela_worker_api_test PRIVATE SLIPWAY_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data")
slipway_test(NAME vela_worker_api_hostile LABEL hostile
  SOURCES running_api.cpp token_maker.cpp worker_api_hostile_test.cpp
  LIBS slipway::vela_front slipway_http_server_test_support)
