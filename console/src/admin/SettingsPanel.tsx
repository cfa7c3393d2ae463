import type { Json } from "@aura-servers/client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { useBackend } from "../data/aura.ts";
import { Button } from "../ui/Button.tsx";
import { Failure, Refusal } from "../ui/Failure.tsx";
import { Loading } from "../ui/Loading.tsx";
import styles from "./AdminPage.module.css";

const key = ["settings"];

/** Every number and limit of the backend, by its own name. */
export function SettingsPanel() {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const { data, error, refetch } = useQuery({
    queryKey: key,
    queryFn: () => aura.updateSettings(),
  });
  const save = useMutation({
    mutationFn: (changes: Record<string, Json>) => aura.updateSettings(changes),
    onSuccess: (settings) => queries.setQueryData(key, settings),
  });
  if (error) {
    return (
      <Failure
        title="The settings could not be read"
        error={error}
        retry={() => void refetch()}
      />
    );
  }
  if (!data) return <Loading label="Loading the settings" />;
  const editable = Object.entries(data).filter(([, value]) => typeof value !== "object");

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const changes = editable.flatMap(([name, before]) => {
      const after = typeof before === "boolean"
        ? form.get(name) !== null
        : typeof before === "number"
        ? Number(form.get(name))
        : String(form.get(name));
      return after === before ? [] : [[name, after] as const];
    });
    if (changes.length) save.mutate(Object.fromEntries(changes));
  }

  return (
    <form className={styles.form} onSubmit={submit} aria-label="Settings">
      {editable.map(([name, value]) =>
        typeof value === "boolean"
          ? (
            <label key={name}>
              <input type="checkbox" name={name} defaultChecked={value} />
              {name.replaceAll("_", " ")}
            </label>
          )
          : (
            <label key={name}>
              {name.replaceAll("_", " ")}
              <input
                name={name}
                type={typeof value === "number" ? "number" : "text"}
                defaultValue={String(value)}
                step="any"
              />
            </label>
          )
      )}
      <Refusal error={save.error} />
      {save.isSuccess && <p role="status">Saved.</p>}
      <footer className={styles.foot}>
        <Button look="primary" type="submit" disabled={save.isPending}>Save</Button>
      </footer>
    </form>
  );
}
