import { z } from "zod";

/**
 * What a device lets agents do, the same words for every agent. An entry is `edit` (change files of
 * the task's folder), `read`, `web`, `tool:NAME`, `*` (everything), or the beginning of a command.
 * Denied goes before asked, asked before allowed; what no entry names is asked.
 */
export interface Permissions {
  allow: string[];
  ask: string[];
  deny: string[];
}

const ENTRIES = z.array(z.string().trim().min(1));

export const PERMISSIONS = z.strictObject({
  allow: ENTRIES.optional(),
  ask: ENTRIES.optional(),
  deny: ENTRIES.optional(),
});

/** As installed: edit in the folder, run the project's own checks, ask for the rest. */
export const DEFAULT_PERMISSIONS: Permissions = {
  allow: [
    "edit",
    "read",
    "npm test",
    "npm run test",
    "npm run lint",
    "npm run build",
    "cargo test",
    "cargo check",
    "go test",
    "go vet",
    "pytest",
    "make",
    "git status",
    "git diff",
    "git log",
    "git add",
    "git commit",
  ],
  ask: [],
  deny: [],
};

/** The table of one model: each list of its own replaces the one for all models. */
export function permissionsOf(
  all: z.infer<typeof PERMISSIONS>,
  own: z.infer<typeof PERMISSIONS> = {},
): Permissions {
  return { ...DEFAULT_PERMISSIONS, ...defined(all), ...defined(own) };
}

function defined(lists: z.infer<typeof PERMISSIONS>): Partial<Permissions> {
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list !== undefined));
}

/** The entries of a list that begin commands. */
export function commandsOf(list: readonly string[]): string[] {
  return list.filter((entry) => !/^(edit|read|web|\*|tool:.*)$/.test(entry));
}
