// The bodies of the inner loops. Included by one source file per instruction set, which defines
// CR_KERNEL_LANES (floats per register), CR_KERNEL_ROWS (rows per tile) and, if there are products
// of bfloat16 pairs, CR_KERNEL_DPBF16. Everything has internal linkage, because the same templates
// are compiled with other flags elsewhere.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#ifdef CR_KERNEL_DPBF16
#include <immintrin.h>
#endif

#include "libs/kernels/kernel_table.h"

namespace convrec::kernels {
namespace {

using Register = float __attribute__((vector_size(CR_KERNEL_LANES * 4)));
using RegisterBits = uint32_t __attribute__((vector_size(CR_KERNEL_LANES * 4)));
using Wide = float __attribute__((vector_size(64)));
using WideInt = int32_t __attribute__((vector_size(64)));

// Registers of columns that one pass over k holds: 32 columns if there are enough registers,
// otherwise 16.
constexpr int kWidth = 2;
constexpr int64_t kPassColumns = kWidth * CR_KERNEL_LANES;
// How far ahead of its use a panel is prefetched, in bytes.
constexpr int64_t kAhead = 1024;

template <typename V, typename T>
inline V Load(const T* source) {
  V value;
  std::memcpy(&value, source, sizeof(V));
  return value;
}

template <typename V, typename T>
inline void Store(const V& value, T* target) {
  std::memcpy(target, &value, sizeof(V));
}

template <typename V>
inline V Splat(float x) {
  return V{} + x;
}

template <int kRows>
inline void Finish(const Register (&sum)[kRows][kWidth],
                   float* c,
                   int64_t ldc,
                   const TileEnd& end,
                   int64_t column) {
  for (int r = 0; r < kRows; ++r) {
    for (int w = 0; w < kWidth; ++w) {
      Register value = sum[r][w];
      float* target = c + r * ldc + w * CR_KERNEL_LANES;
      if (end.bias != nullptr) value += Load<Register>(end.bias + column + w * CR_KERNEL_LANES);
      if (end.mode == TileEnd::Mode::kAdd) value = Load<Register>(target) + value;
      Store(value, target);
    }
  }
}

template <int kRows>
inline void Begin(Register (&sum)[kRows][kWidth], const float* c, int64_t ldc, const TileEnd& end) {
  for (int r = 0; r < kRows; ++r) {
    for (int w = 0; w < kWidth; ++w) {
      sum[r][w] = end.mode == TileEnd::Mode::kContinue
                      ? Load<Register>(c + r * ldc + w * CR_KERNEL_LANES)
                      : Register{};
    }
  }
}

// Element (r, i) of a left factor stored by rows, or by columns.
template <bool kByColumns>
inline int64_t At(int64_t r, int64_t i, int64_t lda) {
  return kByColumns ? i * lda + r : r * lda + i;
}

template <int kRows, bool kByColumns>
void Tile(int64_t k,
          const float* a,
          int64_t lda,
          const float* b,
          int64_t ldb,
          float* c,
          int64_t ldc,
          const TileEnd& end) {
  for (int64_t column = 0; column < kPanelColumns; column += kPassColumns) {
    Register sum[kRows][kWidth];
    Begin<kRows>(sum, c + column, ldc, end);
    for (int64_t i = 0; i < k; ++i) {
      const float* row = b + i * ldb + column;
      Register factor[kWidth];
#pragma GCC unroll 4
      for (int w = 0; w < kWidth; ++w) {
        factor[w] = Load<Register>(row + w * CR_KERNEL_LANES);
        __builtin_prefetch(reinterpret_cast<const char*>(row + w * CR_KERNEL_LANES) + kAhead);
      }
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const Register x = Splat<Register>(a[At<kByColumns>(r, i, lda)]);
#pragma GCC unroll 4
        for (int w = 0; w < kWidth; ++w) sum[r][w] += x * factor[w];
      }
    }
    Finish<kRows>(sum, c + column, ldc, end, column);
  }
}

template <int kRows>
void TileWidened(int64_t k,
                 const float* a,
                 int64_t lda,
                 const uint16_t* b,
                 float* c,
                 int64_t ldc,
                 const TileEnd& end) {
  for (int64_t column = 0; column < kPanelColumns; column += kPassColumns) {
    Register sum[kRows][kWidth];
    Begin<kRows>(sum, c + column, ldc, end);
    for (int64_t i = 0; i < k; i += 2) {
      const uint16_t* pairs = b + i * kPanelColumns + 2 * column;
      Register even[kWidth], odd[kWidth];
#pragma GCC unroll 4
      for (int w = 0; w < kWidth; ++w) {
        const RegisterBits bits = Load<RegisterBits>(pairs + 2 * w * CR_KERNEL_LANES);
        __builtin_prefetch(reinterpret_cast<const char*>(pairs + 2 * w * CR_KERNEL_LANES) + kAhead);
        const RegisterBits low = bits << 16, high = bits & 0xffff0000U;
        std::memcpy(&even[w], &low, sizeof(low));
        std::memcpy(&odd[w], &high, sizeof(high));
      }
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const Register x = Splat<Register>(a[r * lda + i]);
#pragma GCC unroll 4
        for (int w = 0; w < kWidth; ++w) sum[r][w] += x * even[w];
      }
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const Register x = Splat<Register>(a[r * lda + i + 1]);
#pragma GCC unroll 4
        for (int w = 0; w < kWidth; ++w) sum[r][w] += x * odd[w];
      }
    }
    Finish<kRows>(sum, c + column, ldc, end, column);
  }
}

