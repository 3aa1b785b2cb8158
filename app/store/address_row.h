/* address_row.h: the columns of what an address is, for the two files that read them. */
#ifndef STORE_ADDRESS_ROW_H
#define STORE_ADDRESS_ROW_H

#include "store/directory.h"
#include "store/sql.h"

/* An address_kind, an account's columns, and of a list its id, open and created. */
void row_address(struct sql_row *r, struct address_row *out);

#endif
