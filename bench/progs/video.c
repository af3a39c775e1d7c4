/*
 * video.c - benchmark: kernels of a video codec in integer SIMD, as compilers make them. video.c NAME: "sad": motion search by
 * sums of absolute differences ("sadplain": byte by byte); "dct": 8x8 integer cosine transforms with rounding shifts and
 * clipping; "yuv": colour conversion with saturation; "interp": six-tap half-pixel interpolation.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define W 640
#define H 352
static uint8_t cur[H][W], ref[H + 32][W + 32], rgb[H][W * 3], half[H][W];
static int16_t block[64];

static uint8_t clip(int v) { return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v); }

/* With a constant width gcc unrolls into single bytes; with one that it does not know it makes vectors. */
static uint32_t sad_plain(const uint8_t *a, const uint8_t *b)
{
    uint32_t s = 0;
    for (int y = 0; y < 16; y++, a += W, b += W + 32)
        for (int x = 0; x < 16; x++)
            s += (uint32_t)abs(a[x] - b[x]);
    return s;
}

static volatile int block_width = 16;

static uint32_t sad_vector(const uint8_t *a, const uint8_t *b)
{
    uint32_t s = 0;
    int width = block_width & ~15;
    for (int y = 0; y < 16; y++, a += W, b += W + 32)
        for (int x = 0; x < width; x++)
            s += (uint32_t)abs(a[x] - b[x]);
    return s;
}

static inline __attribute__((always_inline)) uint64_t search(uint32_t (*sad)(const uint8_t *, const uint8_t *))
{
    uint64_t h = 0;
    for (int by = 0; by < H; by += 16)
        for (int bx = 0; bx < W; bx += 16) {
            uint32_t best = ~0u, at = 0;
            for (int dy = 0; dy < 24; dy++)
                for (int dx = 0; dx < 24; dx++) {
                    uint32_t s = sad(&cur[by][bx], &ref[by + dy][bx + dx]);
                    if (s < best)
                        best = s, at = (uint32_t)(dy * 32 + dx);
                }
            h = h * 31 + best + at;
        }
    return h;
}

/* One pass of an even-odd factorised transform with 14-bit constants over the columns of eight rows. */
static void pass(const int16_t *in, int16_t *out, int shift)
{
    for (int i = 0; i < 8; i++) {
        int s[4], d[4];
        for (int k = 0; k < 4; k++) {
            s[k] = in[k * 8 + i] + in[(7 - k) * 8 + i];
            d[k] = in[k * 8 + i] - in[(7 - k) * 8 + i];
        }
        int r = 1 << (shift - 1);
        out[i * 8 + 0] = (int16_t)(((s[0] + s[1] + s[2] + s[3]) * 11585 / 4 + r) >> shift);
        out[i * 8 + 4] = (int16_t)(((s[0] - s[1] - s[2] + s[3]) * 11585 / 4 + r) >> shift);
        out[i * 8 + 2] = (int16_t)((((s[0] - s[3]) * 15137 + (s[1] - s[2]) * 6270) / 4 + r) >> shift);
        out[i * 8 + 6] = (int16_t)((((s[0] - s[3]) * 6270 - (s[1] - s[2]) * 15137) / 4 + r) >> shift);
        out[i * 8 + 1] = (int16_t)(((d[0] * 16069 + d[1] * 13623 + d[2] * 9102 + d[3] * 3196) / 4 + r) >> shift);
        out[i * 8 + 3] = (int16_t)(((d[0] * 13623 - d[1] * 3196 - d[2] * 16069 - d[3] * 9102) / 4 + r) >> shift);
        out[i * 8 + 5] = (int16_t)(((d[0] * 9102 - d[1] * 16069 + d[2] * 3196 + d[3] * 13623) / 4 + r) >> shift);
        out[i * 8 + 7] = (int16_t)(((d[0] * 3196 - d[1] * 9102 + d[2] * 13623 - d[3] * 16069) / 4 + r) >> shift);
    }
}

static uint64_t transform(void)
{
    uint64_t h = 0;
    int16_t t[64];
    for (int by = 0; by < H; by += 8)
        for (int bx = 0; bx < W; bx += 8) {
            for (int i = 0; i < 64; i++)
                block[i] = (int16_t)((cur[by + i / 8][bx + i % 8] - 128) * 4);
            pass(block, t, 12);
            pass(t, block, 13);
            for (int i = 0; i < 64; i++) {
                cur[by + i / 8][bx + i % 8] = clip(block[i] / 4 + 128);
                h = h * 31 + (uint16_t)block[i];
            }
        }
    return h;
}

static uint64_t colours(int round)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            int l = (cur[y][x] - 16) * 298, u = ref[y / 2][x / 2] - 128, v = ref[y / 2 + 16][x / 2 + round % 16] - 128;
            rgb[y][x * 3] = clip((l + 409 * v + 128) >> 8);
            rgb[y][x * 3 + 1] = clip((l - 100 * u - 208 * v + 128) >> 8);
            rgb[y][x * 3 + 2] = clip((l + 516 * u + 128) >> 8);
        }
    uint64_t h = 0;
    for (int i = 0; i < W * 3; i++)
        h = h * 31 + rgb[round % H][i];
    return h;
}

static uint64_t between(int round)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            const uint8_t *p = &ref[y + round % 8][x];
            half[y][x] = clip((p[0] - 5 * p[1] + 20 * p[2] + 20 * p[3] - 5 * p[4] + p[5] + 16) >> 5);
        }
    uint64_t h = 0;
    for (int i = 0; i < W; i++)
        h = h * 31 + half[round % H][i];
    return h;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    uint32_t seed = 7;
    for (int y = 0; y < H + 32; y++)
        for (int x = 0; x < W + 32; x++) {
            seed = seed * 1664525 + 1013904223;
            ref[y][x] = (uint8_t)((x * 3 + y * 5) / 4 + (seed >> 27));
        }
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            cur[y][x] = (uint8_t)(ref[y + 9][x + 5] + (x ^ y) % 5);
    uint64_t h = 0;
    if (!strcmp(what, "sad"))
        for (int round = 0; round < 10; round++)
            h += search(sad_vector);
    else if (!strcmp(what, "sadplain"))
        h = search(sad_plain);
    else if (!strcmp(what, "dct"))
        for (int round = 0; round < 50; round++)
            h += transform();
    else if (!strcmp(what, "yuv"))
        for (int round = 0; round < 150; round++)
            h += colours(round);
    else if (!strcmp(what, "interp"))
        for (int round = 0; round < 1500; round++)
            h += between(round);
    else
        return 2;
    printf("%016lx\n", (unsigned long)h);
    return 0;
}
