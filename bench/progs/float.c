/*
 * float.c - benchmark: n bodies and a matrix product in double precision, a vectorised one in single. FP latency and NEON.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static struct body { double x[3], v[3], m; } body[5];

static void bodies(int steps)
{
    for (int i = 0; i < 5; i++)
        body[i] = (struct body){ { i * 1.7 - 3, i * i * 0.3, 1.0 / (i + 1) }, { 0.1 * i, 0.2 - 0.05 * i, 0.01 * i * i }, 1.0 + i };
    for (int s = 0; s < steps; s++) {
        for (int i = 0; i < 5; i++)
            for (int j = i + 1; j < 5; j++) {
                double d[3], r2 = 0.01;
                for (int n = 0; n < 3; n++) {
                    d[n] = body[i].x[n] - body[j].x[n];
                    r2 += d[n] * d[n];
                }
                double f = 0.001 / (r2 * sqrt(r2));
                for (int n = 0; n < 3; n++) {
                    body[i].v[n] -= d[n] * body[j].m * f;
                    body[j].v[n] += d[n] * body[i].m * f;
                }
            }
        for (int i = 0; i < 5; i++)
            for (int n = 0; n < 3; n++)
                body[i].x[n] += 0.001 * body[i].v[n];
    }
}

#define N 160
static double a[N][N], b[N][N], c[N][N];
static float fa[N][N], fb[N][N], fc[N][N];

int main(void)
{
    bodies(200000);
    for (int i = 0; i < 5; i++)
        printf("%.12e ", body[i].x[0]);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = (i * 7 + j) % 13 - 6.5;
            b[i][j] = (i + j * 5) % 11 / 3.0;
            fa[i][j] = (float)a[i][j];
            fb[i][j] = (float)b[i][j];
        }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                double s = 0;
                for (int k = 0; k < N; k++)
                    s += a[i][k] * b[k][j];
                c[i][j] += s;
            }
        for (int i = 0; i < N; i++)
            for (int k = 0; k < N; k++) {
                float f = fa[i][k];
                for (int j = 0; j < N; j++)
                    fc[i][j] += f * fb[k][j];
            }
    }
    double t = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            t = t * 0.999 + c[i][j] + fc[i][j];
    printf("%.15e\n", t);
    return 0;
}
