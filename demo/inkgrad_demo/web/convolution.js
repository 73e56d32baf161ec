// The computation of one number of a feature map. Maps are {channels, height, width, values}.
import { fromBase64 } from "./base64.js";

// float32 in base64
export const floats = (text) => new Float32Array(fromBase64(text).buffer);

// Maps as the server sends them.
export const decodedMaps = (maps) => ({ ...maps, values: floats(maps.values) });

export const valueAt = ({ height, width, values }, channel, row, column) =>
  values[(channel * height + row) * width + column];

// side x side numbers of a map, row by row; 0 outside, in the padding.
export function patchOf(maps, channel, top, left, side) {
  return Array.from({ length: side * side }, (_, i) => {
    const [row, column] = [top + Math.floor(i / side), left + (i % side)];
    const isInside = row >= 0 && column >= 0 && row < maps.height && column < maps.width;
    return isInside ? valueAt(maps, channel, row, column) : 0;
  });
}

// For each input map: the numbers under the kernel, the kernel, their products and the sum of these.
// kernels: those of one output, one after the other.
export function convolutionTerms(maps, kernels, top, left, side) {
  return Array.from({ length: maps.channels }, (_, from) => {
    const patch = patchOf(maps, from, top, left, side);
    const weights = Array.from(kernels.slice(from * side * side, (from + 1) * side * side));
    const products = patch.map((value, i) => value * weights[i]);
    return { from, patch, weights, products, sum: products.reduce((sum, each) => sum + each, 0) };
  });
}

// The terms by the size of their sums, largest first.
export const bySize = (terms) => [...terms].sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum));