#ifdef CR_KERNEL_DPBF16
// When stored by columns, a holds pairs too: a[i / 2][lda][2].
template <int kRows, bool kByColumns>
void TileBfloat16(int64_t k,
                  const uint16_t* a,
                  int64_t lda,
                  const uint16_t* b,
                  float* c,
                  int64_t ldc,
                  const TileEnd& end) {
  Register sum[kRows][kWidth];
  Begin<kRows>(sum, c, ldc, end);
  for (int64_t i = 0; i < k; i += 2) {
    const uint16_t* pairs = b + i * kPanelColumns;
    __m512bh factor[kWidth];
#pragma GCC unroll 4
    for (int w = 0; w < kWidth; ++w) {
      factor[w] = (__m512bh)_mm512_loadu_si512(pairs + 2 * w * CR_KERNEL_LANES);
      __builtin_prefetch(reinterpret_cast<const char*>(pairs + 2 * w * CR_KERNEL_LANES) + kAhead);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      int32_t pair;
      std::memcpy(&pair, a + (kByColumns ? i * lda + 2 * r : r * lda + i), sizeof(pair));
      const __m512bh x = (__m512bh)_mm512_set1_epi32(pair);
#pragma GCC unroll 4
      for (int w = 0; w < kWidth; ++w)
        sum[r][w] = (Register)_mm512_dpbf16_ps((__m512)sum[r][w], x, factor[w]);
    }
  }
  Finish<kRows>(sum, c, ldc, end, 0);
}
#endif

// Calls `body.template operator()<rows>()` for rows in 1..kMost.
template <int kMost, typename Body>
inline void WithRows(int rows, const Body& body) {
  if constexpr (kMost > 1) {
    if (rows < kMost) return WithRows<kMost - 1>(rows, body);
  }
  body.template operator()<kMost>();
}

template <bool kByColumns>
void AnyTile(int rows,
             int64_t k,
             const float* a,
             int64_t lda,
             const float* b,
             int64_t ldb,
             float* c,
             int64_t ldc,
             const TileEnd& end) {
  WithRows<CR_KERNEL_ROWS>(
      rows, [&]<int kRows>() { Tile<kRows, kByColumns>(k, a, lda, b, ldb, c, ldc, end); });
}

void AnyTileWidened(int rows,
                    int64_t k,
                    const float* a,
                    int64_t lda,
                    const uint16_t* b,
                    float* c,
                    int64_t ldc,
                    const TileEnd& end) {
  WithRows<CR_KERNEL_ROWS>(rows,
                           [&]<int kRows>() { TileWidened<kRows>(k, a, lda, b, c, ldc, end); });
}

#ifdef CR_KERNEL_DPBF16
template <bool kByColumns>
void AnyTileBfloat16(int rows,
                     int64_t k,
                     const uint16_t* a,
                     int64_t lda,
                     const uint16_t* b,
                     float* c,
                     int64_t ldc,
                     const TileEnd& end) {
  WithRows<CR_KERNEL_ROWS>(
      rows, [&]<int kRows>() { TileBfloat16<kRows, kByColumns>(k, a, lda, b, c, ldc, end); });
}
#endif

void ToBfloat16(const float* x, int64_t n, uint16_t* out) {
  for (int64_t i = 0; i < n; ++i) {
    uint32_t bits;
    std::memcpy(&bits, x + i, sizeof(bits));
    const uint32_t rounded = bits + 0x7fffU + ((bits >> 16) & 1U);
    // A NaN stays one, whatever its lower bits.
    const bool is_nan = (bits & 0x7fffffffU) > 0x7f800000U;
    out[i] = static_cast<uint16_t>(is_nan ? (bits >> 16) | 0x40U : rounded >> 16);
  }
}

