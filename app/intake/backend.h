/*
 * backend.h: what stands behind the sessions of intake: desk's use cases, each with the
 * desk of the thread it runs on, and the memory that messages on their way may take.
 */
#ifndef INTAKE_BACKEND_H
#define INTAKE_BACKEND_H

#include "base/budget.h"
#include "base/settings.h"
#include "desk/desk.h"
#include "intake/smtp_session.h"

/* One a process. All of it stays the caller's, and outlives every session. */
const struct smtp_backend *backend_open(const struct settings *set,
    struct desk_shared *shared, struct budget *budget);

#endif
