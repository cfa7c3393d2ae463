import { type ComponentType, lazy } from "react";

const loads: (() => Promise<unknown>)[] = [];

/** A component whose code is loaded when it is first shown, or by `loadRest`. */
export function later<Props>(load: () => Promise<ComponentType<Props>>) {
  loads.push(load);
  return lazy(() => load().then((component) => ({ default: component })));
}

/**
 * Loads what the first page did not need, so that it is there when the server is not. What cannot
 * be loaded says so where it is shown.
 */
export const loadRest = () => Promise.allSettled(loads.map((load) => load()));
