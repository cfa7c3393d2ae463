// A forge for tests: a bare repository that is known by an address of the web, and a program in the
// place of gh that keeps its pull requests in a folder.
import { join } from "node:path";
import { git } from "./test_project.ts";

export class TestForge {
  readonly bare: string;
  readonly bin: string;
  readonly #state: string;

  /** Adds itself to the project as `origin`. */
  constructor(base: string, project: string) {
    this.bare = join(base, "forge.git");
    this.bin = join(base, "forge-bin");
    this.#state = join(base, "forge-state");
    git(base, "clone", "-q", "--bare", project, this.bare);
    git(project, "remote", "add", "origin", "https://somebody:secret@forge.example/team/app.git");
    git(
      project,
      "config",
      `url.${this.bare}.insteadOf`,
      "https://somebody:secret@forge.example/team/app.git",
    );
    Deno.mkdirSync(this.bin);
    Deno.mkdirSync(this.#state);
    this.gh(GH(this.#state));
  }

  /** Replaces the program. */
  gh(script: string): void {
    Deno.writeTextFileSync(join(this.bin, "gh"), script, { mode: 0o755 });
  }

  /** How gh was called, one line a call; line ends in arguments are shown as `\n`. */
  calls(): string[] {
    try {
      return Deno.readTextFileSync(join(this.#state, "calls")).trim().split(/ *\n/);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  branches(): string[] {
    return git(this.bare, "for-each-ref", "--format=%(refname:short)").split("\n");
  }

  get path(): string {
    return `${this.bin}:${Deno.env.get("PATH")}`;
  }
}

const GH = (state: string) =>
  `#!/bin/sh
for arg; do printf '%s ' "$arg"; done | tr '\\n' '~' >> '${state}/calls'; echo >> '${state}/calls'
case "$1 $2" in
  "pr list")
    if [ -e '${state}/url' ]; then printf '[{"url":"%s"}]' "$(cat '${state}/url')"; else echo '[]'; fi ;;
  "pr create")
    cat > '${state}/body'
    echo "Creating pull request" >&2
    echo https://forge.example/team/app/pull/7 | tee '${state}/url' ;;
  *) exit 2 ;;
esac
`;
