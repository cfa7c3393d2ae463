import { useCaller } from "../data/caller.ts";
import styles from "./DeviceForm.module.css";

/** The servers that a device may be for, in a form: their ids are its field `servers`. */
export function ServerChoice({ chosen = [] }: { chosen?: string[] }) {
  const { servers } = useCaller();
  return (
    <fieldset className={styles.choices}>
      <legend>The only servers it works for (none: all)</legend>
      {servers.filter(({ role }) => role !== "viewer").map(({ server_id, name }) => (
        <label key={server_id}>
          <input
            type="checkbox"
            name="servers"
            value={server_id}
            defaultChecked={chosen.includes(server_id)}
          />
          {name}
        </label>
      ))}
    </fieldset>
  );
}

/** What is chosen in such a form; null: all of them. */
export function chosenServers(form: FormData): string[] | null {
  return form.has("servers") ? form.getAll("servers").map(String) : null;
}
