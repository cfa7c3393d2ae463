/** A command ready to start: no shell sees it, so nothing in it needs quoting. */
export interface FilledCommand {
  argv: string[];
  /** What goes to stdin; null when the prompt is an argument. */
  input: string | null;
}

/** Puts the operator's arguments, the device's, the session and the prompt into a command template. */
export function fill(
  template: readonly string[],
  values: {
    args: readonly string[];
    device?: readonly string[];
    session: string | null;
    prompt: string;
  },
): FilledCommand {
  let input: string | null = values.prompt;
  const argv = template.flatMap((part) => {
    if (part === "{args}") return values.args;
    if (part === "{device}") return values.device ?? [];
    if (part === "{session}" && values.session !== null) return [values.session];
    if (part !== "{prompt}") return [part];
    input = null;
    return [values.prompt];
  });
  return { argv, input };
}

/** A session as an agent names it. Anything else could be read as an option, and is not resumed. */
export function isSession(session: string | null | undefined): session is string {
  return !!session && /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,199}$/.test(session);
}
