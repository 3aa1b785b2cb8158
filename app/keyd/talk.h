/*
 * talk.h: one request to keyd and its reply, over a connection that is opened when needed.
 * For client.c alone.
 */
#ifndef KEYD_TALK_H
#define KEYD_TALK_H

#include "keyd/client.h"
#include "keyd/proto.h"

/* The zeroed request to fill. */
union proto_request *talk_begin(struct keyd *k);
/* 0 with the reply in its place; else *e is set and everything is wiped. */
int talk_call(struct keyd *k, enum proto_verb verb, int *wait_s, struct err *e)
    __attribute__((warn_unused_result));
/* Calls, copies n bytes of the reply out and wipes. */
int talk_bytes(struct keyd *k, enum proto_verb verb, int *wait_s, void *out,
    size_t n, struct err *e) __attribute__((warn_unused_result));
union proto_reply *talk_reply(struct keyd *k);
/* Wipes request and reply. */
void talk_finish(struct keyd *k);

/* Sends the request and does not wait for its reply. */
void talk_ask(struct keyd *k, enum proto_verb verb);
/*
 * What was asked last: 1 with the reply in its place. 0: it was cut off or not sent, as if
 * it had not been tried. -1: keyd hangs.
 */
int talk_take(struct keyd *k, enum proto_verb verb, struct err *e)
    __attribute__((warn_unused_result));

#endif
