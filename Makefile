.PHONY: setup

# Finds or installs libtorch, prepares gotch for it, and writes go.work. A second call does nothing.
setup:
	@scripts/setup.sh
