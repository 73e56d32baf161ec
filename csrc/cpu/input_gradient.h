// The gradient of a convolution with respect to its input, by the direct kernels.
#pragma once

#include "convolution.h"

namespace inkgrad::cpu {

// The gradient is summed in a plane and a few rows of products, which have to stay in the
// second-level cache.
template <typename T>
bool takes_direct_grad_input(const Convolution& c) {
  constexpr int64_t kMaxTapBytes = 1 << 19;
  return kernels()->of<T>().conv_backward_input_workspace(c.geometry) * int64_t(sizeof(T)) <=
         kMaxTapBytes;
}

template <typename T>
class InputGradient {
 public:
  // pool: of the windows, for from_pooled, or {}.
  InputGradient(const Convolution& c, const Tensor& weight, const PoolGeometry& pool)
      : table_(kernels()->of<T>()),
        c_(c),
        pool_(pool),
        at_once_(table_.batch_backward_input_takes(c.geometry)
                     ? images_at_once<T>(c, table_.batch_backward_input_workspace(c.geometry, pool))
                     : 1),
        pieces_(c, at_once_, c.geometry.in_channels, 1),
        result_(new_tensor(
            {c.images, c.geometry.in_channels, c.geometry.in_height, c.geometry.in_width},
            weight.scalar_type())),
        dx_(result_.template mutable_data_ptr<T>()) {
    const auto packed = [&](auto pack) {
      const Tensor to = at::empty({weight.numel()}, weight.options());
      pack(c.geometry, weight.const_data_ptr<T>(), to.template mutable_data_ptr<T>());
      return to;
    };
    if (at_once_ > 1) abreast_ = packed(table_.batch_pack_backward);
    if (pieces_.any_alone()) alone_ = packed(table_.conv_pack_backward);
  }

  // For one image at a time, in a loop of the caller's; `memory` of workspace() elements.
  bool goes_image_by_image() const { return at_once_ == 1 && pieces_.shares() == 1; }
  int64_t workspace() const { return table_.conv_backward_input_workspace(c_.geometry); }
  void write(int64_t image, const T* dy, T* memory) const {
    write(pieces_.piece(image), image, dy, memory);
  }
  const Tensor& result() const { return result_; }

  // For all images, from the gradient of the output.
  Tensor from(const T* grad_output) const {
    return write_all(
        workspace(),
        [&](const Piece& piece, const T* packed, T* dx, T* memory) {
          table_.batch_backward_input(share_of(piece), piece.images, grad_output + at(piece),
                                      packed, dx, c_.in_image(), memory);
        },
        [&](const Piece& piece, int64_t image, T* memory) {
          write(piece, image, grad_output + image * c_.out_image(), memory);
        });
  }

  // For all images, from the gradient of the output's pooled planes and the places of the maxima.
  Tensor from_pooled(const T* grad, const uint8_t* places) const {
    const auto& g = c_.geometry;
    const int64_t pooled = pool_.out_height * pool_.out_width, out_image = g.out_channels * pooled;
    return write_all(
        workspace() + c_.out_image(),
        [&](const Piece& piece, const T* packed, T* dx, T* memory) {
          table_.batch_pooled_backward_input(
              share_of(piece), pool_, piece.images, grad + piece.image * out_image,
              places + piece.image * out_image, packed, dx, c_.in_image(), memory);
        },
        [&](const Piece& piece, int64_t image, T* memory) {
          T* const dz = memory + workspace();
          for (int64_t o = 0; o < g.out_channels; ++o) {
            const int64_t from = image * out_image + o * pooled;
            table_.pool_backward(pool_, grad + from, places + from, g.out_height, g.out_width,
                                 dz + o * c_.out_plane());
          }
          write(piece, image, dz, memory);
        });
  }

 private:
  ConvGeometry share_of(const Piece& piece) const {
    ConvGeometry g = c_.geometry;
    g.in_channels = piece.channels();
    return g;
  }
  int64_t at(const Piece& piece) const { return piece.image * c_.out_image(); }
  // Weights of one input channel; all packings have them together.
  int64_t channel_weights() const {
    return c_.geometry.out_channels * c_.geometry.kernel_height * c_.geometry.kernel_width;
  }
  T* target(const Piece& piece, int64_t image) const {
    return dx_ + image * c_.in_image() + piece.begin * c_.geometry.in_height * c_.geometry.in_width;
  }
  void write(const Piece& piece, int64_t image, const T* dy, T* memory) const {
    table_.conv_backward_input(
        share_of(piece), dy, alone_.template const_data_ptr<T>() + piece.begin * channel_weights(),
        target(piece, image), memory);
  }
  template <typename Abreast, typename Alone>
  Tensor write_all(int64_t alone_elements, Abreast abreast, Alone alone) const {
    const int64_t elements =
        at_once_ == 1
            ? alone_elements
            : std::max(alone_elements, table_.batch_backward_input_workspace(c_.geometry, pool_));
    pieces_.template for_each<T>(elements, [&](const Piece& piece, T* memory) {
      if (piece.abreast) {
        abreast(piece, abreast_.template const_data_ptr<T>() + piece.begin * channel_weights(),
                target(piece, piece.image), memory);
      } else {
        for (int64_t n = piece.image; n < piece.image + piece.images; ++n) alone(piece, n, memory);
      }
    });
    return result_;
  }

  const KernelsOf<T>& table_;
  const Convolution& c_;
  const PoolGeometry pool_;
  const int64_t at_once_;
  const Pieces pieces_;
  const Tensor result_;
  T* const dx_;
  Tensor abreast_, alone_;
};

}  // namespace inkgrad::cpu
