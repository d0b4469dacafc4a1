/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/chance.h"

#include <assert.h>
#include <math.h>

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t chance_next(struct chance *c)
{
    c->state += 0x9e3779b97f4a7c15u;
    return mix(c->state);
}

uint64_t chance_at(uint64_t seed, uint64_t n)
{
    return mix(mix(seed + 0x9e3779b97f4a7c15u) + n * 0x9e3779b97f4a7c15u);
}

double chance_unit(uint64_t random)
{
    return (double)(random >> 11) * 0x1.0p-53;
}

void chance_zipf_fill(double *cumulative, uint32_t count)
{
    double sum = 0;

    assert(count >= 1);
    assert(count <= CHANCE_PAGES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        sum += 1.0 / (i + 1);
        cumulative[i] = sum;
    }
    for (uint32_t i = 0; i < count; i++)
        cumulative[i] /= sum;
}

uint32_t chance_zipf(const double *cumulative, uint32_t count, uint64_t random)
{
    const double wanted = chance_unit(random);
    uint32_t low = 0;
    uint32_t high = count - 1;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (cumulative[middle] > wanted)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

double chance_spread(double median, double sigma, uint64_t random)
{
    struct chance c = {random};
    double sum = -6.0; /* of 12 uniform numbers: about normal, mean 0, variance 1 */

    for (int i = 0; i < 12; i++)
        sum += chance_unit(chance_next(&c));
    return median * exp(sigma * sum);
}
