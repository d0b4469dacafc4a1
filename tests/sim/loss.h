/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loss.h - what Kafka deletes.
 */
#ifndef BRAID_SIM_LOSS_H
#define BRAID_SIM_LOSS_H

#include "tests/sim/world.h"

/* Deletes old records of one DC's topics; sometimes unread ones of a source. */
void retention(struct world *w);

/* A DC's global topic and log of cuts are made anew, if another DC can help. */
void copy_lost(struct world *w);

/* Takes acknowledged records off the end of a log. */
void truncation(struct world *w);

#endif
