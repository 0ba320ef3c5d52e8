slipway_test(NAME vela_queue_parts LABEL unit
  SOURCES queue_element_test.cpp redis_address_test.cpp redis_reply_test.cpp
  LIBS slipway::vela_queue)
target_compile_definitions(vela_queue_parts_test PRIVATE SLIPWAY_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data")

# A real Redis.
slipway_test(NAME vela_queue LABEL integration
  SOURCES queue_test.cpp queue_access_test.cpp queue_loss_test.cpp ../http-client/test_ca.cpp
  LIBS slipway::vela_queue slipway::redis_server)
