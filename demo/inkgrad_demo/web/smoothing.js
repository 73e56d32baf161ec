// An exponential moving average over the points of a curve, [[x, y], ...], as TensorBoard shows it:
// `weight`, from 0 (the points themselves) to below 1, is that of the points before. The start is not
// drawn to zero.
export function smooth(points, weight) {
  let [sum, weights] = [0, 0];
  return points.map(([x, y]) => {
    sum = weight * sum + (1 - weight) * y;
    weights = weight * weights + (1 - weight);
    return [x, sum / weights];
  });
}
