// What this package brings: the `supabase/` folder of the version it was made from.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Contents {
  version: string;
  /** In the order in which they are applied. */
  migrations: Migration[];
  /** By path below `supabase/`, as `functions/koji/index.ts`. */
  files: Map<string, string>;
  /** The sections of config.toml that our functions need, by their header. */
  sections: Map<string, string>;
}

export interface Migration {
  /** Without number and ending: it stays the same in every project. */
  title: string;
  text: string;
}

/** Reads `supabase/` as it lies in the package. */
export function readContents(folder: string, version: string): Contents {
  const migrations = readdirSync(join(folder, "migrations")).sort().map((name) => ({
    title: name.replace(/^\d+_/, "").replace(/\.sql$/, ""),
    text: readFileSync(join(folder, "migrations", name), "utf8"),
  }));
  const functions = readdirSync(join(folder, "functions"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return {
    version,
    migrations,
    files: new Map(
      functions.sort().map((path) => [
        path.slice(folder.length + 1).replaceAll("\\", "/"),
        readFileSync(path, "utf8"),
      ]),
    ),
    sections: sectionsOf(readFileSync(join(folder, "config.toml"), "utf8")),
  };
}

/** The `[functions.…]` sections of a config.toml, each with its header. */
export function sectionsOf(config: string): Map<string, string> {
  const parts = config.split(/^(?=\[)/m).filter((part) => part.startsWith("[functions."));
  return new Map(parts.map((part) => [part.split("\n")[0]!.trim(), part.trim()]));
}

export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
