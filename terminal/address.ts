// What to say of a hub's address before a password or token is sent there.

/** A warning when whoever is on the way can read along; undefined when nobody is, or can. */
export function addressWarning(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, origin } = new URL(url);
  const isHere = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
  if (protocol !== "http:" || isHere) return undefined;
  return `Warning: ${origin} is http, not https: whoever is on the way reads keys, passwords and tasks.`;
}
