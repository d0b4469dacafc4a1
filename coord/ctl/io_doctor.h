/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_doctor.h - the parts of `doctor` that ask servers from this machine.
 *
 * Promise: changes nothing; each server is asked within DOCTOR_TIMEOUT_S, and each check leaves a line.
 * Shell:   sockets, TLS, Kafka's admin client.
 * Not here: etcd, nodes, APIs and topics' settings (io_cmd_doctor.c); judging snapshots (doctor.h).
 */
#ifndef BRAID_COORD_CTL_IO_DOCTOR_H
#define BRAID_COORD_CTL_IO_DOCTOR_H

#include "coord/ctl/doctor.h"
#include "coord/ctl/io_apply.h"

enum {
    DOCTOR_TIMEOUT_S = 5
};

struct visiting {
    struct session *session;
    struct snapshot snap;
    struct doctor *doctor;
};

/* Addresses, separated by commas: HOST:PORT, or URLs. Does each name resolve, and does somebody answer
 * there? Of https:// also the server's certificate. `whose` is for people. */
void doctor_reach(struct visiting *x, const char *whose, const char *addresses);

/* What these credentials may do with the topics of a stream that apply_look has seen. */
void doctor_access(struct visiting *x, const struct applying *ap);

#endif
