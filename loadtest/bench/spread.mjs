// A figure of several runs in one cell of a table.

/** The median, and the range in brackets. */
export const spread = (values, digits) => {
  const all = [...values].sort((a, b) => a - b);
  const half = Math.floor(all.length / 2);
  const median = all.length % 2 ? all[half] : (all[half - 1] + all[half]) / 2;
  return `${median.toFixed(digits)} (${all[0].toFixed(digits)}–${all[all.length - 1].toFixed(digits)})`;
};
