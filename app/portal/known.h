/*
 * known.h: sessions that were good a moment ago, so that a flood of strangers does not
 * keep their readers waiting. Says nothing about what a session may; memory of a fixed
 * size, a keyed hash of each session's name and no secret. Safe on many threads.
 */
#ifndef PORTAL_KNOWN_H
#define PORTAL_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "desk/visit.h"

struct known;

struct known *known_new(void); /* NULL: memory */
void known_free(struct known *k);

/*
 * cookie: as cookie_find() gives it. now is clock_mono_ms(); good for as long as a
 * session may idle.
 */
void known_add(
    struct known *k, const char cookie[DESK_COOKIE_LEN], int64_t now);
/* 0, or what tells this session from all others, whatever else its request carries. */
uint64_t known_has(
    struct known *k, const char cookie[DESK_COOKIE_LEN], int64_t now);
void known_drop(struct known *k, const char cookie[DESK_COOKIE_LEN]);

#endif
