import type { Json } from "../database.types.ts";
import type {
  Device,
  DeviceWithModels,
  MeshActivity,
  Model,
  Platform,
  Registration,
  Route,
  RoutingRule,
  UsageReport,
} from "../rows.ts";
import { rows } from "./base.ts";
import { FileCalls } from "./files.ts";

/** Devices, and which of them gets what. */
export class MeshCalls extends FileCalls {
  /** The devices that the caller may know of, by name, each with its models. */
  async fetchDevices(): Promise<DeviceWithModels[]> {
    const [devices, models] = await Promise.all([
      this.db.from("mesh_devices").select().order("name").then(rows<Device>),
      this.db.from("mesh_device_models").select().order("model")
        .then(rows<DeviceWithModels["models"][number]>),
    ]);
    return devices.map((device) => ({
      ...device,
      models: models.filter((model) => model.device_id === device.id),
    }));
  }

  /**
   * Enrols a device, or gives it a new token; the token is shown this once. `servers` are the only ones that
   * it works for; without, all on which the caller is an operator.
   *
   * @throws {AuraError} bad_argument, server_not_found, role_required, device_name_taken
   */
  registerDevice(
    name: string,
    platform: Platform,
    models: (Model | { model: Model; version?: string })[],
    options: { max_running?: number; servers?: string[] } = {},
  ): Promise<Registration> {
    return this.rpc("register_device", { name, platform, models: models as Json, ...options });
  }

  /**
   * A draining device finishes what it runs and claims nothing more; operators.
   *
   * @throws {AuraError} device_not_found, role_required
   */
  setDeviceDraining(deviceId: string, draining: boolean): Promise<Device> {
    return this.rpc("set_device_draining", { device_id: deviceId, draining });
  }

  /**
   * Makes a device work for these servers alone, or, with null, for all on which whoever registered it is an
   * operator; what it runs goes on. Who registered it, and admins.
   *
   * @throws {AuraError} device_not_found, role_required, server_not_found, bad_argument
   */
  setDeviceServers(deviceId: string, serverIds: string[] | null): Promise<Device> {
    return this.rpc("set_device_servers", { device_id: deviceId, servers: serverIds });
  }

  /**
   * Removes a device with its token; what it runs goes back when its lease ends.
   *
   * @throws {AuraError} device_not_found, role_required
   */
  removeDevice(deviceId: string): Promise<Device> {
    return this.rpc("remove_device", { device_id: deviceId });
  }

  /**
   * Attempts and waits by the hour, for the last 24 hours or so many.
   *
   * @param hours 1 to 168
   * @throws {AuraError} bad_argument
   */
  fetchMeshActivity(hours?: number): Promise<MeshActivity> {
    return this.rpc("mesh_activity", hours === undefined ? {} : { hours });
  }

  /**
   * What ran in the last days, for whom and with which model; of one server, where one is named.
   *
   * @param options days: 1 to 366, today included; 30 unless given
   * @throws {AuraError} server_not_found, bad_argument
   */
  fetchUsageReport(options: { days?: number; server_id?: string } = {}): Promise<UsageReport> {
    return this.rpc("usage_report", options);
  }

  /**
   * What a dispatch of this request to this channel would become, without dispatching it.
   *
   * @throws {AuraError} channel_not_found, content_empty, content_too_long
   */
  explainRoute(channelId: string, content: string): Promise<Route> {
    return this.rpc("explain_route", { channel_id: channelId, content });
  }

  /** The rules in their order. */
  listRoutingRules(): Promise<RoutingRule[]> {
    return this.rpc("list_routing_rules", {});
  }

  /**
   * Changes the rule at its position, or adds it there.
   *
   * @throws {AuraError} role_required, bad_argument, content_too_long
   */
  saveRoutingRule({ position, ...rule }: RoutingRule): Promise<RoutingRule> {
    return this.rpc("save_routing_rule", { rule: position, ...rule });
  }

  /**
   * Removes the rule at this position, and returns it.
   *
   * @throws {AuraError} role_required, bad_argument
   */
  removeRoutingRule(position: number): Promise<RoutingRule> {
    return this.rpc("remove_routing_rule", { rule: position });
  }
}
