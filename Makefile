# forestgate
#
#   make            build build/forestgate
#   make demo       two forests, the gateway between them, mail both ways (KEEP=1 leaves it running)
#   make check      every test; what CI runs
#   make unit       the unit tests and dialogues only (seconds)
#   make matrix     every Exchange version, Postfix and Exim to each other, as a table
#   make bench      messages per second against Postfix, in the same run
#   make asan|tsan  the unit tests under the sanitizers
#   make fuzz       each fuzz target for a few seconds (FUZZ_SECONDS=n), with clang
#   make help       this page
#
# V=1 shows the commands. BUILD=dir builds elsewhere. What is missing: scripts/bootstrap.

CC      ?= gcc
BUILD   ?= build
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)
SAY     := $(if $(findstring s,$(firstword -$(MAKEFLAGS))),@:,@echo)
PREFIX  ?= /usr/local

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 \
        -Wimplicit-fallthrough -Wno-format-truncation -Werror
HARD := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
OPT  ?= -O2 -g
SAN  ?=
ALL_CFLAGS  := -std=c17 -D_GNU_SOURCE -I. $(WARN) $(if $(SAN),-fPIE,$(HARD)) $(OPT) $(SAN) -MMD -MP $(CFLAGS)
ALL_LDFLAGS := -pie -Wl,-z,relro,-z,now $(SAN) $(LDFLAGS)
LIBS := -lssl -lcrypto -luv -llmdb -lyaml -lunbound -lspf2 -lmicrohttpd -ljansson -lcrypt -lpthread

# The rooms, top first: each is an archive, so that a test links its room and what lies below.
ROOMS := gateway/ops gateway/relay gateway/net gateway/exchange gateway/route config tls gateway/journal gateway/spool gateway/mail gateway/base
room_lib = $(BUILD)/lib/$(subst /,_,$(1)).a
ROOM_LIBS := $(foreach r,$(ROOMS),$(call room_lib,$(r)))

