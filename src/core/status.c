/* SPDX-License-Identifier: MIT
 *
 * status.c: names and sentences of the statuses, from the one list in status.h.
 */
#include <thetis/status.h>

#define STATUS_NAME(name, number, text)                                                         \
    case THETIS_##name:                                                                         \
        return #name;
#define STATUS_TEXT(name, number, text)                                                         \
    case THETIS_##name:                                                                         \
        return text;

const char *thetis_status_name(thetis_status status)
{
    switch (status) {
        THETIS_STATUS_MAP(STATUS_NAME)
    default:
        return "?";
    }
}

const char *thetis_status_text(thetis_status status)
{
    switch (status) {
        THETIS_STATUS_MAP(STATUS_TEXT)
    default:
        return "?";
    }
}
