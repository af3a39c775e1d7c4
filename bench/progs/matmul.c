/*
 * matmul.c - benchmark: matrix products. "scalar": double precision, inner products in order, which compilers must not
 * reorder. "vector": single precision, rows added, which they vectorise. "int": 16-bit products added in 32 bits.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define N 256
static double a[N][N], b[N][N], c[N][N];
static float fa[N][N], fb[N][N], fc[N][N];
static int16_t ia[N][N], ib[N][N];
static int32_t ic[N][N];

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    double t = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = fa[i][j] = (float)((i * 7 + j) % 13 - 6.5);
            b[i][j] = fb[i][j] = (float)((i + j * 5) % 11 / 4.0);
            ia[i][j] = (int16_t)((i * 7 + j) % 1301 - 650);
            ib[i][j] = (int16_t)((i + j * 5) % 1103);
        }
    if (!strcmp(what, "scalar"))
        for (int round = 0; round < 8; round++)
            for (int i = 0; i < N; i++)
                for (int j = 0; j < N; j++) {
                    double s = 0;
                    for (int k = 0; k < N; k++)
                        s += a[i][k] * b[k][j];
                    c[i][j] += s;
                }
    else if (!strcmp(what, "vector"))
        for (int round = 0; round < 60; round++)
            for (int i = 0; i < N; i++)
                for (int k = 0; k < N; k++) {
                    float f = fa[i][k];
                    for (int j = 0; j < N; j++)
                        fc[i][j] += f * fb[k][j];
                }
    else if (!strcmp(what, "int"))
        for (int round = 0; round < 60; round++)
            for (int i = 0; i < N; i++)
                for (int k = 0; k < N; k++) {
                    int16_t f = ia[i][k];
                    for (int j = 0; j < N; j++)
                        ic[i][j] += f * ib[k][j];
                }
    else
        return 2;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            t = t * 0.999 + c[i][j] + (double)fc[i][j] + ic[i][j];
    printf("%.15e\n", t);
    return 0;
}
