import type { Model, Platform } from "@aura-servers/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId } from "react";
import { useBackend } from "../data/aura.ts";
import { useModels } from "../data/useModels.ts";
import { Button } from "../ui/Button.tsx";
import { CopyButton } from "../ui/CopyButton.tsx";
import { Refusal } from "../ui/Failure.tsx";
import { Modal } from "../ui/Modal.tsx";
import styles from "./DeviceForm.module.css";
import { chosenServers, ServerChoice } from "./ServerChoice.tsx";

const platforms: Record<Platform, string> = { macos: "macOS", linux: "Linux", windows: "Windows" };

/** Enrols a device; its token is shown once, here. */
export function RegisterDevice({ open, close }: { open: boolean; close: () => void }) {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const models = useModels();
  const ids = { name: useId(), platform: useId(), slots: useId() };
  const register = useMutation({
    mutationFn: (form: FormData) =>
      aura.registerDevice(
        String(form.get("name")).trim(),
        form.get("platform") as Platform,
        form.getAll("models") as Model[],
        {
          max_running: Number(form.get("slots")),
          servers: chosenServers(form) ?? undefined,
        },
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["devices"] }),
  });

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    register.mutate(new FormData(event.currentTarget));
  }

  function leave() {
    register.reset();
    close();
  }

  const token = register.data?.token;
  return (
    <Modal
      open={open}
      close={leave}
      shape="box"
      title={<h2>{token ? "Its token" : "Add a device"}</h2>}
    >
      {token
        ? (
          <>
            <p>Give it to the executor on {register.data?.device.name}. It is not shown again.</p>
            <div className={styles.token}>
              <code>{token}</code>
              <CopyButton text={() => token} />
            </div>
            <footer className={styles.foot}>
              <Button look="primary" onClick={leave}>Done</Button>
            </footer>
          </>
        )
        : (
          <form className={styles.form} onSubmit={submit}>
            <label htmlFor={ids.name}>
              Name
              <input id={ids.name} name="name" required maxLength={80} autoComplete="off" />
            </label>
            <label htmlFor={ids.platform}>
              Platform
              <select id={ids.platform} name="platform">
                {Object.entries(platforms).map(([value, name]) => (
                  <option key={value} value={value}>{name}</option>
                ))}
              </select>
            </label>
            <fieldset className={styles.choices}>
              <legend>Models</legend>
              {models.map(({ name, label }, index) => (
                <label key={name}>
                  <input type="checkbox" name="models" value={name} defaultChecked={index === 0} />
                  {label}
                </label>
              ))}
            </fieldset>
            <ServerChoice />
            <label htmlFor={ids.slots}>
              Tasks at once
              <input
                id={ids.slots}
                name="slots"
                type="number"
                min={1}
                max={100}
                defaultValue={1}
                required
              />
            </label>
            <Refusal error={register.error} />
            <footer className={styles.foot}>
              <Button onClick={leave}>Cancel</Button>
              <Button look="primary" type="submit" disabled={register.isPending}>Add device</Button>
            </footer>
          </form>
        )}
    </Modal>
  );
}
