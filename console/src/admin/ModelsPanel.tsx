import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil, Plus } from "lucide-react";
import { useState } from "react";
import type { HubModel } from "@aura-servers/client";
import { useBackend } from "../data/aura.ts";
import { Button } from "../ui/Button.tsx";
import { Refusal } from "../ui/Failure.tsx";
import { IconButton } from "../ui/IconButton.tsx";
import styles from "./AdminPage.module.css";
import { EntryForm, textOf } from "./EntryForm.tsx";

/** The models that tasks may be given to. */
export function ModelsPanel() {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const { data = [], error } = useQuery({
    queryKey: ["models"],
    queryFn: () => aura.fetchModels(),
  });
  const [edited, edit] = useState<HubModel | "new" | null>(null);
  const model = edited === "new" ? undefined : edited ?? undefined;

  async function save(form: FormData) {
    const name = model?.name ?? textOf(form, "name") ?? "";
    await aura.saveModel({
      name,
      label: textOf(form, "label") ?? name,
      position: Number(form.get("position")),
      enabled: form.get("enabled") !== null,
    });
    await queries.invalidateQueries({ queryKey: ["models"] });
  }

  return (
    <section className={styles.list} aria-label="Models">
      <Refusal error={error} />
      <div>
        {data.map((one) => (
          <div key={one.name} className={styles.row}>
            <span className={styles.name}>{one.label}</span>
            <small>{one.name}</small>
            {!one.enabled && <small>off</small>}
            <IconButton
              icon={Pencil}
              size={15}
              label={`Edit ${one.label}`}
              onClick={() => edit(one)}
            />
          </div>
        ))}
      </div>
      <div>
        <Button onClick={() => edit("new")}>
          <Plus size={15} aria-hidden="true" /> Add model
        </Button>
      </div>
      {edited && (
        <EntryForm
          title={model?.label ?? "Add a model"}
          close={() => edit(null)}
          save={save}
        >
          {!model && (
            <label>
              Name, as devices call it
              <input name="name" required pattern="[a-z0-9\-]{1,32}" />
            </label>
          )}
          <label>
            Shown as
            <input name="label" defaultValue={model?.label} />
          </label>
          <label>
            Place in the order
            <input name="position" type="number" required defaultValue={model?.position ?? 100} />
          </label>
          <label>
            <input type="checkbox" name="enabled" defaultChecked={model?.enabled ?? true} />
            Tasks may be given to it
          </label>
        </EntryForm>
      )}
    </section>
  );
}
