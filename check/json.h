/* SPDX-License-Identifier: MIT
 *
 * json.h: results as lines, for people or as JSON.
 */
#ifndef CHECK_JSON_H
#define CHECK_JSON_H

#include <stdio.h>

#include "campaign.h"

void tst_print_result(const tst_result *result, const tst_options *options);

/* The operation over all scenarios: the largest share of its bound that was seen. */
void tst_print_bound(const tst_op *op, bool tight, const tst_options *options);

/* "text" with its quotes, escaped. */
void tst_json_text(FILE *out, const char *text);

#endif
