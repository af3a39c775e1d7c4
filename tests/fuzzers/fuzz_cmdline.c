/*
 * fuzz_cmdline.c - libFuzzer target: the command line. Each line of the input is one word of argv. Must not crash or hang.
 *
 * What parsing allocates lives as long as the process, so that leaks are not looked for.
 */
// links: src/base/*.c src/cli/backends.c src/cli/devices.c src/cli/disks.c src/cli/files.c src/cli/general.c src/cli/keyval.c
// links: src/cli/objects.c src/cli/options.c src/cli/ports.c src/cli/values.c
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct options o;
    char *argv[66] = { "gnomon" };
    int argc = 1;
    if (size > 4096)
        return 0;
    /* A copy that outlives the call, as argv does. */
    char *words = xcalloc(size + 1, 1);
    memcpy(words, data, size);
    for (char *p = words, *end; argc < 65 && p; p = end) {
        end = strchr(p, '\n');
        if (end)
            *end++ = 0;
        argv[argc++] = p;
    }
    if (!options_parse(&o, argc, argv) && !o.info) {
        (void)options_serial0(&o);
        (void)options_default_monitor(&o);
    }
    free(words);
    return 0;
}
