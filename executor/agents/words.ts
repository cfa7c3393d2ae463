/**
 * A message as words: agents read one that begins with `/`, `!` or the like as a command of their
 * own, so it is never the first thing they see.
 */
export function asWords(message: string): string {
  return /^\s*[A-Za-z0-9\p{L}"'“„(*[-]/u.test(message) ? message : `The message:\n\n${message}`;
}
