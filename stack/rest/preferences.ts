// The header `Prefer`: how a request is to be carried out and answered.
import { refuse } from "./refusals.ts";

export interface Preferences {
  return: "minimal" | "headers-only" | "representation" | undefined;
  count: "exact" | "planned" | "estimated" | undefined;
  resolution: "merge-duplicates" | "ignore-duplicates" | undefined;
  missing: "default" | "null" | undefined;
  tx: "commit" | "rollback" | undefined;
  handling: "strict" | "lenient" | undefined;
  timezone: string | undefined;
  maxAffected: number | undefined;
}

const VALUES: Record<string, string[]> = {
  return: ["minimal", "headers-only", "representation"],
  count: ["exact", "planned", "estimated"],
  resolution: ["merge-duplicates", "ignore-duplicates"],
  missing: ["default", "null"],
  tx: ["commit", "rollback"],
  handling: ["strict", "lenient"],
};

export function parsePreferences(
  header: string | null,
  timezones: Set<string>,
  mayRollBack: boolean,
): Preferences {
  const found: Record<string, string> = {};
  const unknown: string[] = [];
  for (const each of (header ?? "").split(",").map((part) => part.trim()).filter(Boolean)) {
    const [, name, value] = /^([^=]+)=(.*)$/.exec(each) ?? [];
    const known = name !== undefined && (
      VALUES[name]?.includes(value!) ||
      name === "timezone" && timezones.has(value!) ||
      name === "max-affected" && /^\d+$/.test(value!)
    );
    if (!known) unknown.push(each);
    else if (!Object.hasOwn(found, name)) found[name] = value!;
  }
  if (found.handling === "strict" && unknown.length > 0) {
    throw refuse(
      400,
      "PGRST122",
      "Invalid preferences given with handling=strict",
      `Invalid preferences: ${unknown.join(", ")}`,
    );
  }
  if (!mayRollBack) delete found.tx;
  const { "max-affected": most, ...rest } = found;
  const maxAffected = most !== undefined && found.handling === "strict" ? Number(most) : undefined;
  return { ...rest, maxAffected } as Preferences;
}

/** The header that says which preferences of these were followed. */
export function applied(
  preferences: Preferences,
  names: (keyof Preferences)[],
): string | undefined {
  const list = names.filter((name) => preferences[name] !== undefined).map((name) =>
    `${name === "maxAffected" ? "max-affected" : name}=${preferences[name]}`
  );
  return list.length > 0 ? list.join(", ") : undefined;
}
