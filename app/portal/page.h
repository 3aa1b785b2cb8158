/*
 * page.h: what every page is given and what it answers with. A page reads top to bottom:
 * check, call a use case of desk/, fill a model, render. It returns 0 with p->resp
 * filled, or -1 with *e set: then the reader gets the page of that error.
 */
#ifndef PORTAL_PAGE_H
#define PORTAL_PAGE_H

#include "desk/mailbox.h"
#include "desk/visit.h"
#include "portal/form.h"
#include "portal/http.h"
#include "portal/locator.h"
#include "portal/portal.h"
#include "view/view.h"

#define PAGE_PARAMS    2
#define PAGE_PARAM_LEN 160

struct route;
struct limiter;
struct known;
struct readyz;

struct page {
	struct portal *portal;
	struct desk *desk;
	const struct request *req;
	struct response *resp;
	const struct route *route;
	struct desk_visit visit; /* its tenant is set */
	struct form form;        /* POST: the body; else the query */
	char param[PAGE_PARAMS][PAGE_PARAM_LEN]; /* of the path, in order */
	bool nobody; /* no tenant has this host: 421 (RFC 9110 15.5.20) */
};

/* ---- the pages, by family --------------------------------------------------- */

int page_home(struct page *p, struct err *e);
int page_home_post(struct page *p, struct err *e);
int page_landing(struct page *p, struct err *e);
int page_landing_post(struct page *p, struct err *e);
int page_wrong(struct page *p, struct err *e);
int page_wrong_post(struct page *p, struct err *e);
int page_check(struct page *p, struct err *e);

int page_login(struct page *p, struct err *e);
int page_login_post(struct page *p, struct err *e);
int page_logout(struct page *p, struct err *e);
int page_logout_post(struct page *p, struct err *e);
int page_register(struct page *p, struct err *e);
int page_register_post(struct page *p, struct err *e);
int page_settings(struct page *p, struct err *e);
int page_reset(struct page *p, struct err *e);

int page_inbox(struct page *p, struct err *e);
/* Is it asked for its first page? Then the session is opened together with its mark. */
bool page_inbox_first(const struct page *p);
int page_sent(struct page *p, struct err *e);

int page_message(struct page *p, struct err *e);
int page_raw(struct page *p, struct err *e);
int page_part(struct page *p, struct err *e);
int page_track(struct page *p, struct err *e);

int page_compose(struct page *p, struct err *e);
int page_compose_post(struct page *p, struct err *e);

int page_upload_options(struct page *p, struct err *e);
int page_upload_post(struct page *p, struct err *e);
int page_upload_head(struct page *p, struct err *e);
int page_upload_delete(struct page *p, struct err *e);
/* A slice: the two ends of a streamed body (routes.h). */
int upload_open(struct page *p, struct sink *out, struct err *e);
int upload_finish(struct page *p, struct sink *sink, bool complete,
    const struct err *why, struct err *e);

int page_options(struct page *p, const char *allow, struct err *e);
int page_healthz(struct page *p, struct err *e);
int page_readyz(struct page *p, struct err *e);
int page_robots(struct page *p, struct err *e);
int page_asset(struct page *p, struct err *e);
int page_security(struct page *p, struct err *e);
int page_change_password(struct page *p, struct err *e);

/* ---- shared by them --------------------------------------------------------- */

/*
 * Does a list like Accept-Encoding take this word, with a weight over 0 (RFC 9110
 * 12.4.2, 12.5.3)?
 */
bool page_accepts(const char *list, const char *word);

/* A proved reader: guest or account holder. */
bool page_reader(const struct page *p);

/* The message whose id is the first parameter, for a proved reader. */
int page_open_message(struct page *p, struct desk_message *out, struct err *e);

/*
 * The code page (page_code.c): for the visitor whose code was sent. action is where the
 * form goes; l is what they came for, NULL for the inbox; problem NULL or a word's end.
 */
int page_code(struct page *p, int status, const char *action,
    const struct desk_landing *l, const char *problem, struct err *e);
/* Takes the code of a form: 303 to what it opens, or the code page again. */
int page_code_post(struct page *p, const char *action,
    const struct desk_landing *l, struct err *e);
/*
 * Takes the address of a form, and sends them to `next`, where the code page is.
 * *problem is a word's end when it is not 0.
 */
int page_ask_code(struct page *p, const struct locator *loc,
    const char *address, const char **problem, int *status, struct err *e);

/*
 * Where somebody wanted to go who had to sign in first: "sent" for "/sent". Few pages,
 * by name, so that nobody can be led elsewhere and no id is told. NULL: the inbox.
 */
const char *page_next(const char *name);

/* The sign-in page, also shown for a notice that went to an account. */
int page_login_form(struct page *p, int status, const struct desk_landing *l,
    const char *problem, int wait_s, struct err *e);

/* ---- models and answers (page.c) -------------------------------------------- */

/*
 * A model with what every page needs; nav is the place in the navigation, "" for none.
 * NULL: memory.
 */
struct model *page_model(struct page *p, const char *nav);
/* Renders and frees m. */
int page_render(struct page *p, int status, const char *name, struct model *m,
    struct err *e);
/* The same where the body stands already. */
int page_html(struct page *p, int status, const char *name, struct err *e);
int page_redirect(struct page *p, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Text in place of a page. */
int page_text(struct page *p, int status, const char *text, struct err *e);
/* The page of an error; never fails. */
void page_error(struct page *p, const struct err *e);
/*
 * The fields that go with every answer, as of a file: a browser that shows it lets it do
 * nothing. content_type NULL: there is no body. 0, or -1 when memory is out.
 */
int page_headers(struct page *p, const char *content_type, const char *cache);

/* <name iso="" minute="" day="" hm="" short=""/>; nothing for 0. */
void node_time(struct node *n, const char *name, int64_t t);
/* <name name="" address="" initials="" shown=""/>: shown is the name, else the address. */
struct node *node_person(
    struct node *n, const char *element, const char *name, const char *address);
/* The same of who wrote; of a message without a sender shown says what wrote it. */
struct node *node_sender(const struct page *p, struct node *n,
    const char *element, const char *name, const char *address);
/* Who wrote, until when. */
void node_landing(
    const struct page *p, struct node *n, const struct desk_landing *l);

/* ---- of the process (portal.c) ---------------------------------------------- */

const struct view *portal_view(const struct portal *p);
struct limiter *portal_pickup_limiter(const struct portal *p);
struct readyz *portal_readyz(struct portal *p);
const struct assets *portal_assets(const struct portal *p);
const struct settings *portal_settings(const struct portal *p);
struct known *portal_known(const struct portal *p);
struct desk *portal_desk(struct portal *p); /* a new one; NULL: memory */
/*
 * Who has the host of the request: into p->visit.tenant. ERR_NOT_FOUND: nobody. On
 * other errors it is filled as well as it is remembered, for the page of that error.
 */
int portal_tenant(struct page *p, struct err *e);
/* The same from memory alone, however old it is; false, and it is empty. */
bool portal_tenant_recall(struct page *p);
/* "https://acme.localhost:8443". */
void portal_origin(const struct portal *p, const char *host, char out[300]);

#endif
