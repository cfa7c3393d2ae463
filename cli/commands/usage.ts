import { type Command, Option } from "commander";
import type { UsageReport } from "../../client/index.ts";
import type { Context } from "../context.ts";
import { findServer } from "../names.ts";
import { count } from "../options.ts";

type Row = UsageReport["rows"][number];

const KEYS = { day: "day", model: "model", person: "label" } as const;

export function addUsage(program: Command, context: () => Context): void {
  program.command("usage")
    .description("show what ran in the last days: tasks, time, tokens and cost")
    .addOption(
      new Option("--by <what>", "a line for each").choices(Object.keys(KEYS)).default("model"),
    )
    .option("--days <count>", "so many, today included (in UTC)", count, 30)
    .option("--server <name>", "of this server only")
    .action((options: { by: keyof typeof KEYS; days: number; server?: string }) =>
      usage(context(), options)
    );
}

async function usage(
  { aura, out }: Context,
  { by, days, server: name }: { by: keyof typeof KEYS; days: number; server?: string },
) {
  const server = name === undefined ? undefined : await findServer(aura, name);
  const report = await aura.fetchUsageReport({ days, ...server && { server_id: server.id } });
  const groups = Object.entries(Object.groupBy(report.rows, (row) => row[KEYS[by]])).sort();
  out.table(
    report.rows,
    [by.toUpperCase(), "COMPLETE", "FAILED", "MINUTES", "TOKENS IN", "TOKENS OUT", "COST $"],
    groups.map(([group, rows = []]) => {
      const sum = (figure: (row: Row) => number) =>
        rows.reduce((total, row) => total + figure(row), 0);
      return [
        group,
        String(sum(({ complete }) => complete)),
        String(sum(({ failed }) => failed)),
        String(Math.round(sum(({ running_ms }) => running_ms) / 60_000)),
        String(sum(({ input_tokens }) => input_tokens)),
        String(sum(({ output_tokens }) => output_tokens)),
        sum(({ cost_usd }) => cost_usd).toFixed(2),
      ];
    }),
  );
}
