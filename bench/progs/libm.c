/*
 * libm.c - benchmark: functions of the mathematical library over many arguments.
 */
#include <math.h>
#include <stdio.h>

int main(void)
{
    double s = 0;
    float f = 0;
    for (int i = 1; i < 600000; i++) {
        double x = i * 1e-4;
        s += sin(x) * cos(x * 0.7) + exp(-x * 0.1) + log(x) * 1e-3 + pow(x, 0.3) * 1e-3 + atan2(x, 3.0) + fmod(x, 0.37) + tanh(x);
        f += sinf((float)x) + expf((float)-x) + sqrtf((float)x) * 1e-3f;
    }
    printf("%.9e %.5e\n", s, (double)f);
    return 0;
}
