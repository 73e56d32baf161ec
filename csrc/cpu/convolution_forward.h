// The forward pass of the direct kernels over a batch: in pieces, each share of the output channels
// with its packed weights. An output is summed in the same order whatever its piece.
#pragma once

#include "convolution.h"

namespace inkgrad::cpu {

// What a piece needs of its channels.
template <typename T>
struct ForwardShare {
  ConvGeometry geometry;
  const T *weight, *bias;  // packed; null without one
};

template <typename T>
class ForwardPass {
 public:
  // pool: of the windows, or {} without.
  ForwardPass(const Convolution& c, const Tensor& weight, const OptionalTensor& bias,
              const PoolGeometry& pool)
      : table_(kernels()->of<T>()),
        c_(c),
        pool_(pool),
        at_once_(table_.batch_forward_pays(c.geometry, pool)
                     ? images_at_once<T>(c, table_.batch_forward_workspace(c.geometry, pool))
                     : 1),
        channels_abreast_(at_once_ == 1 && table_.channels_forward_pays(c.geometry)),
        pieces_(c, at_once_, c.geometry.out_channels, kFewestChannels),
        packed_(at::empty({pieces_.shares() * packed_size()}, weight.options())),
        weight_(weight.const_data_ptr<T>()),
        to_pack_(packed_.template mutable_data_ptr<T>()),
        bias_(bias.has_value() && bias->defined() ? bias->contiguous() : Tensor()) {
    for (int64_t k = 0; k < pieces_.shares() && !packs_late(); ++k) pack(pieces_.piece(k));
  }

  // The kernels for a single image, alike in what they compute and take.
  auto single() const { return channels_abreast_ ? table_.channels_forward : table_.conv_forward; }
  auto single_pooled() const {
    return channels_abreast_ ? table_.channels_relu_pool_forward : table_.conv_relu_pool_forward;
  }

  // Calls abreast(piece, share, memory) for the pieces whose images go abreast and alone(piece,
  // share, image, memory) for every image of the others.
  template <typename Abreast, typename Alone>
  void for_each(Abreast abreast, Alone alone) const {
    const auto& g = c_.geometry;
    const int64_t single = channels_abreast_ ? table_.channels_forward_workspace(g, pool_)
                                             : table_.conv_forward_workspace(g, pool_);
    const int64_t batch = at_once_ > 1 ? table_.batch_forward_workspace(g, pool_) : 0;
    pieces_.template for_each<T>(std::max(single, batch), [&](const Piece& piece, T* memory) {
      if (packs_late()) pack(piece);
      const ForwardShare<T> share = share_of(piece);
      if (piece.abreast) return abreast(piece, share, memory);
      for (int64_t n = piece.image; n < piece.image + piece.images; ++n)
        alone(piece, share, n, memory);
    });
  }

 private:
  static constexpr int64_t kFewestChannels = 8;

  // Whether a share's weights are packed by the only thread that needs them: taking them from
  // another core's cache would cost more than packing them does.
  bool packs_late() const { return pieces_.count() == pieces_.shares(); }

  void pack(const Piece& piece) const {
    const auto pack = channels_abreast_ ? table_.pack_channels : table_.conv_pack_forward;
    pack(share_of(piece).geometry, weight_ + piece.begin * c_.taps(),
         to_pack_ + piece.share * packed_size());
  }

  // Elements that the weights of a share have room for.
  int64_t packed_size() const {
    ConvGeometry g = c_.geometry;
    g.out_channels = (g.out_channels + pieces_.shares() - 1) / pieces_.shares();
    return channels_abreast_ ? table_.channels_packed_size(g) : g.out_channels * c_.taps();
  }

  ForwardShare<T> share_of(const Piece& piece) const {
    ConvGeometry g = c_.geometry;
    g.out_channels = piece.channels();
    const T* const bias = data_or_null<T>(bias_);
    return {g, packed_.template const_data_ptr<T>() + piece.share * packed_size(),
            bias ? bias + piece.begin : nullptr};
  }

  const KernelsOf<T>& table_;
  const Convolution& c_;
  const PoolGeometry pool_;
  const int64_t at_once_;
  const bool channels_abreast_;
  const Pieces pieces_;
  const Tensor packed_;
  const T* const weight_;
  T* const to_pack_;
  const Tensor bias_;
};

}  // namespace inkgrad::cpu
