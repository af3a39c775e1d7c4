/*
 * image.c - benchmark: filters over a picture: a 5x5 Gaussian blur of bytes in integers, Sobel edges, and brightness and gamma
 * in single precision. Widening and narrowing vector operations and conversions.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define W 1024
#define H 768
static uint8_t in[H][W], out[H][W], edge[H][W];
static uint16_t row[H][W];
static float tone[H][W];

static void blur(void)
{
    for (int y = 0; y < H; y++)
        for (int x = 2; x < W - 2; x++)
            row[y][x] = (uint16_t)(in[y][x - 2] + 4 * in[y][x - 1] + 6 * in[y][x] + 4 * in[y][x + 1] + in[y][x + 2]);
    for (int y = 2; y < H - 2; y++)
        for (int x = 2; x < W - 2; x++)
            out[y][x] = (uint8_t)((row[y - 2][x] + 4 * row[y - 1][x] + 6 * row[y][x] + 4 * row[y + 1][x] + row[y + 2][x] + 128) >> 8);
}

static void sobel(void)
{
    for (int y = 1; y < H - 1; y++)
        for (int x = 1; x < W - 1; x++) {
            int h = out[y - 1][x + 1] + 2 * out[y][x + 1] + out[y + 1][x + 1] - out[y - 1][x - 1] - 2 * out[y][x - 1] - out[y + 1][x - 1];
            int v = out[y + 1][x - 1] + 2 * out[y + 1][x] + out[y + 1][x + 1] - out[y - 1][x - 1] - 2 * out[y - 1][x] - out[y - 1][x + 1];
            int g = abs(h) + abs(v);
            edge[y][x] = (uint8_t)(g > 255 ? 255 : g);
        }
}

static void tones(void)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            float f = in[y][x] * (1.0f / 255.0f);
            f = f * f * (3.0f - 2.0f * f) * 0.9f + 0.05f;
            tone[y][x] = f;
            in[y][x] = (uint8_t)(f * 255.0f + 0.5f) ^ edge[y][x] >> 4;
        }
}

int main(void)
{
    uint32_t seed = 1;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            seed = seed * 1664525 + 1013904223;
            in[y][x] = (uint8_t)((x * y >> 9) + (seed >> 28));
        }
    for (int round = 0; round < 200; round++) {
        blur();
        sobel();
        tones();
    }
    uint64_t h = 0;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            h = h * 31 + in[y][x] + edge[y][x];
    printf("%016lx\n", (unsigned long)h);
    return 0;
}
