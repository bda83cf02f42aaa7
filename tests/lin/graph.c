/* SPDX-License-Identifier: MIT
 *
 * graph.c: cycles, by taking away nodes that nothing leads to; see graph.h.
 */
#include "lin/graph.h"

#include <stdlib.h>

void lin_graph_add(lin_graph *g, size_t from, size_t to)
{
    if (g->n == g->room) {
        size_t room = g->room ? 2 * g->room : 64;
        lin_edge *edges = realloc(g->edges, room * sizeof *edges);
        if (!edges) {
            g->failed = true;
            return;
        }
        g->edges = edges;
        g->room = room;
    }
    g->edges[g->n++] = (lin_edge){(uint32_t)from, (uint32_t)to};
}

void lin_graph_free(lin_graph *g)
{
    free(g->edges);
}

/* Fills `first` (nodes + 1) and `targets`: those of node i are targets[first[i]] and on. */
static void graph_index(const lin_graph *g, size_t nodes, size_t *first, uint32_t *targets)
{
    for (size_t i = 0; i < g->n; i++) first[g->edges[i].from]++;
    for (size_t i = 1; i <= nodes; i++) first[i] += first[i - 1];
    for (size_t i = g->n; i-- > 0;) targets[--first[g->edges[i].from]] = g->edges[i].to;
}

/* How many nodes can be taken away; `incoming` is zeroed, `ready` has room for all. */
static size_t graph_peel(const lin_graph *g, size_t nodes, const size_t *first,
                         const uint32_t *targets, uint32_t *incoming, uint32_t *ready)
{
    size_t end = 0;
    for (size_t i = 0; i < g->n; i++) incoming[g->edges[i].to]++;
    for (size_t i = 0; i < nodes; i++) {
        if (incoming[i] == 0) ready[end++] = (uint32_t)i;
    }
    for (size_t at = 0; at < end; at++) {
        for (size_t i = first[ready[at]]; i < first[ready[at] + 1]; i++) {
            if (--incoming[targets[i]] == 0) ready[end++] = targets[i];
        }
    }
    return end;
}

bool lin_graph_is_acyclic(lin_graph *g, size_t nodes)
{
    size_t *first = calloc(nodes + 1, sizeof *first);
    uint32_t *targets = calloc(g->n + 1, sizeof *targets);
    uint32_t *incoming = calloc(nodes + 1, sizeof *incoming);
    uint32_t *ready = calloc(nodes + 1, sizeof *ready);
    bool acyclic = false;
    if (first && targets && incoming && ready) {
        graph_index(g, nodes, first, targets);
        acyclic = graph_peel(g, nodes, first, targets, incoming, ready) == nodes;
    } else {
        g->failed = true;
    }
    free(first);
    free(targets);
    free(incoming);
    free(ready);
    return acyclic;
}
