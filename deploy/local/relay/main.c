/* SPDX-License-Identifier: Apache-2.0 */
/* braid-relay - the network between the sites of the local cluster. See io_relay.h. */
#include "deploy/local/relay/io_relay.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONFIG_BYTES_MAX = 64 << 10,
    COMMAND_BYTES_MAX = 256
};

/* Lives as long as the process. */
struct program {
    char text[CONFIG_BYTES_MAX];
    struct relay_config config;
    struct faults faults;
};

static int usage(void)
{
    (void)fputs("usage: braid-relay run CONFIG SOCKET\n"
                "       braid-relay ctl SOCKET COMMAND...\n"
                "commands: status, cut A B, cut-one-way A B, heal [A B], latency MS [A B],\n"
                "  delay KEY MS N [LINK], drop KEY N [LINK], drop-reply KEY N [LINK],\n"
                "  repeat KEY N [LINK], forget\n",
                stderr);
    return 2;
}

static int read_config(struct program *p, const char *path)
{
    uint32_t line = 0;
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        (void)fprintf(stderr, "braid-relay: cannot read %s: %s\n", path, strerrordesc_np(errno));
        return 78;
    }
    size_t len = fread(p->text, 1, sizeof(p->text), file);

    (void)fclose(file);
    if (len == sizeof(p->text) ||
        relay_config_read(slice_of(p->text, len), &p->faults, &p->config, &line) != 0) {
        (void)fprintf(stderr, "%s:%u: not a link, proxy or route, or too many\n", path, line);
        return 78;
    }
    return 0;
}

static int run(const char *config_path, const char *socket_path)
{
    struct program *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return EXIT_FAILURE;
    int rc = read_config(p, config_path);

    (void)signal(SIGPIPE, SIG_IGN);
    if (rc == 0 && relay_run(&p->config, &p->faults, socket_path) != 0)
        rc = EXIT_FAILURE;
    free(p);
    return rc;
}

static int ctl(const char *socket_path, int count, char **words)
{
    char command[COMMAND_BYTES_MAX] = "";
    size_t len = 0;

    for (int i = 0; i < count; i++) {
        int written = snprintf(command + len, sizeof(command) - len, "%s%s", words[i],
                               i + 1 < count ? " " : "\n");

        if (written < 0 || (size_t)written >= sizeof(command) - len)
            return usage();
        len += (size_t)written;
    }
    return relay_ctl(socket_path, command);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "run") == 0)
        return run(argv[2], argv[3]);
    if (argc >= 4 && strcmp(argv[1], "ctl") == 0)
        return ctl(argv[2], argc - 3, argv + 3);
    return usage();
}
