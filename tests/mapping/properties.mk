# These tests hold properties over values that rapidcheck makes.
$(BUILD)/tests/mapping/mail/run $(BUILD)/tests/mapping/mm1/run $(BUILD)/tests/mapping/mm4/run: PKG_LIBS += -lrapidcheck
