import type { Device } from "@aura-servers/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useBackend } from "../data/aura.ts";
import { Button } from "../ui/Button.tsx";
import { Refusal } from "../ui/Failure.tsx";
import { Modal } from "../ui/Modal.tsx";
import styles from "./DeviceForm.module.css";
import { chosenServers, ServerChoice } from "./ServerChoice.tsx";

/** A button and its form: for which servers a device works. */
export function DeviceServers({ device }: { device: Device }) {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const keep = useMutation({
    mutationFn: (form: FormData) => aura.setDeviceServers(device.id, chosenServers(form)),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["devices"] });
      setOpen(false);
    },
  });

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    keep.mutate(new FormData(event.currentTarget));
  }

  return (
    <>
      <Button onClick={() => setOpen(true)}>Servers</Button>
      <Modal
        open={open}
        close={() => setOpen(false)}
        shape="box"
        title={<h2>Servers of {device.name}</h2>}
      >
        <form className={styles.form} onSubmit={submit}>
          <ServerChoice chosen={device.server_ids ?? []} />
          <p>What it runs goes on.</p>
          <Refusal error={keep.error} />
          <footer className={styles.foot}>
            <Button onClick={() => setOpen(false)}>Cancel</Button>
            <Button look="primary" type="submit" disabled={keep.isPending}>Save</Button>
          </footer>
        </form>
      </Modal>
    </>
  );
}
