/*
 * model.h: what view_page() sees of a model. Inside view/ only.
 */
#ifndef VIEW_MODEL_H
#define VIEW_MODEL_H

#include <stdbool.h>

#include <libxml/tree.h>

#include "view/view.h"

xmlDoc *model_doc(const struct model *m);
/* Did something not fit into memory? */
bool model_failed(const struct model *m);

#endif
