/* SPDX-License-Identifier: MPL-2.0 */
/* dns/message.h: messages built by hand, byte by byte; every cut of each against an unreadable page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "dns/message.h"

#define HEAD(flags, qd, an, ns, ar) "\x12\x34" flags "\0" qd "\0" an "\0" ns "\0" ar
#define QUESTION                    "\3wWw\2ex\3com\0\0\x1c\0\1"
#define A_RECORD                    "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4"
#define RRSIG_RECORD                "\xc0\x0c\0\x2e\0\1\0\0\0\x3c\0\2\0\1"
#define OPT(rdlen)                  "\0\0\x29\x04\xd0\0\0\0\0" rdlen

#define X(s) s, sizeof(s) - 1
#define Q    (PV_DNS_QUESTION)
#define OK   (PV_DNS_QUESTION | PV_DNS_PARSED)

static const struct {
	const char *name;
	const char *wire;
	size_t n;
	enum pv_dns_reason reason;
	unsigned bits;
	unsigned rcode, rcode_ext, qtype, ancount, edns_size;
	const char *ecs; /* family, prefix, 16 bytes of address; NULL: none */
} table[] = {
	{"empty", X(""), PV_DNS_SHORT, 0, 0, 0, 0, 0, 0, NULL},
	{"eleven bytes", X("\x12\x34\x80\0\0\0\0\0\0\0\0"), PV_DNS_SHORT, 0, 0, 0, 0, 0, 0, NULL},
	{"header alone", X(HEAD("\0\0", "\0", "\0", "\0", "\0")), PV_DNS_FINE, PV_DNS_PARSED, 0, 0, 0, 0, 0,
	 NULL},
	{"all header bits", X(HEAD("\xff\xf5", "\0", "\0", "\0", "\0")), PV_DNS_FINE,
	 PV_DNS_PARSED | PV_DNS_QR | PV_DNS_AA | PV_DNS_TC | PV_DNS_RD | PV_DNS_RA | PV_DNS_AD | PV_DNS_CD,
	 5, 5, 0, 0, 0, NULL},
	{"query", X(HEAD("\1\0", "\1", "\0", "\0", "\0") QUESTION), PV_DNS_FINE, OK | PV_DNS_RD, 0, 0, 28, 0,
	 0, NULL},
	{"bytes behind", X(HEAD("\1\0", "\1", "\0", "\0", "\0") QUESTION "junk"), PV_DNS_FINE,
	 OK | PV_DNS_RD, 0, 0, 28, 0, 0, NULL},
	{"second question", X(HEAD("\0\0", "\2", "\0", "\0", "\0") QUESTION "\1x\0\0\1\0\1"), PV_DNS_FINE,
	 OK, 0, 0, 28, 0, 0, NULL},
	{"second question and an answer",
	 X(HEAD("\x80\0", "\2", "\1", "\0", "\1") QUESTION "\1x\0\0\1\0\1" A_RECORD OPT("\0\0")), PV_DNS_FINE,
	 OK | PV_DNS_QR | PV_DNS_EDNS, 0, 0, 28, 1, 1232, NULL},
	{"second question cut", X(HEAD("\0\0", "\2", "\0", "\0", "\0") QUESTION "\1x\0\0\1\0"),
	 PV_DNS_CUT_RECORD, Q, 0, 0, 28, 0, 0, NULL},
	{"reply", X(HEAD("\x80\3", "\1", "\1", "\0", "\0") QUESTION A_RECORD), PV_DNS_FINE, OK | PV_DNS_QR,
	 3, 3, 28, 1, 0, NULL},
	{"promise of an answer", X(HEAD("\x80\0", "\1", "\1", "\0", "\0") QUESTION), PV_DNS_CUT_RECORD,
	 Q | PV_DNS_QR, 0, 0, 28, 1, 0, NULL},
	{"signature among the answers",
	 X(HEAD("\x80\0", "\1", "\2", "\0", "\0") QUESTION A_RECORD RRSIG_RECORD), PV_DNS_FINE,
	 OK | PV_DNS_QR | PV_DNS_RRSIG, 0, 0, 28, 2, 0, NULL},
	{"signature elsewhere", X(HEAD("\x80\0", "\1", "\0", "\1", "\1") QUESTION RRSIG_RECORD RRSIG_RECORD),
	 PV_DNS_FINE, OK | PV_DNS_QR, 0, 0, 28, 0, 0, NULL},
	{"empty EDNS", X(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT("\0\0")), PV_DNS_FINE,
	 OK | PV_DNS_EDNS, 0, 0, 28, 0, 1232, NULL},
	{"EDNS last of three, DO, extended code",
	 X(HEAD("\x80\0", "\1", "\0", "\0", "\3") QUESTION A_RECORD A_RECORD "\0\0\x29\x10\0\1\0\x80\0\0\0"),
	 PV_DNS_FINE, OK | PV_DNS_QR | PV_DNS_EDNS | PV_DNS_DO, 0, 16, 28, 0, 4096, NULL},
	{"OPT not in additional", X(HEAD("\x80\0", "\1", "\1", "\0", "\0") QUESTION OPT("\0\0")),
	 PV_DNS_FINE, OK | PV_DNS_QR, 0, 0, 28, 1, 0, NULL},
	{"OPT not at the root", X(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION "\1x" OPT("\0\0")),
	 PV_DNS_BAD_OPT, Q, 0, 0, 28, 0, 0, NULL},
	{"two OPT, the first counts",
	 X(HEAD("\0\0", "\1", "\0", "\0", "\2") QUESTION OPT("\0\0") "\0\0\x29\x02\0\0\0\0\0\0\0"),
	 PV_DNS_FINE, OK | PV_DNS_EDNS, 0, 0, 28, 0, 1232, NULL},
	{"NSID, cookie, EDE, unknown",
	 X(HEAD("\0\0", "\1", "\0", "\0", "\1")
	   QUESTION OPT("\0\x16") "\0\3\0\0\0\x0a\0\2xy\0\x0f\0\2\0\1\xff\xff\0\2zz"),
	 PV_DNS_FINE, OK | PV_DNS_EDNS | PV_DNS_NSID | PV_DNS_COOKIE | PV_DNS_EDE, 0, 0, 28, 0, 1232, NULL},
	{"option longer than its record",
	 X(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT("\0\6") "\0\3\0\3ab"), PV_DNS_BAD_OPT,
	 Q | PV_DNS_EDNS, 0, 0, 28, 0, 1232, NULL},
	{"half an option head", X(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT("\0\3") "\0\3\0"),
	 PV_DNS_BAD_OPT, Q | PV_DNS_EDNS, 0, 0, 28, 0, 1232, NULL},
	{"ECS IPv4 /24",
	 X(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT("\0\x0b") "\0\x08\0\7\0\1\x18\0\xc0\0\2"),
	 PV_DNS_FINE, OK | PV_DNS_EDNS | PV_DNS_ECS, 0, 0, 28, 0, 1232,
	 "\4\x18\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\0"},
	{"ECS IPv4 /20, bits behind the prefix",
	 X(HEAD("\0\0", "\1", "\0", "\0", "\1")
	   QUESTION OPT("\0\x0c") "\0\x08\0\x08\0\1\x14\0\xc0\xff\xff\xff"),
	 PV_DNS_FINE, OK | PV_DNS_EDNS | PV_DNS_ECS, 0, 0, 28, 0, 1232,
	 "\4\x14\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\xff\xf0\0"},
	{"ECS IPv4 /0", X(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT("\0\x08") "\0\x08\0\4\0\1\0\0"),
	 PV_DNS_FINE, OK | PV_DNS_EDNS | PV_DNS_ECS, 0, 0, 28, 0, 1232,
	 "\4\0\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\0"},
	{"ECS IPv6 /56, a cookie in front and bytes behind",
	 X(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT(
	 "\0\x19") "\0\x0a\0\2xy\0\x08\0\x0b\0\2\x38\0\x20\1\4\x70\x1f\x0b\x16\xff\xff\0\0"),
	 PV_DNS_FINE, OK | PV_DNS_EDNS | PV_DNS_COOKIE | PV_DNS_ECS, 0, 0, 28, 0, 1232,
	 "\6\x38\x20\1\4\x70\x1f\x0b\x16\0\0\0\0\0\0\0\0\0"},
	{"ECS IPv6 /128",
	 X(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT(
	 "\0\x18") "\0\x08\0\x14\0\2\x80\0\x20\1\x0d\xb8\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b"),
	 PV_DNS_FINE, OK | PV_DNS_EDNS | PV_DNS_ECS, 0, 0, 28, 0, 1232,
	 "\6\x80\x20\1\x0d\xb8\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b"},
	{"ECS of an unknown family",
	 X(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT("\0\x09") "\0\x08\0\5\0\3\xff\0z"), PV_DNS_FINE,
	 OK | PV_DNS_EDNS, 0, 0, 28, 0, 1232, NULL},
	{"ECS too short", X(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT("\0\7") "\0\x08\0\3\0\1\0"),
	 PV_DNS_BAD_ECS, Q | PV_DNS_EDNS, 0, 0, 28, 0, 1232, NULL},
	{"ECS prefix too long",
	 X(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT("\0\x0c") "\0\x08\0\x08\0\1\x21\0"
								   "abcd"),
	 PV_DNS_BAD_ECS, Q | PV_DNS_EDNS, 0, 0, 28, 0, 1232, NULL},
	{"ECS address shorter than its prefix",
	 X(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT("\0\x0a") "\0\x08\0\6\0\1\x18\0"
								   "ab"),
	 PV_DNS_BAD_ECS, Q | PV_DNS_EDNS, 0, 0, 28, 0, 1232, NULL},
	{"ECS address of five bytes",
	 X(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT("\0\x0d") "\0\x08\0\x09\0\1\x20\0"
								   "abcde"),
	 PV_DNS_BAD_ECS, Q | PV_DNS_EDNS, 0, 0, 28, 0, 1232, NULL},
	{"label of an unknown type",
	 X(HEAD("\x80\2", "\1", "\0", "\0", "\0") "\x41"
					      "a\0\0\1\0\1"),
	 PV_DNS_BAD_NAME, PV_DNS_QR, 2, 2, 0, 0, 0, NULL},
	{"question that points to itself", X(HEAD("\0\0", "\1", "\0", "\0", "\0") "\xc0\x0c\0\1\0\1"),
	 PV_DNS_BAD_POINTER, 0, 0, 0, 0, 0, 0, NULL},
	{"answer without question", X(HEAD("\x80\0", "\0", "\1", "\0", "\0") "\0\0\1\0\1\0\0\0\0\0\0"),
	 PV_DNS_FINE, PV_DNS_PARSED | PV_DNS_QR, 0, 0, 0, 1, 0, NULL},
	{"65535 of everything", X("\x12\x34\x80\0\xff\xff\xff\xff\xff\xff\xff\xff" QUESTION),
	 PV_DNS_CUT_RECORD, Q | PV_DNS_QR, 0, 0, 28, 65535, 0, NULL},
};

