/*
 * linpack.c - benchmark: Gaussian elimination with partial pivoting of a dense system of 300 equations, double precision.
 */
#include <math.h>
#include <stdio.h>

#define N 300
static double a[N][N], b[N], x[N];

static double solve(int round)
{
    unsigned seed = 1325 + (unsigned)round;
    for (int i = 0; i < N; i++) {
        b[i] = 0;
        for (int j = 0; j < N; j++) {
            seed = seed * 3125 % 65536;
            a[i][j] = (seed - 32768.0) / 16384.0;
            b[i] += a[i][j];
        }
    }
    for (int k = 0; k < N; k++) {
        int p = k;
        for (int i = k + 1; i < N; i++)
            if (fabs(a[i][k]) > fabs(a[p][k]))
                p = i;
        for (int j = k; j < N; j++) {
            double t = a[k][j]; a[k][j] = a[p][j]; a[p][j] = t;
        }
        double t = b[k]; b[k] = b[p]; b[p] = t;
        for (int i = k + 1; i < N; i++) {
            double f = a[i][k] / a[k][k];
            for (int j = k; j < N; j++)
                a[i][j] -= f * a[k][j];
            b[i] -= f * b[k];
        }
    }
    for (int i = N - 1; i >= 0; i--) {
        double s = b[i];
        for (int j = i + 1; j < N; j++)
            s -= a[i][j] * x[j];
        x[i] = s / a[i][i];
    }
    return x[0];
}

int main(void)
{
    double s = 0;
    for (int round = 0; round < 20; round++)
        s += solve(round);
    printf("%.9f\n", s);
    return 0;
}
