import type { UsageReport } from "@aura-servers/client";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useBackend } from "../data/aura.ts";
import { roleOn, useCaller } from "../data/caller.ts";
import type { ServerWithChannels } from "../data/useServers.ts";
import { BarChart } from "../ui/BarChart.tsx";
import { duration } from "../ui/duration.ts";
import { Refusal } from "../ui/Failure.tsx";
import { SegmentedControl } from "../ui/SegmentedControl.tsx";
import styles from "./AdminPage.module.css";

type Row = UsageReport["rows"][number];
type Measure = "tasks" | "time" | "tokens" | "cost";

const measures: Record<Measure, string> = {
  tasks: "Tasks",
  time: "Time",
  tokens: "Tokens",
  cost: "Cost",
};
const spans = { 7: "7 days", 30: "30 days", 90: "90 days" };
const DAY_MS = 86_400_000;

const whole = new Intl.NumberFormat();
const dollars = new Intl.NumberFormat(undefined, { style: "currency", currency: "USD" });
const sum = (rows: Row[], figure: (row: Row) => number) =>
  rows.reduce((total, row) => total + figure(row), 0);
const dayName = (day: string) =>
  new Date(day).toLocaleDateString(undefined, { month: "short", day: "numeric", timeZone: "UTC" });

/** What a bar of each measure is stacked of, and how its figures are written. */
const charts: Record<Measure, {
  parts: Record<string, [name: string, figure: (row: Row) => number]>;
  format: (value: number) => string;
}> = {
  tasks: {
    parts: {
      main: ["complete", ({ complete }) => complete],
      bad: ["failed", ({ failed }) => failed],
    },
    format: whole.format,
  },
  time: {
    parts: { main: ["agents at work", ({ running_ms }) => running_ms] },
    format: duration,
  },
  tokens: {
    parts: {
      main: ["in", ({ input_tokens }) => input_tokens],
      other: ["out", ({ output_tokens }) => output_tokens],
    },
    format: whole.format,
  },
  cost: { parts: { main: ["as agents told", ({ cost_usd }) => cost_usd] }, format: dollars.format },
};

/** What ran, by day in a chart, and for whom and with which model in tables. */
export function UsagePanel(
  { servers, everywhere }: { servers: ServerWithChannels[]; everywhere: boolean },
) {
  const { aura } = useBackend();
  const caller = useCaller();
  const own = servers.filter(({ id }) => roleOn(caller, id) === "admin");
  const [serverId, choose] = useState(everywhere ? "" : own[0]?.id ?? "");
  const [days, setDays] = useState<keyof typeof spans>(30);
  const [measure, setMeasure] = useState<Measure>("tasks");
  const { data, error } = useQuery({
    queryKey: ["usage", days, serverId],
    queryFn: () => aura.fetchUsageReport({ days, ...serverId && { server_id: serverId } }),
    placeholderData: (before) => before,
  });
  const rows = data?.rows ?? [];
  const { parts, format } = charts[measure];
  const text = (some: Row[]) =>
    Object.values(parts).map(([name, figure]) => `${format(sum(some, figure))} ${name}`).join(", ");
  const first = data ? Date.parse(data.since) : Date.now();
  const dates = Array.from(
    { length: Math.round((Date.now() - first) / DAY_MS + 0.5) },
    (_, n) => new Date(first + n * DAY_MS).toISOString().slice(0, 10),
  );
  return (
    <section className={styles.list} aria-label="Usage">
      <div className={styles.form}>
        <label>
          Where
          <select value={serverId} onChange={({ target }) => choose(target.value)}>
            {everywhere && <option value="">Everywhere</option>}
            {own.map(({ id, display_name }) => <option key={id} value={id}>{display_name}</option>)}
          </select>
        </label>
        <label>
          Of the last
          <select
            value={days}
            onChange={({ target }) => setDays(Number(target.value) as keyof typeof spans)}
          >
            {Object.entries(spans).map(([value, name]) => (
              <option key={value} value={value}>{name}</option>
            ))}
          </select>
        </label>
      </div>
      <SegmentedControl label="Measure" value={measure} options={measures} change={setMeasure} />
      <Refusal error={error} />
      <BarChart
        title={`${measures[measure]} per day`}
        summary={text(rows)}
        legend={Object.fromEntries(Object.entries(parts).map(([part, [name]]) => [part, name]))}
        bars={dates.map((date) => {
          const some = rows.filter(({ day }) => day === date);
          return {
            name: dayName(date),
            parts: Object.fromEntries(
              Object.entries(parts).map(([part, [, figure]]) => [part, sum(some, figure)]),
            ),
            text: text(some),
          };
        })}
        format={format}
      />
      <UsageTable title="Model" rows={rows} of={({ model }) => model} />
      <UsageTable title="Person" rows={rows} of={({ label }) => label} />
    </section>
  );
}

function UsageTable(
  { title, rows, of }: { title: string; rows: Row[]; of: (row: Row) => string },
) {
  const groups = Object.entries(Object.groupBy(rows, of))
    .toSorted(([, a = []], [, b = []]) =>
      sum(b, ({ running_ms }) => running_ms) - sum(a, ({ running_ms }) => running_ms)
    );
  if (groups.length === 0) return null;
  return (
    <div
      className={styles.wide}
      tabIndex={0}
      role="region"
      aria-label={`By ${title.toLowerCase()}`}
    >
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{title}</th>
            <th scope="col">Complete</th>
            <th scope="col">Failed</th>
            <th scope="col">Time</th>
            <th scope="col">Tokens in</th>
            <th scope="col">Tokens out</th>
            <th scope="col">Cost</th>
          </tr>
        </thead>
        <tbody>
          {groups.map(([name, group = []]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{whole.format(sum(group, ({ complete }) => complete))}</td>
              <td>{whole.format(sum(group, ({ failed }) => failed))}</td>
              <td>{duration(sum(group, ({ running_ms }) => running_ms))}</td>
              <td>{whole.format(sum(group, ({ input_tokens }) => input_tokens))}</td>
              <td>{whole.format(sum(group, ({ output_tokens }) => output_tokens))}</td>
              <td>{dollars.format(sum(group, ({ cost_usd }) => cost_usd))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