static void messages(void **state)
{
	struct pv_dns_message *m = malloc(sizeof *m);
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		print_message("    %s\n", table[i].name);
		memset(m, 0xa5, sizeof *m);
		assert_int_equal(pv_dns_parse((const uint8_t *)table[i].wire, table[i].n, m),
				 table[i].reason);
		assert_int_equal(m->reason, table[i].reason);
		assert_int_equal(m->bits, table[i].bits);
		assert_int_equal(m->rcode, table[i].rcode);
		assert_int_equal(m->rcode_ext, table[i].rcode_ext);
		assert_int_equal(m->qtype, table[i].qtype);
		assert_int_equal(m->ancount, table[i].ancount);
		assert_int_equal(m->edns_size, table[i].edns_size);
		assert_int_equal(m->id, table[i].reason == PV_DNS_SHORT ? 0 : 0x1234);
		assert_string_equal(m->qname.text, table[i].bits & PV_DNS_QUESTION ? "www.ex.com" : "");
		if (table[i].bits & PV_DNS_QUESTION)
			assert_string_equal(pv_dns_name_written(&m->qname), "wWw.ex.com");
		else
			assert_false(m->qname.upper);
		if (table[i].ecs) {
			assert_int_equal(m->ecs.family, table[i].ecs[0]);
			assert_int_equal(m->ecs.source_prefix, (uint8_t)table[i].ecs[1]);
			assert_memory_equal(m->ecs.addr, table[i].ecs + 2, 16);
		} else {
			static const struct pv_ecs none;
			assert_memory_equal(&m->ecs, &none, sizeof none);
		}
	}
	free(m);
}

