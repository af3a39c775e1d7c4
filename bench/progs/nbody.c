/*
 * nbody.c - benchmark: five bodies under gravity, double precision. Dependent multiplications, divisions and square roots.
 */
#include <math.h>
#include <stdio.h>

static struct body { double x[3], v[3], m; } body[5];

static void step(void)
{
    for (int i = 0; i < 5; i++)
        for (int j = i + 1; j < 5; j++) {
            double d[3], r2 = 0.5;
            for (int n = 0; n < 3; n++) {
                d[n] = body[i].x[n] - body[j].x[n];
                r2 += d[n] * d[n];
            }
            double f = 0.0001 / (r2 * sqrt(r2));
            for (int n = 0; n < 3; n++) {
                body[i].v[n] -= d[n] * body[j].m * f;
                body[j].v[n] += d[n] * body[i].m * f;
            }
        }
    for (int i = 0; i < 5; i++)
        for (int n = 0; n < 3; n++)
            body[i].x[n] += 0.0001 * body[i].v[n];
}

int main(void)
{
    for (int i = 0; i < 5; i++)
        body[i] = (struct body){ { i * 1.7 - 3, i * i * 0.3, 1.0 / (i + 1) }, { 0.1 * i, 0.2 - 0.05 * i, 0.01 * i * i }, 1.0 + i };
    for (int s = 0; s < 2000000; s++)
        step();
    for (int i = 0; i < 5; i++)
        printf("%.9e ", body[i].x[0]);
    printf("\n");
    return 0;
}
