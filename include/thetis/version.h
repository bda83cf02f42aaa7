/* SPDX-License-Identifier: MIT
 *
 * thetis/version.h: the version of the headers, and of the library that was linked.
 */
#ifndef THETIS_VERSION_H
#define THETIS_VERSION_H

#include <thetis/config.h>

#define THETIS_VERSION_MAJOR 0
#define THETIS_VERSION_MINOR 1
#define THETIS_VERSION_PATCH 0
#define THETIS_VERSION_STRING "0.1.0"

THETIS_BEGIN_DECLS

/** The version of the linked library, such as "0.1.0"; compare with THETIS_VERSION_STRING.
 *  @progress wait-free, 0 steps */
THETIS_API const char *thetis_version(void);

THETIS_END_DECLS

#endif
