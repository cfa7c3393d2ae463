// `npm run executor -- …`: the mesh executor's commands.
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { DEFAULT_PATH, readConfig, SetupError, stateFolderOf } from "./config.ts";
import { drain } from "./drain.ts";
import { addHub, enroll } from "./enroll.ts";
import { run } from "./run.ts";
import { service } from "./service.ts";
import { status } from "./status.ts";
import { clearWorktrees, worktrees } from "./worktrees.ts";
import { guardConsole } from "../terminal/printable.ts";

// Agents, their tools and the hub say what they like.
guardConsole();

const program = new Command("executor")
  .description(
    "Runs tasks of Aura Servers on this machine, with the agents that are installed here.",
  )
  .exitOverride();

const config = () => new Option("--config <file>", "the configuration file").default(DEFAULT_PATH);
const email = () =>
  new Option("--email <address>", "your account; the password is asked for, or AURA_USER_PASSWORD")
    .env("AURA_USER_EMAIL").makeOptionMandatory();

program.command("enroll")
  .description("register this machine as a device and write its configuration (as an operator)")
  .addOption(
    new Option("--url <url>", "the hub's URL").env("SUPABASE_URL").makeOptionMandatory(),
  )
  .addOption(
    new Option("--key <key>", "the hub's publishable key").env("SUPABASE_PUBLISHABLE_KEY")
      .makeOptionMandatory(),
  )
  .addOption(email())
  .option("--name <name>", "the device's name; by default that of this machine")
  .option("--root <folder>", "the folder that holds your projects")
  .option("--max-running <count>", "how many tasks run at once", count, 1)
  .option("--server <name...>", "the only servers that it works for; may be given again")
  .option("--add", "work for this hub, too, with the configuration that is there", false)
  .option("--replace", "replace the configuration that is there", false)
  .addOption(config())
  .action(async (options) => {
    const account = {
      ...options,
      publishableKey: options.key,
      configPath: resolve(options.config),
    };
    if (options.add) return console.log(await addHub(account));
    if (!options.root) throw new SetupError("Name the folder that holds your projects: --root.");
    const name = options.name ?? hostname().replace(/\..*$/, "");
    const told = await enroll({ ...account, name, root: resolve(options.root) });
    console.log(`${told}\nStart it with "run", or see "service" to keep it running.`);
  });

program.command("run")
  .description("claim tasks and run them, until Ctrl-C or SIGTERM")
  .option("--grace <seconds>", "how long running tasks may end by themselves", count, 20)
  .addOption(config())
  .action((options) => run(readConfig(options.config), options.grace * 1000));

program.command("status")
  .description("show what this machine's executor is doing")
  .addOption(config())
  .action(async (options) => {
    console.log(await status(readConfig(options.config), resolve(options.config)));
  });

program.command("drain")
  .description("let the device take no new tasks (as an operator)")
  .option("--off", "let it take tasks again", false)
  .option("--wait", "return when nothing runs any more", false)
  .addOption(email())
  .addOption(config())
  .action(async (options) => console.log(await drain(readConfig(options.config), options)));

program.command("worktrees")
  .description("list the branches and working trees that tasks have left, or clear them away")
  .argument("[names...]", "which ones; all, unless named")
  .option("--clear", "remove those of which everything is on another branch or on a remote", false)
  .option("--discard", "remove the named ones whatever is in them, with --clear", false)
  .addOption(config())
  .action(async (names, { clear, discard, config }) => {
    const read = readConfig(config);
    console.log(
      clear || discard ? await clearWorktrees(read, names, discard) : await worktrees(read, names),
    );
  });

program.command("service")
  .description("print a systemd unit or a launchd agent that keeps the executor running")
  .addOption(
    new Option("--for <system>", "which one").choices(["systemd", "launchd"])
      .default(Deno.build.os === "darwin" ? "launchd" : "systemd"),
  )
  .addOption(config())
  .action((options) => {
    const main = fileURLToPath(import.meta.url);
    const path = resolve(options.config);
    const argv = [Deno.execPath(), "run", "-A", main, "run", "--config", path];
    const unit = {
      argv,
      path: Deno.env.get("PATH") ?? "",
      stateFolder: stateFolderOf(path),
    };
    console.log(service(options.for, unit));
  });

function count(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError("It must be a whole number, 1 or more.");
}

try {
  await program.parseAsync(Deno.args, { from: "user" });
  Deno.exit(0);
} catch (error) {
  if (error instanceof CommanderError) Deno.exit(error.exitCode);
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  Deno.exit(1);
}
