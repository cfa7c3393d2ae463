const UNITS = ["bytes", "kB", "MB", "GB"];

/** A number of bytes in words: `812 bytes`, `4.2 kB`. */
export function sizeText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  for (; value >= 1000 && unit < UNITS.length - 1; unit++) value /= 1000;
  return `${unit ? value.toFixed(1) : value} ${UNITS[unit]}`;
}
