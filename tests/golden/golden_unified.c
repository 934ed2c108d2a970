/*
 * golden_unified.c - unified-*: the model without towers has pictures and sounds in one folder. The
 * encoders tell by the configuration what kind of model it is, so the towers' comparisons serve.
 */
#include "tests/golden/golden.h"

void golden_unified(struct golden *g)
{
    golden_vision(g);
    golden_audio(g);
}