TOP_SRC  := $(wildcard gateway/*.c)
KIT_SRC  := $(wildcard tests/kit/*.c)
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c) $(wildcard tests/unit/*/test_*.c))
# ONLY="spool/ net/": the tests whose path holds one of these words.
UNIT_ONLY := $(if $(ONLY),$(foreach t,$(UNIT_SRC),$(if $(strip $(foreach o,$(ONLY),$(findstring $(o),$(t:tests/unit/%=%)))),$(t))),$(UNIT_SRC))
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_ONLY))
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
BENCH_SRC := $(wildcard tests/bench/*.c)

.PHONY: all help unit unit-build bench-build check demo matrix bench asan tsan tsan-gateway fuzz fuzz-objects lint install clean
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/forestgate

help:
	@sed -n '/^\#/!q;s/^# \{0,1\}//p' Makefile

define compile
	@mkdir -p $(@D)
	$(if $(Q),$(SAY) "  CC    $<")
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<
endef

# The libraries' headers are looked for once, so that a missing one is one sentence.
HEADERS := openssl/ssl.h uv.h lmdb.h yaml.h unbound.h spf2/spf.h microhttpd.h jansson.h crypt.h
$(BUILD)/libraries-found: Makefile
	@mkdir -p $(@D)
	@printf '#include <%s>\n' $(HEADERS) | $(CC) -E -x c - >/dev/null 2>$@.log || \
	    { sed -n 's/.*fatal error: //p' $@.log; \
	      echo "A library is missing. Install what the build needs: scripts/bootstrap"; exit 1; }
	@rm -f $@.log; touch $@

$(BUILD)/obj/%.o: %.c | $(BUILD)/libraries-found
	$(compile)

define room_rule
$(call room_lib,$(1)): $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(1)/*.c))
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call room_rule,$(r))))

$(BUILD)/forestgate: $(TOP_SRC:%.c=$(BUILD)/obj/%.o) $(ROOM_LIBS)
	$(if $(Q),$(SAY) "  LINK  $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# tests/unit/<room>/test_x.c links with <room> and the rooms below it. No room: base and up to net.
below = $(if $(filter base,$(1)),gateway/base,\
        $(if $(filter mail,$(1)),gateway/mail gateway/base,\
        $(if $(filter spool,$(1)),gateway/spool gateway/mail gateway/base,\
        $(if $(filter tls,$(1)),tls gateway/base,\
        $(if $(filter journal,$(1)),gateway/journal gateway/base,\
        $(if $(filter config,$(1)),config gateway/mail gateway/base,\
        $(if $(filter route,$(1)),gateway/route config tls gateway/spool gateway/mail gateway/base,\
        $(if $(filter exchange,$(1)),gateway/exchange gateway/route config tls gateway/spool gateway/mail gateway/base,\
        $(if $(filter net,$(1)),gateway/net gateway/route config tls gateway/spool gateway/mail gateway/base,\
        $(ROOMS))))))))))
UNIT_ROOMS := base mail spool journal tls config route exchange net relay ops
define unit_rule
$(BUILD)/unit/$(1)/%: $(BUILD)/obj/tests/unit/$(1)/%.o $(BUILD)/lib/kit.a $(foreach r,$(call below,$(1)),$(call room_lib,$(r)))
	@mkdir -p $$(@D)
	$$(Q)$(CC) $(ALL_LDFLAGS) -o $$@ $$^ -Wl,--as-needed $(LIBS) -lcmocka
endef
$(foreach r,$(UNIT_ROOMS),$(eval $(call unit_rule,$(r))))

$(BUILD)/lib/kit.a: $(KIT_SRC:%.c=$(BUILD)/obj/%.o)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

# Generator and sink of the bench, also used by the crash tests: their own epoll, our engines.
BENCH_MAIN := tests/bench/smtp_sink.c tests/bench/smtp_load.c
BENCH_BIN  := $(BUILD)/bench/smtp-sink $(BUILD)/bench/smtp-load
$(BUILD)/lib/bench.a: $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out $(BENCH_MAIN),$(BENCH_SRC)))
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^
$(BUILD)/bench/smtp-%: $(BUILD)/obj/tests/bench/smtp_%.o $(BUILD)/lib/bench.a \
                      $(call room_lib,tls) $(call room_lib,gateway/mail) $(call room_lib,gateway/base)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lssl -lcrypto -lpthread

bench-build: $(BENCH_BIN)

# Programs and preloaded libraries of the fault tests; these always without a sanitizer.
$(BUILD)/fault/%.so: tests/fault/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 -g -fPIC -shared -o $@ $< -ldl -lpthread
$(BUILD)/fault/powercut_record.so: $(wildcard tests/fault/powercut_*.c) tests/fault/powercut_record.h
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE -I. -Wall -Wextra -Werror -O2 -g -fPIC -shared -o $@ $(filter %.c,$^) -ldl -lpthread
$(BUILD)/fault/spool_%: $(BUILD)/obj/tests/fault/spool_%.o $(BUILD)/lib/kit.a $(foreach r,$(call below,spool),$(call room_lib,$(r)))
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -llmdb -lpthread

# How fast is custody alone? By hand: make build/bench/bench_spool
$(BUILD)/bench/bench_%: $(BUILD)/obj/tests/bench/spool/bench_%.o $(BUILD)/lib/kit.a $(foreach r,$(call below,spool),$(call room_lib,$(r)))
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -llmdb -lpthread

# Everything compiled, nothing run.
unit-build: $(UNIT_BIN) $(foreach r,$(ROOMS),$(call room_lib,$(r))) $(BENCH_BIN)

unit: $(UNIT_BIN)
	@scripts/run-units $(BUILD)/unit $(UNIT_BIN)

lint:
	@scripts/lint

# Fit for a bare machine: install what is missing, build, then run.
check demo matrix bench fuzz:
	@scripts/bootstrap $(if $(filter demo,$@),demo,check)
	+@$(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc)) all $(if $(filter bench,$@),bench-build)
	+@BUILD=$(BUILD) KEEP="$(KEEP)" scripts/$@

asan:
	+$(Q)$(MAKE) BUILD=$(BUILD)/asan SAN="-fsanitize=address,undefined -fno-sanitize-recover=all" OPT="-O1 -g" unit

tsan tsan-gateway:
	+$(Q)TSAN_OPTIONS="suppressions=$(CURDIR)/tests/tsan.suppressions $$TSAN_OPTIONS" \
	    $(MAKE) BUILD=$(BUILD)/tsan SAN="-fsanitize=thread" OPT="-O1 -g" $(if $(filter tsan,$@),unit,all)

# scripts/fuzz calls this with clang and its sanitizers.
fuzz-objects: $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/%)
$(BUILD)/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(BUILD)/lib/kit.a $(ROOM_LIBS)
	$(Q)$(CC) -fsanitize=fuzzer $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

install: all
	install -D -m 0755 $(BUILD)/forestgate $(DESTDIR)$(PREFIX)/sbin/forestgate

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
