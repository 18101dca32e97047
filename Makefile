# A thin front for CMake.  `make help` tells.
BUILD ?= build
JOBS  ?= $(shell nproc)
CMAKE_FLAGS ?=

all: $(BUILD)/build.ninja
	@cmake --build $(BUILD) -j $(JOBS)

$(BUILD)/build.ninja: | deps
	@cmake -S . -B $(BUILD) -G Ninja $(CMAKE_FLAGS)

help:
	@echo "make          build/batchd, build/batchctl, build/batch-endpoint"
	@echo "make demo     a small run from dataset to patches, against a local endpoint; under a minute"
	@echo "make check    every test; ends with the number passed and failed"
	@echo "make booted   the package on a Debian that systemd boots: as root, with debootstrap and systemd-nspawn; some minutes"
	@echo "make bench    speed and memory beside what they must beat; ROW=name for one row"
	@echo "make install  [DESTDIR=...] [PREFIX=/usr/local], the units too; for one user: PREFIX=\$$HOME/.local"
	@echo "make deb      a Debian package in dist/"

# What is missing is installed on Debian and Ubuntu; elsewhere the list is printed.
deps:
	@./cmake/deps.sh

deps-release:
	@./cmake/deps.sh release

demo: all
	@tests/demo/run.sh $(BUILD)

check: all
	@tests/run $(BUILD)

bench: deps
	@tests/bench/run $(ROW)

BOOTED ?= /var/tmp/batchd-debian
booted: all deb
	@tests/booted/run.py "$$(ls -t dist/batchd_*.deb | head -n 1)" $(BUILD)/batch-endpoint $(BOOTED)

PREFIX ?= /usr/local
install: deps-release
	@cmake -S . -B build-release -G Ninja -DBATCHD_PROFILE=release -DBUILD_TESTING=OFF -DCMAKE_INSTALL_PREFIX=$(PREFIX)
	@cmake --build build-release -j $(JOBS)
	@DESTDIR="$(DESTDIR)" cmake --install build-release

deb: deps-release
	@cmake -S . -B build-deb -G Ninja -DBATCHD_PROFILE=release -DBUILD_TESTING=OFF -DCMAKE_INSTALL_PREFIX=/usr
	@cmake --build build-deb -j $(JOBS)
	@cd build-deb && cpack -G DEB -B ../dist
	@rm -rf dist/_CPack_Packages

clean:
	rm -rf build build-*

.PHONY: all help deps deps-release demo check booted bench install deb clean
