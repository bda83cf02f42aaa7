/* SPDX-License-Identifier: MIT
 *
 * graph.h: a directed graph, to be tested for cycles.
 */
#ifndef LIN_GRAPH_H
#define LIN_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lin_edge {
    uint32_t from;
    uint32_t to;
} lin_edge;

typedef struct lin_graph {
    lin_edge *edges;
    size_t n;
    size_t room;
    bool failed; /* no memory: an edge is missing */
} lin_graph;

/* Starts from a zeroed graph. */
void lin_graph_add(lin_graph *g, size_t from, size_t to);

/* Whether the graph on nodes 0 .. nodes - 1 has no cycle. Sets `failed` if memory ran out. */
bool lin_graph_is_acyclic(lin_graph *g, size_t nodes);

void lin_graph_free(lin_graph *g);

#endif
