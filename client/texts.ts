/** The answer of a command: its chunks are one text cut up, with every line end in them. */
export function commandText({ chunks }: { chunks: string[] }): string {
  return chunks.join("");
}

/** The length as Postgres counts it: an emoji is one character, not two. */
export function characters(text: string): number {
  let pairs = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0xd800 && code < 0xdc00) pairs++;
  }
  return text.length - pairs;
}
