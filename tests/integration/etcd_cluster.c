/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/etcd_cluster.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    START_WAIT_S = 30
};

static void die(const char *what)
{
    (void)fprintf(stderr, "etcd cluster: %s\n", what);
    exit(1);
}

static void sleep_ms(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&pause, NULL);
}

/* Runs a shell command quietly; its exit status. */
static int shell(const char *command)
{
    const int status = system(command);

    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void certificates(struct etcd_cluster *c)
{
    char command[4096];

    (void)snprintf(c->ca_file, sizeof c->ca_file, "%s/ca.pem", c->folder);
    (void)snprintf(c->cert_file, sizeof c->cert_file, "%s/cert.pem", c->folder);
    (void)snprintf(c->key_file, sizeof c->key_file, "%s/key.pem", c->folder);
    (void)snprintf(
        command, sizeof command,
        "cd '%s' && exec >certificates.log 2>&1 && umask 077 &&"
        " openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30"
        "  -subj /CN=braid-test-ca -keyout ca-key.pem -out ca.pem &&"
        " openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=braid-test"
        "  -keyout key.pem -out request.pem &&"
        " printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\\n"
        "extendedKeyUsage=serverAuth,clientAuth\\n' >extensions &&"
        " openssl x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 30"
        "  -extfile extensions -out cert.pem",
        c->folder);
    if (shell(command) != 0)
        die("cannot make certificates (certificates.log)");
}

int cluster_client_port(const struct etcd_cluster *c, int member)
{
    return c->port_base + 10 * member + 1;
}

void cluster_endpoints(const struct etcd_cluster *c, const int *members, char *out, size_t size)
{
    size_t len = 0;

    out[0] = '\0';
    for (; *members >= 0 && len < size; members++)
        len += (size_t)snprintf(out + len, size - len, "%shttps://127.0.0.1:%d",
                                len == 0 ? "" : ",", cluster_client_port(c, *members));
}

void cluster_start(struct etcd_cluster *c, int member)
{
    char command[4096];
    const int client = cluster_client_port(c, member);
    const int peer = client + 1;
    const int base = c->port_base;

    (void)snprintf(
        command, sizeof command,
        "exec etcd --name m%d --data-dir '%s/m%d'"
        " --listen-client-urls https://127.0.0.1:%d --advertise-client-urls https://127.0.0.1:%d"
        " --listen-peer-urls https://127.0.0.1:%d --initial-advertise-peer-urls "
        "https://127.0.0.1:%d"
        " --initial-cluster m0=https://127.0.0.1:%d,m1=https://127.0.0.1:%d,m2=https://127.0.0.1:%d"
        " --cert-file '%s' --key-file '%s' --client-cert-auth --trusted-ca-file '%s'"
        " --peer-cert-file '%s' --peer-key-file '%s' --peer-client-cert-auth"
        " --peer-trusted-ca-file '%s' --log-level error >>'%s/m%d.log' 2>&1",
        member, c->folder, member, client, client, peer, peer, base + 2, base + 12, base + 22,
        c->cert_file, c->key_file, c->ca_file, c->cert_file, c->key_file, c->ca_file, c->folder,
        member);
    const pid_t pid = fork();
    if (pid < 0)
        die("cannot fork");
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    c->pids[member] = pid;
}

void cluster_reap(struct etcd_cluster *c, int member)
{
    if (c->pids[member] > 0)
        (void)waitpid(c->pids[member], NULL, 0);
    c->pids[member] = 0;
}

void cluster_kill(struct etcd_cluster *c, int member)
{
    if (c->pids[member] > 0)
        (void)kill(c->pids[member], SIGKILL);
    cluster_reap(c, member);
}

void cluster_terminate(struct etcd_cluster *c, int member)
{
    (void)kill(c->pids[member], SIGTERM);
}

void cluster_pause(struct etcd_cluster *c, int member)
{
    (void)kill(c->pids[member], SIGSTOP);
    (void)waitpid(c->pids[member], NULL, WUNTRACED); /* until all its threads stand still */
}

void cluster_resume(struct etcd_cluster *c, int member)
{
    (void)kill(c->pids[member], SIGCONT);
}

int cluster_etcdctl(const struct etcd_cluster *c, int member, const char *arguments)
{
    char command[2048];

    (void)snprintf(
        command, sizeof command,
        "ETCDCTL_API=3 etcdctl --endpoints https://127.0.0.1:%d --cacert '%s' --cert '%s'"
        " --key '%s' --command-timeout 2s --dial-timeout 1s %s >>'%s/etcdctl.log' 2>&1",
        cluster_client_port(c, member), c->ca_file, c->cert_file, c->key_file, arguments,
        c->folder);
    return shell(command);
}

void cluster_wipe(struct etcd_cluster *c)
{
    char command[300];

    for (int i = 0; i < MEMBERS; i++)
        cluster_kill(c, i);
    (void)snprintf(command, sizeof command, "rm -rf '%s'/m[0-9]", c->folder);
    (void)shell(command);
}

void cluster_heal(struct etcd_cluster *c)
{
    for (int i = 0; i < MEMBERS; i++) {
        if (c->pids[i] > 0 && waitpid(c->pids[i], NULL, WNOHANG) == c->pids[i])
            c->pids[i] = 0;
        if (c->pids[i] == 0)
            cluster_start(c, i);
        cluster_resume(c, i);
    }
    for (int i = 0; i < MEMBERS; i++) {
        const time_t give_up = time(NULL) + START_WAIT_S;
        while (cluster_etcdctl(c, i, "endpoint health") != 0) {
            if (time(NULL) > give_up)
                die("a member does not answer");
            sleep_ms(100);
        }
    }
}

void cluster_open(struct etcd_cluster *c, int port_base)
{
    const char *tmp = getenv("TMPDIR");

    memset(c, 0, sizeof *c);
    c->port_base = port_base;
    (void)snprintf(c->folder, sizeof c->folder, "%s/braid-etcd-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(c->folder) == NULL)
        die("cannot make a folder");
    certificates(c);
    cluster_heal(c);
}

void cluster_close(struct etcd_cluster *c)
{
    char command[300];

    for (int i = 0; i < MEMBERS; i++)
        cluster_kill(c, i);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", c->folder);
    (void)shell(command);
}
