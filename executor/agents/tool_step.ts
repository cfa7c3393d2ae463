import { firstLine } from "../text.ts";
import type { Event } from "./json.ts";

/** What a tool is about to do, by the one input that tells most. */
export function toolStep(name: string, input: Event): string {
  if (typeof input.command === "string") return `$ ${firstLine(input.command)}`;
  const subject = SUBJECTS.map((key) => input[key]).find((value) => typeof value === "string");
  return subject ? `${name}: ${firstLine(subject, 120)}` : name;
}

const SUBJECTS = [
  "file_path",
  "absolute_path",
  "dir_path",
  "path",
  "notebook_path",
  "description",
  "pattern",
  "query",
  "url",
  "prompt",
];
