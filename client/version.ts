/** The version of this client, and of everything that is released with it. */
export const VERSION = "0.1.0";

/**
 * In one sentence, why a program does not fit the hub it talks to, and what to do; undefined where it
 * does. Before 1.0.0 the minor versions must be the same, from then on the major ones.
 *
 * @param hub what `whoami()` or a heartbeat tells as `version`
 * @param program what the sentence calls the program, as `hub`
 */
export function versionProblem(
  hub: string,
  program: string,
  own: string = VERSION,
): string | undefined {
  const order = compare(hub, own);
  if (order === 0) return undefined;
  return order < 0
    ? `The server is Aura Servers ${hub} and too old for ${program} ${own}: have it upgraded with "npx aura-servers upgrade".`
    : `The server is Aura Servers ${hub} and ${program} ${own} is too old for it: upgrade ${program}.`;
}

/** Below, above or equal, as far as the versions have to agree. */
function compare(left: string, right: string): number {
  const [a, b] = [parts(left), parts(right)];
  const major = a[0] - b[0];
  return major !== 0 || a[0] > 0 ? major : a[1] - b[1];
}

function parts(version: string): [major: number, minor: number] {
  const [, major, minor] = /^(\d+)\.(\d+)\./.exec(version) ?? [];
  return [Number(major ?? 0), Number(minor ?? 0)];
}
