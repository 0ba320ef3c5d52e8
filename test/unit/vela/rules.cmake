find_program(BUSYBOX busybox REQUIRED)
slipway_test(NAME vela_rules LABEL unit
  SOURCES
    expression_test.cpp outputs_test.cpp path_match_test.cpp prepare_test.cpp ruleset_test.cpp script_test.cpp
    secrets_test.cpp substitute_test.cpp
  LIBS slipway::vela_rules slipway::world)
target_compile_definitions(vela_rules_test PRIVATE
  SLIPWAY_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/rules_data" SLIPWAY_BUSYBOX="${BUSYBOX}")
