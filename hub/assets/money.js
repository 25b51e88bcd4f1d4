/**
 * Money as exact integers of minor units (`BigInt`), and as the decimal text of the wire. Never a float.
 */

/** Minor units of a decimal text such as `"12.50"`. */
export function toMinor(text, scale) {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (match === null) throw new RangeError(`"${text}" is not a decimal text`);
  const [, sign, whole, fraction = ""] = match;
  if (/[1-9]/.test(fraction.slice(scale))) throw new RangeError(`"${text}" has more than ${scale} decimals`);
  const minor = BigInt(whole + fraction.slice(0, scale).padEnd(scale, "0"));
  return sign === "-" ? -minor : minor;
}

/** The decimal text of minor units, as the wire has it. */
export function toText(minor, scale) {
  const sign = minor < 0n ? "-" : "";
  const digits = String(minor < 0n ? -minor : minor).padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  return scale === 0 ? sign + whole : `${sign}${whole}.${digits.slice(digits.length - scale)}`;
}

/** For people: thousands apart by a narrow space that does not break, all decimals. */
export function pretty(text) {
  const [whole, fraction] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** For a chip's face: no needless decimals, thousands as `k`. */
export function short(minor, scale) {
  const unit = 10n ** BigInt(scale);
  if (minor >= 10_000n * unit) return `${minor / (1000n * unit)}k`;
  if (minor >= 1000n * unit && minor % (100n * unit) === 0n) return `${Number(minor / (100n * unit)) / 10}k`;
  return toText(minor, scale)
    .replace(/\.0+$/, "")
    .replace(/(\.\d*[1-9])0+$/, "$1");
}