void RoundToBfloat16(const float* x, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    uint16_t rounded;
    ToBfloat16(x + i, 1, &rounded);
    const uint32_t bits = uint32_t{rounded} << 16;
    std::memcpy(out + i, &bits, sizeof(bits));
  }
}

inline float SumOfLanes(const Wide& lanes) {
  float values[kLanes];
  Store(lanes, values);
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t i = 0; i < half; ++i) values[i] += values[i + half];
  }
  return values[0];
}

// The last `count` elements of a row whose length is not a multiple of 16, padded with `fill`.
inline Wide LoadTail(const float* x, int64_t count, float fill) {
  float values[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) values[i] = i < count ? x[i] : fill;
  return Load<Wide>(values);
}

// Relative error below 2^-22 where the result is normal; 0 below exp(-87.3), and for -infinity.
inline Wide Exp(Wide x) {
  const Wide lowest = Splat<Wide>(-87.3F), highest = Splat<Wide>(88.0F);
  const WideInt vanishes = x < lowest;
  x = vanishes ? lowest : x;
  x = x > highest ? highest : x;
  // x = n ln 2 + r with |r| <= ln 2 / 2; adding and subtracting 1.5 * 2^23 rounds to an integer.
  const Wide magic = Splat<Wide>(12582912.0F);
  const Wide n = (x * Splat<Wide>(1.44269504F) + magic) - magic;
  Wide r = x - n * Splat<Wide>(0.693359375F);
  r = r - n * Splat<Wide>(-2.12194440e-4F);
  Wide p = Splat<Wide>(1.0F / 5040);
  p = p * r + Splat<Wide>(1.0F / 720);
  p = p * r + Splat<Wide>(1.0F / 120);
  p = p * r + Splat<Wide>(1.0F / 24);
  p = p * r + Splat<Wide>(1.0F / 6);
  p = p * r + Splat<Wide>(0.5F);
  p = p * r + Splat<Wide>(1.0F);
  p = p * r + Splat<Wide>(1.0F);
  const WideInt exponent = (__builtin_convertvector(n, WideInt) + 127) << 23;
  Wide scale;
  std::memcpy(&scale, &exponent, sizeof(scale));
  return vanishes ? Wide{} : p * scale;
}

float RmsNorm(const float* x, const float* weight, int64_t n, float eps, float* out) {
  Wide squares{};
  const int64_t whole = n / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) {
    const Wide value = Load<Wide>(x + i);
    squares += value * value;
  }
  if (whole < n) {
    const Wide value = LoadTail(x + whole, n - whole, 0);
    squares += value * value;
  }
  const float scale = 1.0F / std::sqrt(SumOfLanes(squares) / static_cast<float>(n) + eps);
  for (int64_t i = 0; i < n; ++i) out[i] = x[i] * scale * weight[i];
  return scale;
}

// With n = x * scale and h = gradient * weight: out = scale * (h - n * mean(h * n)),
// weight_gradient += gradient * n.
void RmsNormBackward(const float* x,
                     const float* weight,
                     float scale,
                     const float* gradient,
                     int64_t n,
                     float* out,
                     float* weight_gradient) {
  Wide products{};
  const int64_t whole = n / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) {
    products += Load<Wide>(gradient + i) * Load<Wide>(weight + i) * Load<Wide>(x + i);
  }
  if (whole < n) {
    const int64_t rest = n - whole;
    products += LoadTail(gradient + whole, rest, 0) * LoadTail(weight + whole, rest, 0) *
                LoadTail(x + whole, rest, 0);
  }
  const float shared = SumOfLanes(products) * scale * scale / static_cast<float>(n);
  for (int64_t i = 0; i < n; ++i) {
    weight_gradient[i] += gradient[i] * (x[i] * scale);
    out[i] = scale * (gradient[i] * weight[i] - x[i] * shared);
  }
}

void GatedSilu(const float* gate, const float* up, int64_t n, float* out) {
  const auto product = [](const Wide& g, const Wide& u) {
    return g / (Splat<Wide>(1.0F) + Exp(-g)) * u;
  };
  const int64_t whole = n / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes)
    Store(product(Load<Wide>(gate + i), Load<Wide>(up + i)), out + i);
  if (whole < n) {
    float values[kLanes];
    Store(product(LoadTail(gate + whole, n - whole, 0), LoadTail(up + whole, n - whole, 0)),
          values);
    std::memcpy(out + whole, values, static_cast<size_t>(n - whole) * sizeof(float));
  }
}

