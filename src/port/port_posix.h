/* SPDX-License-Identifier: MIT
 *
 * port_posix.h: what port_posix.c asks of the system's own file, port_linux.c or port_bsd.c.
 */
#ifndef THT_PORT_POSIX_H
#define THT_PORT_POSIX_H

#include "port.h"

/* A descriptor of memory that has no name and can be mapped, empty, not inherited; -1: none. */
int tht_port_file(void);

#endif
