// A whole run, kept: as bench/results.json, and as the table of docs/performance.md.
import { join } from "node:path";
import { markdown, type Report } from "./report.ts";

const ROOT = join(import.meta.dirname!, "..");
const PAGE = join(ROOT, "docs/performance.md");
const TABLE = /(<!-- results -->\n)[^]*(<!-- end of results -->)/;

export async function publish(report: Report): Promise<void> {
  await Deno.writeTextFile(
    join(ROOT, "bench/results.json"),
    JSON.stringify(report, null, 2) + "\n",
  );
  const page = await Deno.readTextFile(PAGE);
  await Deno.writeTextFile(
    PAGE,
    page.replace(TABLE, (_, begin, end) => `${begin}\n${markdown(report)}\n${end}`),
  );
}
