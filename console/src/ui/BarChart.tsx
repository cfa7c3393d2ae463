import styles from "./BarChart.module.css";

/** What a part of a bar is: the first, what is beside it, or what went wrong. */
type Tone = "main" | "other" | "bad";

interface Bar {
  name: string;
  /** What the bar is stacked of, as the legend names it. */
  parts: Partial<Record<Tone, number>>;
  /** The bar in words. */
  text: string;
}

interface Props {
  title: string;
  summary: string;
  legend: Partial<Record<Tone, string>>;
  bars: Bar[];
  format?: (value: number) => string;
}

const total = (bar: Bar) => Object.values(bar.parts).reduce((sum, part) => sum + part, 0);

/** Bars of two stacked parts. Those who cannot see them have the same in a table. */
export function BarChart({ title, summary, legend, bars, format = String }: Props) {
  const highest = Math.max(...bars.map(total), 0);
  const height = (value: number) => `${highest ? (value / highest) * 100 : 0}%`;
  return (
    <figure className={styles.chart}>
      <figcaption className={styles.head}>
        <h2>{title}</h2>
        <span>{summary}</span>
      </figcaption>
      <div className={styles.plot} aria-hidden="true">
        <span className={styles.most}>{highest ? format(highest) : ""}</span>
        {bars.map((bar) => (
          <div key={bar.name} className={styles.slot} title={`${bar.name}: ${bar.text}`}>
            {Object.entries(bar.parts).toReversed().map(([part, value]) => (
              value > 0 && <div key={part} data-tone={part} style={{ height: height(value) }} />
            ))}
          </div>
        ))}
      </div>
      <div className={styles.foot} aria-hidden="true">
        <span>{bars[0]?.name}</span>
        <span className={styles.legend}>
          {Object.entries(legend).map(([part, name]) => (
            <span key={part}>
              <i data-tone={part} />
              {name}
            </span>
          ))}
        </span>
        <span>now</span>
      </div>
      <table className="sr-only">
        <caption>{title}: {summary}</caption>
        <tbody>
          {bars.filter((bar) => total(bar) > 0).map((bar) => (
            <tr key={bar.name}>
              <th scope="row">{bar.name}</th>
              <td>{bar.text}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}
