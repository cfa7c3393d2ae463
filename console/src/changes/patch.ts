/** A line of a file's difference: in the old file, in the new one, or in both. */
export interface PatchLine {
  kind: "same" | "added" | "deleted" | "hunk";
  /** Its number there; null where it is not in that file. */
  old: number | null;
  new: number | null;
  text: string;
}

export interface PatchFile {
  path: string;
  lines: PatchLine[];
}

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)$/;

/** Reads a patch as `git diff` writes it: each file with its numbered lines. A binary one has none. */
export function readPatch(patch: string): PatchFile[] {
  const files: PatchFile[] = [];
  let file: PatchFile | undefined;
  let [oldAt, newAt] = [0, 0];
  let inHunk = false;
  for (const line of patch.split("\n")) {
    const hunk = HUNK.exec(line);
    if (line.startsWith("diff --git ")) {
      file = { path: pathOf(line.slice(11)), lines: [] };
      files.push(file);
      inHunk = false;
    } else if (!file) {
      continue;
    } else if (hunk) {
      [oldAt, newAt, inHunk] = [Number(hunk[1]), Number(hunk[2]), true];
      file.lines.push({ kind: "hunk", old: null, new: null, text: hunk[3]!.trim() });
    } else if (!inHunk) {
      // The name as the file has it now; of a deleted one, as it was.
      const named = /^(?:\+\+\+ b\/|rename to |copy to )(.+?)\t?$/.exec(line);
      if (named) file.path = unquoted(named[1]!);
    } else if (line.startsWith("+")) {
      file.lines.push({ kind: "added", old: null, new: newAt++, text: line.slice(1) });
    } else if (line.startsWith("-")) {
      file.lines.push({ kind: "deleted", old: oldAt++, new: null, text: line.slice(1) });
    } else if (line.startsWith(" ")) {
      file.lines.push({ kind: "same", old: oldAt++, new: newAt++, text: line.slice(1) });
    }
  }
  return files;
}

/** A line as both sides show it: what was on the left, what is on the right. */
export interface Pair {
  left?: PatchLine;
  right?: PatchLine;
}

/** The lines side by side: what was deleted beside what was added in its place. */
export function sideBySide(lines: PatchLine[]): Pair[] {
  const pairs: Pair[] = [];
  let open: Pair[] = [];
  for (const line of lines) {
    if (line.kind === "deleted") {
      const pair: Pair = { left: line };
      open.push(pair);
      pairs.push(pair);
    } else if (line.kind === "added" && open.length > 0) {
      open.shift()!.right = line;
    } else {
      pairs.push(line.kind === "added" ? { right: line } : { left: line, right: line });
      if (line.kind !== "added") open = [];
    }
  }
  return pairs;
}

/** `a/PATH b/PATH`; both are the same unless a later line says otherwise. */
function pathOf(names: string): string {
  const quoted = / ("b\/.*")$/.exec(names)?.[1];
  if (quoted) return unquoted(quoted).slice(2);
  return names.slice(names.length / 2 + 1).replace(/^b\//, "");
}

/** git quotes names with unusual characters as C does. */
function unquoted(name: string): string {
  if (!name.startsWith('"')) return name;
  const bytes: number[] = [];
  const inner = name.slice(1, -1);
  for (let at = 0; at < inner.length; at++) {
    const octal = /^\\([0-7]{3})/.exec(inner.slice(at));
    if (octal) {
      bytes.push(parseInt(octal[1]!, 8));
      at += 3;
    } else {
      if (inner[at] === "\\") at++;
      bytes.push(...new TextEncoder().encode(inner[at] ?? ""));
    }
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}
