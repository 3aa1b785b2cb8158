/*
 * rates.h: how much of intake a client, a tenant's mail as a whole and each class of
 * senders may take, and the brakes on who asks for addresses or guesses tokens. Answers
 * at once, on any thread; a thread of its own shares the counts with all other intake
 * processes through the database about once a second. Without the database a process
 * goes on by what it knows. What it has counted it never forgets (desk/tally.h).
 *
 * A client is what base/peers.h calls a neighbour. Its limits are for each tenant by
 * itself: what one tenant takes of a client leaves another's limits alone. Connections
 * and the brakes are of the client altogether.
 *
 * Which limit counts, the first there is: the tenant's own rule (struct rates); the row
 * of rate_limit for the tenant; that for every tenant; base/limits.h. Clients of the
 * networks in RESTANTE_RATE_FREE have the first three alone. The brakes are for everybody but
 * who proved to be of the tenant.
 *
 * A NULL struct meters counts nothing and allows everything.
 */
#ifndef DESK_RATES_H
#define DESK_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/settings.h"
#include "desk/intake.h"
#include "store/directory.h"

struct meters;

struct rates_setup {
	/* Networks with commas or spaces between; NULL or "none": none. */
	const char *free;
	int hour_s; /* the window of rates, and that of the brakes: seconds */
	int brake_s;
	int64_t (*now)(void); /* clock_now() */
};
/* NULL with *e set: a network is malformed, or memory. */
struct meters *rates_new(const struct rates_setup *setup, struct err *e);
/* Ends the thread, after a last round if the database answers. NULL is fine. */
void rates_free(struct meters *m);

/* The thread. conninfo must outlive m. */
int rates_share_start(struct meters *m, const char *conninfo, struct err *e)
    __attribute__((warn_unused_result));
/* One round of it. */
int rates_share(struct meters *m, struct db *db, struct err *e)
    __attribute__((warn_unused_result));

/* The tenant it is for, of what class the sender is there, and its own limits or NULL. */
struct rates_at {
	const struct id *tenant;
	enum policy_class class;
	const struct rates *own;
};

/* Is it one of RESTANTE_RATE_FREE? */
bool rates_free_client(const struct meters *m, const char *client);

/* ---- rates: 0, or ERR_RATE with nothing taken ---- */

/* A connection was made. */
int rates_connect(struct meters *m, const struct desk_sender *s, struct err *e)
    __attribute__((warn_unused_result));
/* It turned out to be for this tenant: once a connection. */
int rates_meet(struct meters *m, const struct desk_sender *s,
    const struct desk_envelope *env, struct err *e)
    __attribute__((warn_unused_result));
/* At MAIL: could one more message be taken? Takes nothing. */
int rates_mail(struct meters *m, const struct desk_sender *s,
    const struct rates_at *at, struct err *e)
    __attribute__((warn_unused_result));
/*
 * Before a recipient is taken into the envelope: the first one counts as a message, too. It
 * counts for the client; the tenant's own counts are looked at, and grow when the message
 * is taken: who names recipients and sends nothing uses up nobody's but his own. e NULL:
 * it will be asked again when this says -1.
 */
int rates_recipient(struct meters *m, const struct desk_sender *s,
    const struct desk_envelope *env, const struct rates_at *at, struct err *e)
    __attribute__((warn_unused_result));

/* It was taken, for all that were given. */
void rates_taken(struct meters *m, const struct desk_sender *s,
    const struct desk_envelope *env);

/* ---- the brakes ---- */

/*
 * The client has named an address of the tenant's that is not there. It fills the client's
 * measure by one part of the tenant's threshold. When the measure is full answers wait,
 * the longer the more were named; LIMIT_BRAKE_STOP times as many, and nothing is told of
 * any address to that client, be it there or not, until a good part of a window is over.
 */
void rates_unknown(struct meters *m, const struct desk_sender *s,
    const struct desk_envelope *env, const struct rates_at *at);
/* How many milliseconds an answer is to wait; *silent_out: and then tells nothing. */
unsigned rates_brake(struct meters *m, const struct desk_sender *s,
    const struct desk_envelope *env, bool *silent_out)
    __attribute__((warn_unused_result));

/* May this client try to authenticate? ERR_RATE. */
int rates_auth(struct meters *m, const struct desk_sender *s, struct err *e)
    __attribute__((warn_unused_result));
void rates_auth_failed(struct meters *m, const struct desk_sender *s);

#endif
