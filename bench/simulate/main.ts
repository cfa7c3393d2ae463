// `npm run simulate`: what a mesh of many executors and channels asks of the database, reckoned from the
// measured cost of each call. Prints the tables; with `--publish` they go into docs/scaling.md.
import { join } from "node:path";
import { readReport } from "../report.ts";
import { figureOf, table } from "./table.ts";
import { type Basis, readBasis } from "./costs.ts";
import { type Mesh, type Outcome, simulate } from "./model.ts";

const REQUESTS = 30_000;

const basis = readBasis(await readReport());
const perTask = costOfTask(basis);
/** Requests a second that keep all cores of one database busy. */
const full = basis.cores / perTask * 1000;

const MESH: Mesh = {
  executors: 0,
  channels: 1000,
  databases: 1,
  cores: basis.cores,
  arrivals: 0,
  workSeconds: 60,
  reports: 10,
};

const text = [
  introduction(basis),
  executors(),
  load(),
  channels(),
  databases(),
  pools(),
].join("\n");
console.log(text);
if (Deno.args.includes("--publish")) await publish(text);

/** Each row with as many executors as keep four fifths of their time busy. */
function executors(): string {
  const rows = [10, 100, 1000, 10_000, 100_000].map((executors) => {
    const arrivals = 0.8 * executors / MESH.workSeconds;
    return row(executors.toLocaleString("en"), { ...MESH, executors, arrivals });
  });
  return section("More and more executors, busy for 80 % of their time", "executors", rows);
}

/** Executors are plenty: only the database makes anybody wait. */
function load(): string {
  const rows = [0.25, 0.5, 0.75, 0.9, 0.95, 1.05].map((share) => {
    const arrivals = share * full;
    return row(percent(share), { ...MESH, executors: plenty(arrivals), arrivals });
  });
  return section("One database, more and more requests", "of its capacity", rows);
}

function channels(): string {
  const arrivals = full / 2;
  const rows = [1, 2, 5, 20, 1000].map((channels) =>
    row(channels.toLocaleString("en"), { ...MESH, channels, executors: plenty(arrivals), arrivals })
  );
  const hot = { ...MESH, hottest: 0.5, executors: plenty(arrivals), arrivals };
  rows.push(row("1,000, half of all requests in one", hot));
  return section(
    "Half of the database's capacity, in fewer and more channels",
    "channels",
    rows,
  );
}

function databases(): string {
  const mesh = (databases: number, hottest?: number): Mesh => {
    const arrivals = 0.75 * databases * full;
    return { ...MESH, databases, hottest, executors: plenty(arrivals), arrivals };
  };
  const rows = [1, 2, 4, 8].map((count) => row(`${count}`, mesh(count)));
  rows.push(row("8, a tenth of all requests in one channel", mesh(8, 0.1)));
  return section("Channels split over databases, each at 75 % of its capacity", "databases", rows);
}

/** A request waits for an executor of its own database, even while others are idle. */
function pools(): string {
  const executors = 64;
  const arrivals = 0.8 * executors / MESH.workSeconds;
  const rows = [1, 2, 4, 8].map((databases) =>
    row(`${databases} × ${executors / databases}`, { ...MESH, executors, arrivals, databases })
  );
  return section(
    "The same executors split over databases, busy for 80 % of their time",
    "executors",
    rows,
  );
}

function plenty(arrivals: number): number {
  return Math.ceil(arrivals * MESH.workSeconds * 1.5) + 10;
}

function row(name: string, mesh: Mesh): string[] {
  const facts = [name, figureOf(mesh.arrivals)];
  const busy = loadOfBusiest(mesh);
  // Beyond its capacity a line grows for as long as it lasts: any figure would be one of the run's length.
  if (busy >= 1) return [...facts, "–", "grows", "grows", "full", "grows"];
  return [...facts, ...cells(simulate(mesh, basis.costs, REQUESTS))];
}

/** Of the busiest database's cores or the busiest channel's row, whichever is busier. */
function loadOfBusiest(
  { arrivals, channels, databases, cores, hottest = 0, reports }: Mesh,
): number {
  const ofChannel = hottest + (1 - hottest) / channels;
  const ofDatabase = hottest + (1 - hottest) / databases;
  const posts = arrivals * ofChannel * (2 + reports);
  return Math.max(arrivals * ofDatabase * perTask / 1000 / cores, posts * basis.costs.post / 1000);
}

function cells({ throughput, wait, utilisation, call }: Outcome): string[] {
  return [
    figureOf(throughput),
    `${figureOf(wait.p50 * 1000)} ms`,
    `${figureOf(wait.p99 * 1000)} ms`,
    percent(utilisation),
    `${figureOf(call.p99)} ms`,
  ];
}

function section(title: string, first: string, rows: string[][]): string {
  const head = [
    ...[first, "requests/s", "completed/s", "wait p50", "wait p99"],
    ...["cores busy", "call p99"],
  ];
  return `### ${title}\n\n${table(head, rows)}`;
}

function introduction({ costs, cores, origin }: Basis): string {
  const rows = Object.entries(costs).map(([name, ms]) => [
    name,
    `${figureOf(ms)} ms`,
    origin[name as keyof typeof costs],
  ]);
  return [
    table(["cost", "of one", "from"], rows),
    `A request with ${MESH.reports} reports of progress costs ${figureOf(perTask)} ms of a core: ` +
    `${cores} cores are full at ${figureOf(full)} requests a second, which ` +
    `${figureOf(full * MESH.workSeconds)} agents make that work ${MESH.workSeconds} s on each.`,
    "",
  ].join("\n");
}

function costOfTask({ costs }: Basis): number {
  return costs.dispatch + costs.claim + 10 * costs.progress + costs.complete;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

async function publish(text: string): Promise<void> {
  const page = join(import.meta.dirname!, "../../docs/scaling.md");
  const written = (await Deno.readTextFile(page)).replace(
    /(<!-- simulation -->\n)[^]*(<!-- end of simulation -->)/,
    (_, begin, end) => `${begin}\n${text}\n${end}`,
  );
  await Deno.writeTextFile(page, written);
}
