// The demo agent: an honest stand-in for an AI agent, so that a fresh installation can show queue,
// progress and result without an account or a network. It reads a prompt from stdin, says what an
// agent would do with it, and does nothing else. Steps go to stderr, the answer to stdout: the
// "text" format of executor/presets.ts.
import { basename } from "node:path";

const [model = "an agent", ...flags] = Deno.args;
const prompt = (await new Response(Deno.stdin.readable).text()).trim();
const folder = basename(Deno.cwd());
const files = [...Deno.readDirSync(".")].length;
const pause = flags.includes("--quick") ? 50 : 2_000;

const steps = [
  `I am the demo agent in the place of ${model}`,
  `Looking into "${folder}": ${files} ${files === 1 ? "entry" : "entries"}`,
  `Read the prompt: ${prompt.length} characters`,
  "Here an agent would plan, edit and test",
];
for (const step of steps) {
  console.error(step);
  await new Promise((resolve) => setTimeout(resolve, pause));
}

// A plan is read by a program, which wants a list and nothing else.
if (Deno.env.get("AURA_TASK_KIND") === "plan") {
  console.log(JSON.stringify(["Demo: look at the goal", "Demo: do nothing", "Demo: say so"]));
} else {
  console.log([
    `This is the demo agent, not ${model}: nothing was read but your message, and nothing was changed.`,
    "",
    "You wrote:",
    ...prompt.split("\n").slice(0, 20).map((line) => `> ${line}`),
    "",
    `With ${model} installed, it would have worked on this in the folder "${folder}".`,
    'To enrol this machine with its own agents: "npm run executor -- enroll".',
  ].join("\n"));
}
