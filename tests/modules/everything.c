/* SPDX-License-Identifier: MPL-2.0 */
/* Uses every update and every way to put out events, so that it loads only where all they call may be called. */
#include "module/pv-module.h"

typedef void any_fn(void);
#define FN(f) ((any_fn *)(f))

any_fn *const everything[] = {
    FN(pv_count),	 FN(pv_distinct_bytes), FN(pv_distinct_u64),  FN(pv_top_bytes),	  FN(pv_top_hint),
    FN(pv_top_u64),	 FN(pv_quantile_u64),	FN(pv_quantile_real), FN(pv_histogram_u64), FN(pv_rate_events),
    FN(pv_bucket_block), FN(pv_bucket_root),	FN(pv_emit),	      FN(pv_emit_chained), FN(pv_emit_message),
    FN(pv_emit_define),	 FN(pv_out_event),	FN(pv_out_reserve),   FN(pv_out_commit),   FN(pv_ev_put),
    FN(pv_item_text),	 FN(pv_item_u64),	FN(pv_item_ipv4),     FN(pv_item_ipv6),	   FN(pv_utf8_clean),
    FN(pv_utf8_len),	 FN(pv_parse_u64),	FN(pv_parse_duration), FN(pv_parse_size),  FN(pv_gauge_set),
};

const struct pv_module pv_module = {PV_MODULE_HEAD, .name = "everything", .version = "1.0"};
