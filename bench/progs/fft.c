/*
 * fft.c - benchmark: radix-2 fast Fourier transforms of 2^16 complex doubles there and back. Strided access and multiplications.
 */
#include <math.h>
#include <stdio.h>

#define LOG 16
#define N (1 << LOG)
static double re[N], im[N], wr[N / 2], wi[N / 2];

static void transform(int inverse)
{
    for (int i = 1, j = 0; i < N; i++) {
        int bit = N >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            double t = re[i]; re[i] = re[j]; re[j] = t;
            t = im[i]; im[i] = im[j]; im[j] = t;
        }
    }
    for (int len = 2; len <= N; len *= 2)
        for (int i = 0; i < N; i += len)
            for (int k = 0; k < len / 2; k++) {
                double c = wr[k * (N / len)], s = inverse ? wi[k * (N / len)] : -wi[k * (N / len)];
                int p = i + k, q = p + len / 2;
                double xr = re[q] * c - im[q] * s, xi = re[q] * s + im[q] * c;
                re[q] = re[p] - xr;
                im[q] = im[p] - xi;
                re[p] += xr;
                im[p] += xi;
            }
}

int main(void)
{
    for (int i = 0; i < N / 2; i++) {
        wr[i] = cos(2 * M_PI * i / N);
        wi[i] = sin(2 * M_PI * i / N);
    }
    for (int i = 0; i < N; i++)
        re[i] = (i * 37 % 1001) / 1001.0;
    for (int round = 0; round < 20; round++) {
        transform(0);
        transform(1);
        for (int i = 0; i < N; i++) {
            re[i] /= N;
            im[i] /= N;
        }
    }
    double s = 0;
    for (int i = 0; i < N; i++)
        s = s * 0.99 + re[i] + im[i];
    printf("%.12f\n", s);
    return 0;
}