static void header_fields(void **state)
{
	struct pv_dns_message *m = malloc(sizeof *m);
	(void)state;
	pv_dns_parse((const uint8_t *)"\xab\xcd\x28\0\0\0\0\0\0\0\0\0", 12, m);
	assert_int_equal(m->id, 0xabcd);
	assert_int_equal(m->opcode, 5);
	pv_dns_parse((const uint8_t *)"\xab\xcd\x7f\xff\x01\x02\x03\x04\x05\x06\x07\x08", 12, m);
	assert_int_equal(m->opcode, 15);
	assert_int_equal(m->rcode, 15);
	assert_int_equal(m->qdcount, 0x0102);
	assert_int_equal(m->ancount, 0x0304);
	assert_int_equal(m->nscount, 0x0506);
	assert_int_equal(m->arcount, 0x0708);
	free(m);
}

/* Many small records: valid as long as the bytes are there. */
static void two_hundred_records(void **state)
{
	uint8_t wire[12 + 200 * 11];
	struct pv_dns_message *m = malloc(sizeof *m);
	(void)state;
	memset(wire, 0, sizeof wire);
	wire[2] = 0x80;
	wire[7] = 200;
	assert_int_equal(pv_dns_parse(wire, sizeof wire, m), PV_DNS_FINE);
	assert_int_equal(m->bits, PV_DNS_QR | PV_DNS_PARSED);
	assert_int_equal(pv_dns_parse(wire, sizeof wire - 1, m), PV_DNS_CUT_RECORD);
	free(m);
}

/* Every prefix of every message, its end against a page that cannot be read: no read beyond, never fine
 * before the end, and no fact that the whole message does not have. */
static void prefixes(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct pv_dns_message *m = malloc(sizeof *m);
	size_t cuts = 0;
	(void)state;
	assert_true(map != MAP_FAILED);
	assert_int_equal(mprotect(map + page, page, PROT_NONE), 0);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		for (size_t n = 0; n < table[i].n; n++, cuts++) {
			uint8_t *at = map + page - n;
			memcpy(at, table[i].wire, n);
			pv_dns_parse(at, n, m);
			if (n < 12)
				assert_int_equal(m->reason, PV_DNS_SHORT);
			else if (strcmp(table[i].name, "bytes behind"))
				assert_int_not_equal(m->reason, PV_DNS_FINE);
			if (table[i].reason != PV_DNS_BAD_ECS && table[i].reason != PV_DNS_BAD_OPT)
				assert_int_equal(m->bits & ~table[i].bits, 0);
		}
	assert_true(cuts > 1000);
	munmap(map, 2 * page);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages),
		cmocka_unit_test(header_fields),
		cmocka_unit_test(two_hundred_records),
		cmocka_unit_test(prefixes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
