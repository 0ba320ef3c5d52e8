# What a build's rules and texts mean: pure functions.
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
add_library(slipway_vela_rules STATIC)
add_library(slipway::vela_rules ALIAS slipway_vela_rules)
target_sources(slipway_vela_rules
  PRIVATE
    container_secrets.cpp expression.cpp expression_functions.cpp expression_lexer.cpp expression_value.cpp glob.cpp
    names.cpp outputs.cpp path_match.cpp regexp.cpp ruleset.cpp script.cpp substitute.cpp substitute_container.cpp
    substitute_functions.cpp variables.cpp
  PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES
    expression_lexer.h expression_value.h glob.h model.h path_match.h prepare.h regexp.h ruleset.h script.h
    substitute.h substitute_functions.h)
target_include_directories(slipway_vela_rules SYSTEM PRIVATE ${RE2_INCLUDE_DIRS})
# With the shared one comes the shared libstdc++, which the launcher that is shipped does without.
find_library(SLIPWAY_RE2_ARCHIVE NAMES libre2.a)
if(SLIPWAY_HARDEN AND SLIPWAY_RE2_ARCHIVE)
  target_link_libraries(slipway_vela_rules PUBLIC slipway::common slipway::registry PRIVATE ${SLIPWAY_RE2_ARCHIVE})
else()
  target_link_libraries(slipway_vela_rules PUBLIC slipway::common slipway::registry PRIVATE PkgConfig::RE2)
endif()
