slipway_test(NAME vela_records LABEL unit SOURCES build_journal_test.cpp build_log_test.cpp LIBS slipway::vela_host)
slipway_test(NAME vela_kits LABEL unit SOURCES build_kits_test.cpp LIBS slipway::vela_host)
