# The mail tests hold properties over values that rapidcheck makes.
$(BUILD)/tests/mapping/mail/run: PKG_LIBS += -lrapidcheck
