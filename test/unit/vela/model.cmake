slipway_test(NAME vela_server LABEL unit SOURCES server_test.cpp
  LIBS slipway::vela_host slipway::vela_model slipway::vela_test_server)
