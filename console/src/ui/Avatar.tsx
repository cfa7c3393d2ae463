import styles from "./Avatar.module.css";

const hue = (name: string) =>
  [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) % 360, 7);

/** A person's first letter, on a colour of their own. */
export function Avatar({ name, size = 28 }: { name: string; size?: number }) {
  return (
    <span
      className={styles.avatar}
      style={{ "--hue": hue(name), "--size": `${size}px` } as React.CSSProperties}
      data-letter={name.trim().charAt(0).toUpperCase() || "?"}
      aria-hidden="true"
    />
  );
}