void GatedSiluBackward(const float* gate,
                       const float* up,
                       const float* gradient,
                       int64_t n,
                       float* gate_gradient,
                       float* up_gradient) {
  const auto put = [&](const Wide& g, const Wide& u, const Wide& d, float* to_gate, float* to_up) {
    const Wide one = Splat<Wide>(1.0F), sigmoid = one / (one + Exp(-g));
    Store(d * u * sigmoid * (one + g * (one - sigmoid)), to_gate);
    Store(d * g * sigmoid, to_up);
  };
  const int64_t whole = n / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) {
    put(Load<Wide>(gate + i),
        Load<Wide>(up + i),
        Load<Wide>(gradient + i),
        gate_gradient + i,
        up_gradient + i);
  }
  if (whole < n) {
    float to_gate[kLanes], to_up[kLanes];
    const int64_t rest = n - whole;
    put(LoadTail(gate + whole, rest, 0),
        LoadTail(up + whole, rest, 0),
        LoadTail(gradient + whole, rest, 0),
        to_gate,
        to_up);
    std::memcpy(gate_gradient + whole, to_gate, static_cast<size_t>(rest) * sizeof(float));
    std::memcpy(up_gradient + whole, to_up, static_cast<size_t>(rest) * sizeof(float));
  }
}

// to = p * (to - shift) * scale
void ScoreGradient(const float* p, int64_t n, float shift, float scale, float* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = p[i] * ((to[i] - shift) * scale);
}

void Rotate(float* x, const float* cos, const float* sin, int64_t half) {
  for (int64_t i = 0; i < half; ++i) {
    const float a = x[i], b = x[i + half];
    x[i] = a * cos[i] - b * sin[i];
    x[i + half] = b * cos[i] + a * sin[i];
  }
}

float Max(const float* x, int64_t n) {
  const float lowest = -INFINITY;
  Wide most = Splat<Wide>(lowest);
  const auto take = [&most](const Wide& value) { most = value > most ? value : most; };
  const int64_t whole = n / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) take(Load<Wide>(x + i));
  if (whole < n) take(LoadTail(x + whole, n - whole, lowest));
  float values[kLanes];
  Store(most, values);
  return *std::max_element(values, values + kLanes);
}

float ExpInPlace(float* x, int64_t n, float shift, float scale) {
  Wide sum{};
  for (int64_t i = 0; i < n; i += kLanes) {
    const Wide value = Exp((Load<Wide>(x + i) - Splat<Wide>(shift)) * Splat<Wide>(scale));
    Store(value, x + i);
    sum += value;
  }
  return SumOfLanes(sum);
}

float ExpMoments(const float* x, int64_t n, float shift, float scale, float* weighted) {
  Wide sum{}, moments{};
  const auto take = [&](const Wide& value) {
    // Far below, the exponential is 0, and so is its product with any finite value.
    const Wide lowest = Splat<Wide>(-1000.0F);
    Wide y = (value - Splat<Wide>(shift)) * Splat<Wide>(scale);
    y = y < lowest ? lowest : y;
    const Wide e = Exp(y);
    sum += e;
    moments += e * y;
  };
  const int64_t whole = n / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) take(Load<Wide>(x + i));
  if (whole < n) take(LoadTail(x + whole, n - whole, -INFINITY));
  *weighted = SumOfLanes(moments);
  return SumOfLanes(sum);
}

float SumExp(const float* x, int64_t n, float shift, float scale) {
  Wide sum{};
  const int64_t whole = n / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) {
    sum += Exp((Load<Wide>(x + i) - Splat<Wide>(shift)) * Splat<Wide>(scale));
  }
  if (whole < n) {
    sum +=
        Exp((LoadTail(x + whole, n - whole, -INFINITY) - Splat<Wide>(shift)) * Splat<Wide>(scale));
  }
  return SumOfLanes(sum);
}

constexpr KernelTable MakeTable() {
  return {.max_rows = CR_KERNEL_ROWS,
          .tile = AnyTile<false>,
          .tile_by_columns = AnyTile<true>,
          .tile_widened = AnyTileWidened,
#ifdef CR_KERNEL_DPBF16
          .tile_bfloat16 = AnyTileBfloat16<false>,
          .tile_bfloat16_by_columns = AnyTileBfloat16<true>,
#else
          .tile_bfloat16 = nullptr,
          .tile_bfloat16_by_columns = nullptr,
#endif
          .round_to_bfloat16 = RoundToBfloat16,
          .to_bfloat16 = ToBfloat16,
          .rms_norm = RmsNorm,
          .rms_norm_backward = RmsNormBackward,
          .gated_silu = GatedSilu,
          .gated_silu_backward = GatedSiluBackward,
          .score_gradient = ScoreGradient,
          .rotate = Rotate,
          .max = Max,
          .exp_in_place = ExpInPlace,
          .exp_moments = ExpMoments,
          .sum_exp = SumExp};
}

}  // namespace
}  // namespace convrec::kernels
