import { type Command, Option } from "commander";
import { closestMatch } from "leven";
import process from "node:process";
import {
  AuraError,
  type Device,
  type DeviceWithModels,
  type Model,
  type Platform,
} from "../../client/index.ts";
import type { Context } from "../context.ts";
import { count } from "../options.ts";
import { when } from "../when.ts";

interface RegisterOptions {
  platform: Platform;
  model: Model[];
  maxRunning?: number;
}

export function addDevices(program: Command, context: () => Context): void {
  const devices = program.command("devices").description("list the devices, or manage them");

  devices.command("list", { isDefault: true }).description("list the devices")
    .action(() => list(context()));

  devices.command("register").description("enrol a device, or give it a new token; shown once")
    .argument("<name>")
    .addOption(
      new Option("--platform <platform>", "its system")
        .choices(["macos", "linux", "windows"]).default(thisPlatform(), "this machine's"),
    )
    .requiredOption("--model <model...>", "what runs there")
    .option("--max-running <count>", "how many tasks at once", count)
    .action((name: string, options: RegisterOptions) => register(context(), name, options));

  devices.command("drain").description("let a device finish what it runs and claim no more")
    .argument("<name>").action((name: string) => setDraining(context(), name, true));

  devices.command("resume").description("let a drained device claim again")
    .argument("<name>").action((name: string) => setDraining(context(), name, false));
}

async function list({ aura, out }: Context): Promise<void> {
  const devices = await aura.fetchDevices();
  out.table(
    devices,
    ["NAME", "STATUS", "PLATFORM", "MODELS", "SLOTS", "LAST SEEN"],
    devices.map((device) => [
      device.name,
      statusText(device),
      device.platform,
      device.models.map((model) => modelText(out, model)).join(", "),
      String(device.max_running),
      when(out, device.last_seen_at),
    ]),
  );
}

function modelText(out: Context["out"], model: DeviceWithModels["models"][number]): string {
  const until = model.rate_limited_until;
  const throttled = until && Date.parse(until) > Date.now();
  return model.model + (throttled ? ` (rate limited until ${when(out, until)})` : "");
}

async function register({ aura, out }: Context, name: string, options: RegisterOptions) {
  const { platform, model, maxRunning } = options;
  const limits = maxRunning === undefined ? {} : { max_running: maxRunning };
  const registration = await aura.registerDevice(name, platform, model, limits);
  out.result(registration, () => [registration.token]);
}

async function setDraining({ aura, out }: Context, name: string, draining: boolean) {
  const devices = await aura.fetchDevices();
  const device = devices.find((candidate) => candidate.name === name);
  if (!device) {
    const nearest = closestMatch(name, devices.map((candidate) => candidate.name));
    const hint = nearest ? `Did you mean ${nearest}?` : "List them with `hub devices`.";
    throw new AuraError("device_not_found", 404, `There is no device "${name}".`, hint);
  }
  const changed = await aura.setDeviceDraining(device.id, draining);
  out.result(changed, () => [`${changed.name} is ${statusText(changed)}`]);
}

/** An offline device keeps being told to drain. */
function statusText({ status, draining }: Device): string {
  return draining && status !== "draining" ? `${status}, draining` : status;
}

function thisPlatform(): Platform {
  const { platform } = process;
  return platform === "darwin" ? "macos" : platform === "win32" ? "windows" : "linux";
}
