// An empty project into which a package is installed as npm would publish it.
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname!, "../..");

export class Project implements AsyncDisposable {
  private constructor(readonly folder: string) {}

  /**
   * Packs a workspace and installs the tarball in a new project. The packages that it needs are linked
   * from here, so that nothing has to come from a registry.
   */
  static async with(workspace: string, linked: string[] = []): Promise<Project> {
    const project = new Project(await Deno.makeTempDir({ prefix: "aura-project-" }));
    // The database's programs, which are not run as root, must be able to enter it.
    await Deno.chmod(project.folder, 0o755);
    await output(join(ROOT, workspace), "npm", ["pack", "--pack-destination", project.folder]);
    await project.write("package.json", `{ "type": "module" }`);
    const tarball = [...Deno.readDirSync(project.folder)]
      .find(({ name }) => name.endsWith(".tgz"))!.name;
    const paths = linked.map((name) => join(ROOT, "node_modules", name));
    await project.run("npm", "install", "--offline", "--no-audit", `./${tarball}`, ...paths);
    return project;
  }

  async write(path: string, text: string): Promise<void> {
    const file = join(this.folder, path);
    await Deno.mkdir(join(file, ".."), { recursive: true });
    await Deno.writeTextFile(file, text);
  }

  read(path: string): Promise<string> {
    return Deno.readTextFile(join(this.folder, path));
  }

  /** The names in a folder of it, sorted. */
  list(path: string): string[] {
    return [...Deno.readDirSync(join(this.folder, path))].map(({ name }) => name).sort();
  }

  /** Runs a program in it and returns what that printed; throws with it all when it fails. */
  run(program: string, ...args: string[]): Promise<string> {
    return output(this.folder, program, args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function output(cwd: string, program: string, args: string[]): Promise<string> {
  const command = new Deno.Command(program, { args, cwd, stdin: "null" });
  const { success, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  if (success) return text.decode(stdout);
  throw new Error(`"${program}" failed:\n${text.decode(stdout)}${text.decode(stderr)}`);
}
