/*
 * shelf.h: answers that are the same for everybody for a while, written out once and kept
 * ready. Memory of a bounded size; for the event loop alone.
 */
#ifndef PORTAL_SHELF_H
#define PORTAL_SHELF_H

#include <stdint.h>

#include "portal/http.h"

#define SHELF_KEY 512

struct shelf;

struct shelf *shelf_new(void); /* NULL: memory */
void shelf_free(struct shelf *s);

/* now is clock_mono_ms(). NULL: not there, or its time is over. Good until shelf_put(). */
const struct ready *shelf_find(struct shelf *s, const char *key, int64_t now);
/*
 * Writes *r out and keeps it; its fields and body move there. NULL when memory is out or the
 * body too long; then *r is as it was.
 */
const struct ready *shelf_put(
    struct shelf *s, const char *key, int64_t until, struct response *r);

#endif
