/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/chance.h"

uint64_t chance_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

void chance_seed(struct chance *c, uint64_t seed, uint64_t stream)
{
    uint64_t x = chance_mix(seed) ^ (stream * 0xd1342543de82ef95U);

    for (int i = 0; i < 4; i++) {
        x += 0x9e3779b97f4a7c15U;
        c->s[i] = chance_mix(x);
    }
}

static uint64_t rotate(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t chance_next(struct chance *c)
{
    uint64_t result = rotate(c->s[1] * 5, 7) * 9;
    uint64_t t = c->s[1] << 17;

    c->s[2] ^= c->s[0];
    c->s[3] ^= c->s[1];
    c->s[1] ^= c->s[2];
    c->s[0] ^= c->s[3];
    c->s[2] ^= t;
    c->s[3] = rotate(c->s[3], 45);
    return result;
}

uint32_t chance_below(struct chance *c, uint32_t n)
{
    if (n == 0)
        return 0;
    return (uint32_t)(((chance_next(c) >> 32) * n) >> 32);
}

int64_t chance_between(struct chance *c, int64_t low, int64_t high)
{
    uint64_t width = (uint64_t)(high - low) + 1;

    if (high <= low)
        return low;
    return low + (int64_t)(chance_next(c) % width);
}

bool chance_permille(struct chance *c, uint32_t permille)
{
    return permille != 0 && chance_below(c, 1000) < permille;
}
