/** A thread is named `abcd1234 — title`: its two halves. */
export function threadTitle(name: string): { number: string | null; title: string } {
  const [, number, title] = name.match(/^([0-9a-f]{8}) — (.*)$/s) ?? [];
  return number && title ? { number, title } : { number: null, title: name };
}
