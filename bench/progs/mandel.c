/*
 * mandel.c - benchmark: the Mandelbrot set, double precision. A short loop of multiplications with an exit that depends on them.
 */
#include <stdio.h>

int main(void)
{
    long total = 0;
    for (int y = 0; y < 400; y++)
        for (int x = 0; x < 600; x++) {
            double cr = x / 200.0 - 2.0, ci = y / 200.0 - 1.0, zr = 0, zi = 0;
            int n = 0;
            for (; n < 250 && zr * zr + zi * zi < 4.0; n++) {
                double t = zr * zr - zi * zi + cr;
                zi = 2 * zr * zi + ci;
                zr = t;
            }
            total += n;
        }
    printf("%ld\n", total);
    return 0;
}
