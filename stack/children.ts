// What the programs that the stack starts get to know of its environment.

/** What a program needs of it, whoever starts it. Nothing secret has such a name. */
const KEPT =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|TERM|NO_COLOR|DENO_DIR|XDG_\w+)$/;

/**
 * Options to start a program with these variables alone. The stack's own environment holds its keys,
 * for the edge functions, and may hold those of other things the person who started it works on.
 */
export function ownEnvironment(
  all: Record<string, string> = Deno.env.toObject(),
): Deno.CommandOptions {
  const env = Object.fromEntries(Object.entries(all).filter(([name]) => KEPT.test(name)));
  return { clearEnv: true, env };
}
