// The half types, from torch's.
#pragma once

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

using __half = c10::Half;
using __nv_bfloat16 = c10::BFloat16;

inline float __half2float(__half v) { return v; }
inline float __bfloat162float(__nv_bfloat16 v) { return v; }
inline __half __float2half_rn(float v) { return v; }
inline __nv_bfloat16 __float2bfloat16_rn(float v) { return v; }
