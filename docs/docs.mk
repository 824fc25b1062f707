# The tables in the documentation are printed from the declarations in the code.
REFERENCE := $(BUILD)/docs/reference
REFERENCE_PAGES := docs/mmgate.toml.5 docs/mmq.1 docs/mmgate-mib.7 docs/reference.md docs/monitoring.md docs/alarms.md snmp/MMGATE-MIB.txt.in

$(REFERENCE): $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard docs/*.cpp)) $(LIB)
	$(LINK) $(PKG_LIBS)

# Writes the tables into the pages anew.
docs: $(REFERENCE)
	$(REFERENCE) $(REFERENCE_PAGES)

# tests/checks/docs compares.
CHECK_NEEDS += $(REFERENCE)
.PHONY: docs
