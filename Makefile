# A thin front of meson, tests/run and bench/run, for people who type make. What a target does is in the tool it calls.
# `make` builds into build/ and installs nothing; `make deps` installs the Debian packages that are missing.

BUILD ?= build
KERNEL ?= bookworm
CPU ?= cortex-a57
MEM ?= 512
ARGS ?=
GNOMON = $(BUILD)/gnomon-system-aarch64
NINJA = ninja -C $(BUILD)

FUZZ_SECONDS ?= 60

.PHONY: all deps run test test-long fuzz debug bench bench-deps asan clang walls guest clean help

all: $(BUILD)/build.ninja
	@$(NINJA)

$(BUILD)/build.ninja:
	meson setup $(BUILD)

help:
	@echo 'make          build into $(BUILD)/'
	@echo 'make deps     install missing Debian packages (tools/deps.txt)'
	@echo 'make run      a shell of Debian arm64 Linux [KERNEL=bookworm|trixie CPU=cortex-a57 MEM=512 ARGS=...]'
	@echo 'make test     unit tests and guest tests (under 12 minutes)'
	@echo 'make test-long  the same in every mode with every kernel'
	@echo 'make debug    gnomon under gdb [ARGS=...]'
	@echo 'make bench    measure against qemu-system-aarch64 (make bench-deps: host programs to compare with)'
	@echo 'make asan     unit tests with address and undefined-behaviour sanitizers'
	@echo 'make fuzz     each libFuzzer target for 60 seconds [FUZZ_SECONDS=N]'
	@echo 'make clang    build with clang; make walls: check include rules'

deps:
	@tools/deps

run: deps all
	@k=$$(tools/get-guest kernel $(KERNEL)) && i=$$(tools/get-guest initramfs) && \
	echo 'Ctrl-A x quits; "poweroff" in the guest ends it; "resize" after the window has another size.' && \
	size=$$(stty size 2>/dev/null | tr ' ' x) && \
	$(GNOMON) -M virt -cpu $(CPU) -m $(MEM) -nographic -kernel $$k -initrd $$i -append "console=ttyAMA0 $${size:+gnomon.tty=$$size} $(APPEND)" $(ARGS)

test: deps all
	@tests/run --build $(BUILD)

test-long: deps all
	@tests/run --build $(BUILD) --long

debug: all
	@k=$$(tools/get-guest kernel $(KERNEL)) && i=$$(tools/get-guest initramfs) && \
	gdb-multiarch -q -x tools/gdbinit --args $(BUILD)/gnomon -M virt -cpu $(CPU) -m $(MEM) -nographic -kernel $$k -initrd $$i \
	-append 'console=ttyAMA0 $(APPEND)' $(ARGS)

bench: deps all
	@bench/run --build $(BUILD) $(ARGS)

bench-deps:
	@tools/deps tools/deps-bench.txt

# Translated code is not seen by the sanitizers; the unit tests run the C code around it. What a machine owns lives as long as
# the process, so leaks are not looked for.
asan: deps
	@test -f build-asan/build.ninja || meson setup build-asan -Db_sanitize=address,undefined -Db_lundef=false
	@ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 tests/run --build build-asan --only unit --ninja

# libFuzzer targets; TARGETS='fuzz_qcow2 ...' for some of them.
fuzz: deps
	@tests/fuzzers/run $(FUZZ_SECONDS) $(TARGETS)

clang: deps
	@test -f build-clang/build.ninja || CC=clang meson setup build-clang
	@ninja -C build-clang

walls:
	@tools/check-walls

clean:
	rm -rf $(BUILD) build-asan build-clang
