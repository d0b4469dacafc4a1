/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loss.h - what Kafka deletes, and the operator who confirms it.
 */
#ifndef BRAID_SIM_LOSS_H
#define BRAID_SIM_LOSS_H

#include "tests/sim/world.h"

/* Deletes old records of one DC's topics; sometimes unread ones of a source. */
void retention(struct world *w);

/* Takes acknowledged records off the end of a log. */
void truncation(struct world *w);

/* A new log epoch for the DC, and its stopped lines start again. */
void operator_acts(struct world *w, uint32_t dc);

#endif
