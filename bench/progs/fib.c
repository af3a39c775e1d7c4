/*
 * fib.c - benchmark: doubly recursive Fibonacci numbers and Ackermann's function. Calls, returns and the stack.
 */
#include <stdio.h>

__attribute__((noinline)) static long fib(long n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

__attribute__((noinline, optimize("no-optimize-sibling-calls"))) static long ack(long m, long n)
{
    return m == 0 ? n + 1 : n == 0 ? ack(m - 1, 1) : ack(m - 1, ack(m, n - 1));
}

int main(void)
{
    printf("%ld %ld\n", fib(37), ack(3, 9));
    return 0;
}
