/* SPDX-License-Identifier: Apache-2.0 */
/* io_doctor_reach.c - names, TCP and TLS, one address after the other, as a client here sees them. */
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coord/ctl/io_doctor.h"

enum {
    REACH_ADDRESSES_MAX = 32,
    REACH_NAME_MAX = 256
};

struct reaching {
    struct visiting *visiting;
    struct doctor_line line;
    char host[REACH_NAME_MAX];
    char port[REACH_NAME_MAX];
    bool is_tls;
};

/* "https://host:port/path" or "host:port"; false: neither. IPv6 stands in brackets. */
static bool split(struct reaching *r, struct slice address)
{
    const struct slice text = address;
    size_t start = 0;
    size_t end = text.len;
    size_t colon = 0;

    r->is_tls = slice_starts_with(text, SLICE_LIT("https://"));
    if (r->is_tls || slice_starts_with(text, SLICE_LIT("http://")))
        start = r->is_tls ? 8 : 7;
    for (size_t i = text.len; i > start; i--) {
        if (text.ptr[i - 1] == '/')
            end = i - 1;
    }
    for (size_t i = start; i < end; i++) {
        if (text.ptr[i] == ':')
            colon = i;
        if (text.ptr[i] == ']')
            colon = 0;
    }
    const struct slice host = slice_sub(text, start, colon == 0 ? end : colon);
    const struct slice port = colon == 0 ? (r->is_tls ? SLICE_LIT("443") : SLICE_LIT("80"))
                                         : slice_sub(text, colon + 1, end);
    const bool has_brackets = host.len > 2 && host.ptr[0] == '[';
    const struct slice name = has_brackets ? slice_sub(host, 1, host.len - 1) : host;
    if (name.len == 0 || name.len >= REACH_NAME_MAX || port.len == 0 || port.len >= REACH_NAME_MAX)
        return false;
    for (size_t i = 0; i < port.len; i++) {
        if (port.ptr[i] < '0' || port.ptr[i] > '9')
            return false;
    }
    memcpy(r->host, name.ptr, name.len);
    memcpy(r->port, port.ptr, port.len);
    r->host[name.len] = r->port[port.len] = '\0';
    return true;
}

/* A socket that is connected, or -1 with the last reason in errno. */
static int connect_any(const struct addrinfo *list)
{
    const struct timeval patience = {.tv_sec = DOCTOR_TIMEOUT_S};

    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        int fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);

        if (fd < 0)
            continue;
        /* Linux connects, sends and receives within this time, too. These fail only for a bad fd. */
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
            return fd;
        const int why = errno;
        (void)close(fd); /* nothing was written */
        errno = why == EINPROGRESS ? ETIMEDOUT : why;
    }
    return -1;
}

static void judge_certificate(struct reaching *r, SSL *tls, int64_t ms)
{
    struct arena *a = r->visiting->doctor->arena;
    X509 *certificate = SSL_get_peer_certificate(tls);
    const long verdict = SSL_get_verify_result(tls);
    int days = 0;
    int seconds = 0;

    if (certificate == NULL ||
        ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1) {
        r->line.verdict = DOCTOR_BAD;
        r->line.what = "its certificate cannot be read";
    } else if (verdict != X509_V_OK) {
        r->line.verdict = DOCTOR_BAD;
        r->line.what =
            text_format(a, "its certificate: %s", X509_verify_cert_error_string(verdict));
        r->line.fix = "renew it, or tell us who signs it (the CA's file)";
    } else {
        r->line.what = text_format(
            a, "connects in %" PRId64 " ms, its certificate is valid for %d days", ms, days);
        if (days < DOCTOR_CERT_DAYS) {
            r->line.verdict = DOCTOR_WARNING;
            r->line.fix = "renew it before then";
        }
    }
    X509_free(certificate);
}

/* The server's certificate as we would judge it; whether it lets us in is another check's. */
static void shake_hands(struct reaching *r, int fd, int64_t ms)
{
    const struct config *config = &r->visiting->session->config;
    struct arena *a = r->visiting->doctor->arena;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *tls = NULL;

    if (context != NULL &&
        (config->ca.len == 0
             ? SSL_CTX_set_default_verify_paths(context)
             : SSL_CTX_load_verify_locations(context, arena_strdup(a, config->ca), NULL)) == 1) {
        tls = SSL_new(context);
    }
    if (tls != NULL && SSL_set_tlsext_host_name(tls, r->host) == 1 && SSL_set_fd(tls, fd) == 1 &&
        SSL_connect(tls) == 1) {
        judge_certificate(r, tls, ms);
    } else {
        r->line.verdict = DOCTOR_BAD;
        r->line.what = "it connects, but TLS does not begin";
        r->line.fix = "does it speak TLS at this port, and is the CA's file readable?";
    }
    SSL_free(tls);
    SSL_CTX_free(context);
}

static void reach(struct reaching *r)
{
    struct arena *a = r->visiting->doctor->arena;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    const int64_t begun_ms = session_now_ms();
    const int rc = getaddrinfo(r->host, r->port, &hints, &list);
    const int fd = rc == 0 ? connect_any(list) : -1;
    const int why = errno;

    if (rc != 0) {
        r->line.verdict = DOCTOR_BAD;
        r->line.what = text_format(a, "its name does not resolve: %s", gai_strerror(rc));
        r->line.fix = "is it spelt as in DNS, and does this machine ask the right server?";
    } else if (fd < 0) {
        r->line.verdict = DOCTOR_BAD;
        r->line.what = text_format(a, "nobody answers: %s", strerror(why));
        r->line.fix = why == ECONNREFUSED ? "start it; is the port right?"
                                          : "does it run, and does a firewall let this machine in?";
    } else if (r->is_tls) {
        shake_hands(r, fd, session_now_ms() - begun_ms);
    } else {
        r->line.what = text_format(a, "connects in %" PRId64 " ms", session_now_ms() - begun_ms);
    }
    if (fd >= 0)
        (void)close(fd); /* nothing of ours is under way */
    if (list != NULL)
        freeaddrinfo(list);
}

void doctor_reach(struct visiting *x, const char *whose, const char *addresses)
{
    struct slice rest = slice_str(addresses);

    for (int i = 0; i < REACH_ADDRESSES_MAX && rest.len > 0; i++) {
        const uint8_t *comma = memchr(rest.ptr, ',', rest.len);
        const size_t len = comma == NULL ? rest.len : (size_t)(comma - rest.ptr);
        const struct slice address = slice_sub(rest, 0, len);
        struct reaching r = {.visiting = x,
                             .line = {.check = "network",
                                      .where = text_format(x->doctor->arena, "%s at %.*s", whose,
                                                           SLICE_ARG(address))}};

        if (split(&r, address)) {
            reach(&r);
        } else {
            r.line.verdict = DOCTOR_BAD;
            r.line.what = "not an address: HOST:PORT";
            r.line.fix = "correct it where it is configured";
        }
        doctor_add(x->doctor, r.line);
        rest = slice_sub(rest, comma == NULL ? len : len + 1, rest.len);
    }
}
