/*
 * unpack.h - decompression of kernel images.
 */
#ifndef GNOMON_BOARD_UNPACK_H
#define GNOMON_BOARD_UNPACK_H

#include "base/base.h"

enum unpack_kind { UNPACK_GZIP, UNPACK_ZSTD };

/*
 * Unpack the first member or frame of IN; what follows it is ignored. At most LIMIT bytes. NULL and *ERR: it failed.
 * Free with free().
 */
uint8_t *unpack(enum unpack_kind kind, const uint8_t *in, uint64_t len, uint64_t limit, uint64_t *out_len,
                const char **err) MUST_CHECK;

#endif
