/* SPDX-License-Identifier: MIT
 *
 * dict.h: monitors of maps and ordered dicts.
 */
#ifndef LIN_DICT_H
#define LIN_DICT_H

#include "lin/wgl.h"

/* FIND INSERT PUT REPLACE CAS ERASE on any keys. Exact: linearizable objects compose, so each key
 * is searched for itself, which `w` does in polynomial time for a bounded number of threads. */
lin_verdict lin_map_check(lin_wgl *w, const lin_history *h);

/* The same and SCAN; where there are scans, the values written to one key are all different and
 * not 0. NO is always right. YES means that each key is right by itself and that for every scan
 * there is a moment at which each key it covers may have been as it was shown. Two scans that
 * contradict each other at different moments may pass. */
lin_verdict lin_dict_check(lin_wgl *w, const lin_history *h);

#endif
