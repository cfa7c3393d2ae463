// hub: Aura Servers in a terminal, and in scripts.
import { Command, CommanderError } from "commander";
import process from "node:process";
import { addChanges } from "./commands/changes.ts";
import { addDevices } from "./commands/devices.ts";
import { addFiles } from "./commands/files.ts";
import { addKoji } from "./commands/koji.ts";
import { addLists } from "./commands/lists.ts";
import { addLogin } from "./commands/login.ts";
import { addMembers } from "./commands/members.ts";
import { addQuestions } from "./commands/questions.ts";
import { addRoute } from "./commands/route.ts";
import { addSearch } from "./commands/search.ts";
import { addSend } from "./commands/send.ts";
import { addTail } from "./commands/tail.ts";
import { addTask } from "./commands/task.ts";
import { addUsage } from "./commands/usage.ts";
import { Context } from "./context.ts";
import { EXIT, EXIT_HELP, exitCode } from "./exit.ts";
import { contentLast } from "./options.ts";
import { Output } from "./output.ts";

const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => interrupt.abort());
}
// A reader that has had enough, as in `hub tail … | head`, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(EXIT.done);
});

const program = new Command("hub")
  .description("Chat channels that run AI coding agents and data queries: Aura Servers.")
  .option("--json", "one JSON value, or one a line where things follow; errors too")
  .addHelpText("after", EXIT_HELP)
  .showHelpAfterError("Try --help.")
  .exitOverride();

let current: Context | undefined;
const context = () => current = new Context(program.opts().json ?? false, interrupt.signal);
for (
  const add of [
    addLogin,
    addLists,
    addKoji,
    addSend,
    addTail,
    addSearch,
    addTask,
    addFiles,
    addChanges,
    addQuestions,
    addDevices,
    addMembers,
    addUsage,
    addRoute,
  ]
) {
  add(program, context);
}
const code = await run();
const problem = interrupt.signal.aborted ? undefined : await current?.versionProblem;
if (problem) console.error(problem);
process.exit(code);

async function run(): Promise<number> {
  try {
    await program.parseAsync(contentLast(process.argv.slice(2), program), { from: "user" });
    return interrupt.signal.aborted ? EXIT.interrupted : Number(process.exitCode ?? EXIT.done);
  } catch (error) {
    if (interrupt.signal.aborted) return EXIT.interrupted;
    // commander has said already what is wrong with the arguments.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    new Output(program.opts().json ?? false).trouble(error as Error);
    return exitCode(error);
  }
}
