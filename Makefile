# SPDX-License-Identifier: MPL-2.0
# pv-* tools. `make help` lists the targets.

PREFIX  ?= /usr/local
DESTDIR ?=
UNITS   ?= $(PREFIX)/lib/systemd/system
ifeq ($(origin CC),default)
  CC := gcc
endif
TOOLS   := $(sort $(notdir $(wildcard tools/*)))
LINKS   := pktvisor-pcap:pktvisor-reader pktvisor:pktvisor-cli
PKGS    := libpcap jansson yaml-0.1 libmaxminddb libpsl libxxhash libcap-ng libfstrm libprotobuf-c
# What only some programs and tests link: those that serve (lib/http).
HTTP_LIBS := -lmicrohttpd -lz
LIBS_pv-serve := $(HTTP_LIBS)
LIBS_pktvisord := $(HTTP_LIBS)
LIBS_pvchurn := $(HTTP_LIBS)
LIBS_test_http_server := $(HTTP_LIBS)
# Likewise who asks, or pushes (lib/ui/client.c, lib/push/client.c), and the terminal (tools/pktvisor-cli/term.c).
LIBS_pktvisor-cli := -lcurl -lncursesw -ltinfo
LIBS_pktvisord += -lcurl
LIBS_test_push := $(HTTP_LIBS) -lcurl

# One build folder per flavour, so that they do not rebuild each other. A sanitizer's runtime is linked into the program, and no library
# that it does not call: so it starts in half the time. Modules take the runtime of the program that loads them.
ifeq ($(SAN),address)
  FLAVOUR := asan
  SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
  SANLINK  := -static-libasan -static-libubsan -Wl,--as-needed
  SANLOAD  := -Wl,--export-dynamic-symbol=__asan_*,--export-dynamic-symbol=__ubsan_*
else ifeq ($(SAN),thread)
  FLAVOUR := tsan
  SANFLAGS := -fsanitize=thread -fno-omit-frame-pointer
  SANLINK  := -static-libtsan -Wl,--as-needed
  SANLOAD  := -Wl,--export-dynamic-symbol=__tsan_*
else ifneq ($(SAN),)
  $(error SAN is 'address' or 'thread')
else ifeq ($(DEBUG),1)
  FLAVOUR := debug
else
  FLAVOUR := release
endif
ifeq ($(CC),clang)
  FLAVOUR := $(FLAVOUR)-clang
  SANLINK := # that is how clang does it
endif
# With a sanitizer optimising costs more, in compiling, than it saves in running: programs start, read a little and end.
OPT := $(if $(filter 1,$(DEBUG)),-g -O0,$(if $(SAN),-g1 -O1,-g -O3))

B      := build/$(FLAVOUR)
BIN    := $(if $(filter release,$(FLAVOUR)),bin,$(B)/bin)
WARN   := -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wstrict-prototypes -Wmissing-prototypes -Wvla \
          -Wformat=2 -Wundef -Wwrite-strings -Walloca -Werror
override CFLAGS := -std=c11 -D_GNU_SOURCE $(OPT) $(WARN) $(SANFLAGS) -fstack-protector-strong \
          $(if $(filter -O3,$(OPT)),-D_FORTIFY_SOURCE=2) -Ilib -I$(B)/gen -include lib/base/banned.h $(CFLAGS)
override LDFLAGS := $(SANFLAGS) $(SANLINK) -pthread $(LDFLAGS)
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null))$(PKG_LIBS)

LIB_SRC  := $(wildcard lib/*/*.c)
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/%.o) $(B)/lib/http/openapi.o $(B)/lib/dnstap/dnstap.pb-c.o
TOOL_SRC := $(wildcard tools/*/*.c)
UNIT     := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
FUZZ     := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
HELPERS  := $(patsubst tests/tools/%.c,$(B)/tests/%,$(wildcard tests/tools/*.c))
MAN      := $(patsubst man/%.in,$(B)/man/%,$(wildcard man/*.in))

# Loaded modules: the examples, those of the tests, the programs that load some, what these let them call, what an author includes.
MODULES     := $(patsubst contrib/module-example/%.c,$(B)/modules/%.so,$(wildcard contrib/module-example/*.c))
BAD_MODULES := $(patsubst tests/modules/%.c,$(B)/tests/modules/%.so,$(wildcard tests/modules/*.c))
LOADERS     := pktvisord pv-module pv-serve pv-window
MODULE_SYMS := $(shell sed -n 's/^\t\(pv_[a-z0-9_]*\);$$/\1/p' lib/module/module.syms)
MODULE_LINK := -Wl,--dynamic-list=lib/module/module.syms $(MODULE_SYMS:%=-Wl,-u,%) $(SANLOAD)
$(foreach t,$(LOADERS) test_module,$(eval LIBS_$(t) += $(MODULE_LINK)))
MODULE_HDRS := module/pv-module.h base/conf.h base/cursor.h base/res.h base/utf8.h event/check.h event/event.h \
               metric/bucket.h metric/metric.h stage/out.h stage/stage.h \
               sketch/exphist.h sketch/gauge.h sketch/histogram.h sketch/hll.h sketch/rate.h sketch/tally.h sketch/topn.h

## all: build every program into bin/, man pages and completions into build/ (the default)
.PHONY: all
all: tools modules man completions

.PHONY: tools
tools: $(TOOLS:%=$(BIN)/%) $(foreach l,$(LINKS),$(BIN)/$(firstword $(subst :, ,$(l))))

## help: this list
.PHONY: help
help:
	@echo "make [target] [DEBUG=1] [SAN=address|thread] [CC=clang] [PREFIX=$(PREFIX)] [DESTDIR=]"
	@sed -n 's/^## \([a-z-]*\): \(.*\)/  \1\t\2/p' Makefile | expand -t 14

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

# The description of the HTTP interface is a string in those programs that serve it.
$(B)/gen/openapi.c: lib/http/openapi.yaml contrib/build/embed
	@mkdir -p $(@D)
	@contrib/build/embed pv_openapi http/openapi.h $< > $@

$(B)/lib/http/openapi.o: $(B)/gen/openapi.c
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -c -o $@ $<

# The decoder of dnstap messages, by protoc-c; what it writes need not keep our rules.
$(B)/gen/dnstap/dnstap.pb-c.c: lib/dnstap/dnstap.proto
	@mkdir -p $(@D)
	@protoc-c --proto_path=lib/dnstap --c_out=$(@D) $<

$(B)/gen/dnstap/dnstap.pb-c.h: $(B)/gen/dnstap/dnstap.pb-c.c ;

$(B)/lib/dnstap/dnstap.pb-c.o: $(B)/gen/dnstap/dnstap.pb-c.c
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -w -MMD -MP -c -o $@ $<

$(B)/lib/dnstap/decode.o: $(B)/gen/dnstap/dnstap.pb-c.h

$(B)/libpv.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

define TOOL_template
$(BIN)/$(1): $(patsubst %.c,$(B)/%.o,$(filter tools/$(1)/%,$(TOOL_SRC))) $(B)/libpv.a
	@mkdir -p $$(@D)
	@echo "  LD $$@"
	@$$(CC) $$(LDFLAGS) -o $$@ $$(filter-out %.syms,$$^) $$(LIBS_$(1)) $$(PKG_LIBS) -lm
endef
$(foreach t,$(TOOLS),$(eval $(call TOOL_template,$(t))))

# Second names: LINK:PROGRAM.
define LINK_template
$(BIN)/$(1): $(BIN)/$(2)
	ln -sf $(2) $$@
endef
$(foreach l,$(LINKS),$(eval $(call LINK_template,$(firstword $(subst :, ,$(l))),$(lastword $(subst :, ,$(l))))))

# ---- modules: one source file each ---------------------------------------------------------------

.PHONY: modules
modules: $(MODULES)

MODULE_CC = $(CC) $(CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -MT $@ -c -o $(@:.so=.o) $< && $(CC) -shared -o $@ $(@:.so=.o)

$(B)/modules/%.so: contrib/module-example/%.c Makefile
	@mkdir -p $(@D)
	@echo "  MODULE $<"
	@$(MODULE_CC)

$(B)/tests/modules/%.so: tests/modules/%.c Makefile
	@mkdir -p $(@D)
	@echo "  MODULE $<"
	@$(MODULE_CC)

$(addprefix $(BIN)/,$(LOADERS)): lib/module/module.syms

# ---- man pages: prose in man/*.in; options, metrics and keys from the programs' own tables --------

.PHONY: man
man: $(MAN)

$(B)/man/%: man/%.in contrib/build/manpage $(TOOLS:%=$(BIN)/%) $(B)/configkeys
	@mkdir -p $(@D)
	@CONFIG_KEYS=$(B)/configkeys contrib/build/manpage $(BIN) $< > $@.new && mv $@.new $@

$(B)/configkeys: contrib/build/configkeys.c $(B)/libpv.a
	@echo "  LD $@"
	@$(CC) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP -o $@ $< $(B)/libpv.a $(LDFLAGS) $(PKG_LIBS) -lm

# ---- completions for bash, zsh and fish, from the same tables ------------------------------------

.PHONY: completions
completions: $(B)/completions.made

$(B)/completions.made: contrib/build/completions $(wildcard contrib/completions/*) $(TOOLS:%=$(BIN)/%) $(B)/words
	@contrib/build/completions $(BIN) $(B)/words $(B)/completions $(TOOLS) $(LINKS) && touch $@

$(B)/words: contrib/build/words.c $(B)/libpv.a
	@echo "  LD $@"
	@$(CC) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP -o $@ $< $(B)/libpv.a $(LDFLAGS) $(PKG_LIBS) -lm

# ---- tests ---------------------------------------------------------------------------------------

$(B)/tests/%: tests/unit/%.c $(B)/libpv.a
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CFLAGS) $(PKG_CFLAGS) -Itests -MMD -MP -o $@ $< $(B)/libpv.a $(LDFLAGS) $(LIBS_$(*F)) $(PKG_LIBS) -lcmocka -lm

$(B)/tests/%: tests/tools/%.c $(B)/libpv.a
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP -o $@ $< $(B)/libpv.a $(LDFLAGS) $(LIBS_$(*F)) $(PKG_LIBS) -lm

$(B)/fuzz/%: tests/fuzz/%.c tests/fuzz/replay.c $(B)/libpv.a
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP -o $@ $< tests/fuzz/replay.c $(B)/libpv.a $(LDFLAGS) $(PKG_LIBS) -lm

$(B)/tests/test_module: | $(MODULES) $(BAD_MODULES)

.PHONY: test-programs
test-programs: $(UNIT) $(FUZZ) $(HELPERS) $(BAD_MODULES)

## deps: install the Debian packages that are missing (contrib/deps/debian.txt)
.PHONY: deps
deps:
	@contrib/deps/install

## demo: install what building needs, build, run the pipeline on a bundled capture and show what comes out
.PHONY: demo
demo:
	@contrib/deps/install build run
	@$(MAKE) --no-print-directory -s -j$$(nproc) tools
	@contrib/demo $(BIN)

## check: set up, build, lint, and run every test
.PHONY: check
check: deps
	@$(MAKE) --no-print-directory -s -j$$(nproc) all test-programs
	@tests/run $(B) $(BIN) lint unit fuzz scenarios live

## check-san: the same under ASan+UBSan, then the threaded tests under TSan
.PHONY: check-san
check-san: deps
	@$(MAKE) --no-print-directory -s -j$$(nproc) SAN=address all test-programs
	@tests/run build/asan build/asan/bin unit fuzz scenarios
	@$(MAKE) --no-print-directory -s -j$$(nproc) SAN=thread all test-programs
	@tests/run build/tsan build/tsan/bin threads

## lint: layers, file-scope state, banned functions, man pages
.PHONY: lint
lint: all
	@tests/run $(B) $(BIN) lint

## fuzz: run every fuzz target for FUZZ_SECONDS (600) with libFuzzer (needs clang)
.PHONY: fuzz
fuzz:
	@tests/fuzz/campaign

## bench: measure against tcpdump and others; prints a table (minutes)
.PHONY: bench
bench: all build/release/tests/pvlanes
	@tests/bench/run $(BIN)

## install: programs, man pages, completions, headers, systemd units and examples below $(DESTDIR)$(PREFIX)
.PHONY: install
install: all install-headers
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 755 $(TOOLS:%=$(BIN)/%) $(DESTDIR)$(PREFIX)/bin
	for s in 1 5; do \
		for m in $(B)/man/*.$$s; do [ ! -e $$m ] || install -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man$$s; done; done
	for l in $(LINKS); do \
		ln -sf $${l#*:} $(DESTDIR)$(PREFIX)/bin/$${l%:*}; \
		echo .so man1/$${l#*:}.1 > $(DESTDIR)$(PREFIX)/share/man/man1/$${l%:*}.1; done
	for s in bash:bash-completion/completions zsh:zsh/site-functions fish:fish/vendor_completions.d; do \
		install -d $(DESTDIR)$(PREFIX)/share/$${s#*:}; \
		for f in $(B)/completions/$${s%%:*}/*; do \
			if [ -L $$f ]; then cp -P $$f $(DESTDIR)$(PREFIX)/share/$${s#*:}; \
			else install -m 644 $$f $(DESTDIR)$(PREFIX)/share/$${s#*:}; fi; done; done
	install -d $(DESTDIR)$(UNITS) $(DESTDIR)$(PREFIX)/share/doc/pv/examples
	for u in contrib/systemd/*.service; do \
		sed 's|/usr/bin/|$(PREFIX)/bin/|' $$u > $(DESTDIR)$(UNITS)/$${u##*/}; done
	install -m 644 README.md LICENSE $(DESTDIR)$(PREFIX)/share/doc/pv
	install -m 644 contrib/systemd/pktvisord.yaml contrib/module-example/* $(DESTDIR)$(PREFIX)/share/doc/pv/examples

## install-headers: what a module is compiled with, below $(DESTDIR)$(PREFIX)/include/pv
.PHONY: install-headers
install-headers:
	for h in $(MODULE_HDRS); do install -D -m 644 lib/$$h $(DESTDIR)$(PREFIX)/include/pv/$$h; done

## clean: remove everything that was built
.PHONY: clean
clean:
	rm -rf build bin

-include $(LIB_OBJ:.o=.d) $(patsubst %.c,$(B)/%.d,$(TOOL_SRC)) $(UNIT:=.d) $(FUZZ:=.d) $(HELPERS:=.d) $(B)/configkeys.d $(B)/words.d \
         $(MODULES:.so=.d) $(BAD_MODULES:.so=.d)
